"""Functions of a network, compiled by whichever backend Keras has."""

import keras


def compiled(network: keras.Model, function, jit_compile=True):
    """Makes a function of features that the backend has compiled.

    Args:
        network: Built; its variables are inputs of what is compiled, so each call sees
            their values of that moment.
        function: From a dict of features to a nest of tensors. It may read the
            network's variables, and changes none.
        jit_compile: Use XLA. Each shape is then compiled anew. PyTorch ignores it.

    Returns:
        The same function, compiled. On JAX and PyTorch features may be NumPy arrays.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(
            function, autograph=False, reduce_retracing=True, jit_compile=jit_compile
        )
    if backend == "jax":
        return _compiled_by_jax(network, function, jit_compile)

    import torch

    def without_gradients(features):
        with torch.no_grad():
            return function(features)

    return without_gradients


def _compiled_by_jax(network, function, jit_compile):
    import jax

    variables = network.variables

    def stateless(values, features):
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(features)

    if jit_compile:
        stateless = jax.jit(stateless)
    return lambda features: stateless([v.value for v in variables], features)
