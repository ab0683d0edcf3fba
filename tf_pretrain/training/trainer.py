"""`Trainer` is a Keras model that trains any network with a method `losses`."""

import importlib
from collections.abc import Iterator

import keras
import numpy as np

from tf_pretrain.data.numpy_batches import EvaluationBatches
from tf_pretrain.errors import ConfigError
from tf_pretrain.training.optimizers import AdamFamily

_INITIAL_LOSS_SCALE = 2.0**12


def require_tensorflow():
    """Raises ConfigError where Keras has another backend."""
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"KERAS_BACKEND is {keras.backend.backend()!r}; this needs tensorflow. "
            "docs/backends.md shows training with JAX and PyTorch"
        )


class _Steps(keras.callbacks.Callback):
    """Tells the network which step begins, and traces again if the network changed.

    In `on_train_batch_end` Keras gives running means; here the losses are those of the
    step. In `on_epoch_end` they are means over the epoch.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self.first_step = int(self.model.optimizer.iterations.numpy())
        self._sums = {}  # {name: (weighted sum, weight)} of the steps that have it

    def on_train_batch_end(self, batch, logs=None):
        if keras.backend.backend() != "tensorflow":
            return  # running means already
        weight = logs.get("examples", 1.0)
        for name in ("loss", *self.model.network.loss_terms):
            total, weights = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = total + weight * logs[name], weights + weight

    def on_epoch_end(self, epoch, logs=None):
        # Other callbacks and the history, which come after this, get the same dict.
        for name, (total, weights) in self._sums.items():
            logs[name] = float(total / weights)

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.network.begin_step(self.first_step + batch):
            self.model.make_train_function(force=True)

    def on_train_end(self, logs=None):
        self.model.network.end_training()


def _data_for_keras(x):
    """Batches of NumPy features in the form that Keras takes.

    Keras would read a dict from an iterator as (x, y). In a tuple of one it is x.
    """
    is_numpy = isinstance(x, Iterator | EvaluationBatches)
    if is_numpy and keras.backend.backend() != "tensorflow":
        return ((features,) for features in x)
    return x


def _step_class():
    """The train step of Keras' backend; no other backend is imported."""
    module, name = {
        "tensorflow": ("tensorflow_step", "TensorFlowStep"),
        "jax": ("jax_step", "JaxStep"),
        "torch": ("torch_step", "TorchStep"),
    }[keras.backend.backend()]
    return getattr(importlib.import_module(f"tf_pretrain.training.{module}"), name)


class Trainer(_step_class(), keras.Model):
    """Trains a `models.losses.Network`, and logs its losses and rates.

    Use it as a Keras model: `compile(optimizer=...)`, then `fit(dataset)` with a
    dataset of feature dicts. Under a strategy build network, trainer and optimizer
    inside its scope.

    Args:
        network: An objective (tf_pretrain.models.objectives) or a Classifier.
        accumulation_steps: Number of micro-batches that a batch is cut into. The update
            equals that of the whole batch. TensorFlow backend only.
        loss_scaling: Use dynamic loss scaling, for float16. TensorFlow backend only.

    Raises:
        ConfigError: If another backend is used with one of the last two.
    """

    def __init__(
        self, network, accumulation_steps=1, loss_scaling=False, name="trainer"
    ):
        super().__init__(name=name)
        if keras.backend.backend() != "tensorflow" and (
            accumulation_steps > 1 or loss_scaling
        ):
            raise ConfigError(
                "accumulation_steps and loss_scaling need the TensorFlow backend, not "
                f"{keras.backend.backend()}"
            )
        self.network = network
        self.loss_means = [keras.metrics.Mean(name=name) for name in network.loss_terms]
        self.accumulation_steps = accumulation_steps
        # Keras' set_random_seed seeds this, too.
        self.random_seed = np.random.randint(2**30)
        self.loss_scale = self.good_steps = None
        if loss_scaling:
            self.loss_scale = self._state("loss_scale", "float32", _INITIAL_LOSS_SCALE)
            self.good_steps = self._state("good_steps", "int32", 0)
        self.built = True

    def _state(self, name, dtype, value):
        return self.add_weight(
            name=name,
            shape=(),
            dtype=dtype,
            initializer=keras.initializers.Constant(value),
            trainable=False,
            aggregation="only_first_replica",
        )

    @property
    def trainable_variables(self):
        """The variables of the network, without those that no loss depends on."""
        unused = {id(v) for v in self.network.unused_variables}
        return [v for v in super().trainable_variables if id(v) not in unused]

    @property
    def trainable_weights(self):
        """The same variables. Keras' step on PyTorch asks for them by this name."""
        return self.trainable_variables

    def compile(self, optimizer, **kwargs):
        """Like keras.Model.compile, with an optimizer only.

        Args:
            optimizer: A `tf_pretrain.AdamW` or `LAMB`, which skips steps whose gradient
                is not finite, or any optimizer of Keras. On TensorFlow both get the
                gradient summed over all replicas, so they clip it as a whole and one
                and two replicas give the same update.

        Raises:
            ConfigError: For `steps_per_execution`, for a loss or metrics, which the
                network brings, or for another optimizer with `loss_scaling`.
        """
        for name in ("loss", "metrics", "weighted_metrics"):
            if kwargs.get(name):
                raise ConfigError(
                    f"{name} is {kwargs[name]!r}; expected none, for the network has "
                    "its own"
                )
        if self.loss_scale is not None and not isinstance(optimizer, AdamFamily):
            raise ConfigError(
                f"optimizer is {optimizer!r}; expected a tf_pretrain.AdamW or LAMB: "
                "loss_scaling needs one that skips a step whose gradient is not finite"
            )
        if kwargs.get("steps_per_execution", 1) != 1:
            raise ConfigError("steps_per_execution is not 1; expected one step a call")
        super().compile(optimizer=optimizer, **kwargs)
        self._prepare_optimizer()
        # Under MirroredStrategy slots must exist before the step is traced.
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, *args, callbacks=None, **kwargs):
        """Like keras.Model.fit. It also tells the network which step begins.

        Losses are those of each step in `on_train_batch_end` and means over the epoch
        in `on_epoch_end` and the history.
        """
        callbacks = [_Steps(), *(callbacks or [])]
        return super().fit(_data_for_keras(x), *args, callbacks=callbacks, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """Like keras.Model.evaluate."""
        return super().evaluate(_data_for_keras(x), *args, **kwargs)

    def call(self, features, training=False):
        return self.network.losses(features, training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """The total loss from what `call` returned (JAX and PyTorch backends)."""
        return self.network.total_loss(y_pred)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Means of the losses over an epoch, where the step is Keras' own."""
        for mean in self.loss_means:
            weighted_sum, weight = y_pred[mean.name]
            divisor = self.network.loss_terms[mean.name].divisor(weight)
            mean.update_state(weighted_sum / divisor)
        return self.get_metrics_result()
