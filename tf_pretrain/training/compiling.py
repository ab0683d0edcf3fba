"""Compiles or differentiates functions of a network with Keras' backend."""

import keras


def compiled(network: keras.Model, function, jit_compile=True):
    """Compiles `function`, which calls `network` without training it.

    Args:
        network: A built model, whose variables `function` reads.
        function: features, a dict of tensors -> a nested structure of tensors.
        jit_compile: Compile with XLA on TensorFlow. JAX always does, PyTorch never.

    Returns:
        A function of a dict of tensors or NumPy arrays. It uses the values that the
        variables have when it is called.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(
            function, jit_compile=jit_compile, autograph=False, reduce_retracing=True
        )
    if backend == "jax":
        import jax

        pure = jax.jit(
            lambda values, features: _called(network, values, function, features)
        )
        return lambda features: pure([v.value for v in network.variables], features)
    import torch

    def without_gradient(features):
        with torch.no_grad():
            return function(_tensors(features))

    return without_gradient


def device_name() -> str:
    """The device of the backend, for display: "cpu" or the accelerator's name."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_physical_devices("GPU")
        if not devices:
            return "cpu"
        details = tf.config.experimental.get_device_details(devices[0])
        return details.get("device_name", "gpu")
    if backend == "jax":
        import jax

        return jax.devices()[0].device_kind
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def loss_gradients(network, features):
    """The gradient of a batch's total loss for each trainable variable.

    Args:
        network: A `models.losses.Network`.
        features: A batch for it.

    Returns:
        A list in the order of `network.trainable_variables`: float32 arrays of the
        backend, None where the loss does not depend on a variable.
    """
    backend, variables = keras.backend.backend(), network.trainable_variables

    def total_loss(features):
        return network.total_loss(network.losses(features, training=True))

    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = total_loss(features)
        return [
            None if gradient is None else tf.convert_to_tensor(gradient)
            for gradient in tape.gradient(loss, [v.value for v in variables])
        ]
    if backend == "jax":
        import jax

        trained = {id(v) for v in variables}
        places = [i for i, v in enumerate(network.variables) if id(v) in trained]
        values = [v.value for v in network.variables]

        def loss_of(trainable):
            for place, value in zip(places, trainable, strict=True):
                values[place] = value
            return _called(network, values, total_loss, features)

        return jax.jit(jax.grad(loss_of))([v.value for v in variables])
    import torch

    return torch.autograd.grad(
        total_loss(_tensors(features)), [v.value for v in variables], allow_unused=True
    )


def _called(network, values, function, features):
    """`function(features)` with `values` instead of the variables' own values (JAX)."""
    mapping = list(zip(network.variables, values, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        return function(features)


def _tensors(features):
    return {n: keras.ops.convert_to_tensor(v) for n, v in features.items()}
