"""Stops runs whose losses or gradients are not finite, and finds where this began.

The optimizer skips such a step and counts it (`skipped_steps`). A few are harmless: one
unusual batch, or float16 finding its loss scale. Many in a row mean that weights or
data are broken.
"""

import math

import keras
import numpy as np
from keras import ops, tree

from tf_pretrain.errors import UserError
from tf_pretrain.training.compiling import compiled, loss_gradients
from tf_pretrain.training.step import is_loss, step_logs

_ROWS = 8  # examined together to find the layer


class NumericsError(UserError, ArithmeticError):
    """Too many steps in a row without a finite loss and gradient.

    Attributes:
        first_step: The first of these steps, from 0.
    """

    def __init__(self, message, first_step):
        super().__init__(message)
        self.first_step = first_step


class StopWhenNonFinite(keras.callbacks.Callback):
    """Stops after `max_skipped_steps` steps in a row that are not finite.

    Losses are read only once in that many steps, because reading waits for the device.
    The weights do not change in the meantime, because such steps are skipped.

    Raises:
        NumericsError: With the losses, the learning rate and the gradient norms.
    """

    def __init__(self, start_step, max_skipped_steps):
        super().__init__()
        self.start_step, self.max_skipped_steps = start_step, max_skipped_steps
        self._unread = []  # (batch, logs)
        self._last_read = -1  # batch
        self._skipped = []  # (step, figures) of the latest steps in a row
        self._last_finite_norm = None

    def on_train_batch_end(self, batch, logs=None):
        self._unread.append((batch, logs))
        if batch - self._last_read < self.max_skipped_steps:
            return
        for last_batch, unread in self._unread:
            unread = step_logs(unread)
            count = len(unread["loss"])
            for i in range(count):
                step = self.start_step + last_batch - count + 1 + i
                self._look_at(step, {name: float(v[i]) for name, v in unread.items()})
        self._unread, self._last_read = [], batch

    def _look_at(self, step, figures):
        if math.isfinite(figures["loss"] + figures["gradient_norm"]):
            self._last_finite_norm = figures["gradient_norm"]
            self._skipped = []
            return
        self._skipped.append((step, figures))
        if len(self._skipped) == self.max_skipped_steps:
            raise NumericsError(self._message(), self._skipped[0][0])

    def _message(self):
        first, figures = self._skipped[0]
        last = self._skipped[-1][0]
        losses = ", ".join(
            f"{name} {value:.4g}" for name, value in figures.items() if is_loss(name)
        )
        before = self._last_finite_norm
        return (
            f"steps {first + 1} to {last + 1} had no finite loss and gradient and were "
            f"skipped. At step {first + 1}: {losses}; learning rate "
            f"{figures['learning_rate']:.3e}; gradient norm "
            f"{figures['gradient_norm']:.4g} "
            f"(the last finite one: {'none' if before is None else f'{before:.4g}'})"
        )


def first_nonfinite(network, features) -> str:
    """The place where nan or infinity first occurs in a step, as text.

    The search order is: weights, the batch, outputs of layers in the order in which
    they finish, the loss, and gradients of single variables.

    Args:
        network: An objective.
        features: A batch for it.
    """
    for variable in network.variables:
        if not _is_finite(variable):
            return f"weight {variable.path}"
    for name, value in features.items():
        if not _is_finite(value):
            return f"feature {name} of the batch"
    features = {name: ops.convert_to_tensor(value) for name, value in features.items()}
    layer_outputs = _LayerOutputs(network)
    for start in range(0, features["input_ids"].shape[0], _ROWS):
        rows = {name: value[start : start + _ROWS] for name, value in features.items()}
        found = layer_outputs.first_nonfinite(rows) or _gradient(network, rows)
        if found is not None:
            return found
    return "nothing: the step is finite when it is computed again"


class _LayerOutputs:
    """Whether the outputs of a network's layers are finite.

    Args:
        network: An objective.
    """

    def __init__(self, network):
        self._network = network
        self._places = []  # as text, in the order of the flags of `_forward`
        # Compiled, because JAX would compile each operation for itself.
        self._are_finite = compiled(network, self._forward, jit_compile=False)

    def first_nonfinite(self, features) -> str | None:
        """The first layer to finish with nan or infinity, or else the loss."""
        flags = ops.convert_to_numpy(self._are_finite(features))
        return None if flags.all() else self._places[int(flags.argmin())]

    def _forward(self, features):
        """Booleans [layers + 1]: outputs in the order of their layers, and the loss."""
        network, flags = self._network, []
        self._places = []

        def watch(layer, call):
            def watched(*args, **kwargs):
                outputs = call(*args, **kwargs)
                self._places.append(f"output of layer {layer.path or layer.name}")
                flags.append(_all_finite(tree.flatten(outputs)))
                return outputs

            return watched

        layers = list(network._flatten_layers(include_self=False))
        for layer in layers:
            object.__setattr__(layer, "call", watch(layer, layer.call))
        try:
            loss = network.total_loss(network.losses(features, training=True))
        finally:
            for layer in layers:
                object.__delattr__(layer, "call")
        self._places.append("the loss")
        return ops.stack([*flags, _all_finite([loss])])


def _gradient(network, features):
    """The first gradient of these rows that is not finite, or None."""
    gradients = loss_gradients(network, features)
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        if gradient is not None and not _is_finite(gradient):
            return f"gradient of {variable.path}"
    return None


def _all_finite(tensors):
    """A boolean tensor; integers are finite."""
    floats = [x for x in tensors if "float" in keras.backend.standardize_dtype(x.dtype)]
    finite = [ops.all(ops.isfinite(x)) for x in floats]
    return ops.all(ops.stack(finite)) if finite else ops.convert_to_tensor(True)


def _is_finite(value):
    if "float" not in keras.backend.standardize_dtype(value.dtype):
        return True
    return bool(np.isfinite(ops.convert_to_numpy(ops.cast(value, "float32"))).all())
