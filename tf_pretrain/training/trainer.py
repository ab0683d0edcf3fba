"""`Trainer`: any network with `losses`, trained by `model.fit` under tf.distribute."""

import math

import keras
import numpy as np
import tensorflow as tf

from tf_pretrain.config import ConfigError
from tf_pretrain.training.optimizers import AdamFamily

# float16 loss scaling: double after this many good updates, halve after a bad one.
_GROWTH_INTERVAL = 2000
_INITIAL_LOSS_SCALE = 2.0**12


def require_tensorflow():
    """Raises ConfigError where Keras has another backend."""
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"KERAS_BACKEND is {keras.backend.backend()!r}; this needs tensorflow. "
            "docs/backends.md shows training with JAX and PyTorch"
        )


class TensorFlowStep:
    """The train step on the TensorFlow backend; the other backends take Keras' own.

    What differs from Keras' step: a mean loss is divided by its weight summed over all
    replicas and micro-batches, so that one and two replicas, and one and four
    micro-batches, give the same update; gradients are reduced before the optimizer
    clips them; the step also runs under MultiWorkerMirroredStrategy with dict
    features, where Keras' own fails (keras issues 20329 and 20585).
    """

    def train_step(self, features):
        """One update from this replica's share of the batch; returns scalar logs."""
        features = self._with_random_numbers(features)
        weights, tokens = self._weights_and_tokens(features)
        shares = {
            name: term.coefficient / term.divisor(weights[name])
            for name, term in self.network.loss_terms.items()
        }
        gradients, sums = self._accumulate(features, shares)
        gradients = self._spoiled_unless_finite(gradients, _total(shares, sums))
        sums = _sum_over_replicas(sums)
        learning_rate = self.optimizer.learning_rate
        norm = self._update(gradients)
        logs = {
            name: sums[name] / term.divisor(weights[name])
            for name, term in self.network.loss_terms.items()
        }
        for name in self.network.rates:
            count, total = sums[name]
            logs[name] = count / tf.maximum(total, 1.0)
        logs["loss"] = _total(shares, sums)
        logs["learning_rate"] = tf.convert_to_tensor(learning_rate)
        return {**logs, "gradient_norm": norm, "tokens": tokens}

    def _weights_and_tokens(self, features):
        """The weights of the losses and the real tokens, summed over the replicas."""
        mask = features.get("input_mask", tf.ones_like(features["input_ids"]))
        tokens = tf.reduce_sum(tf.cast(mask, tf.float32))
        return _sum_over_replicas((self.network.loss_weights(features), tokens))

    def _with_random_numbers(self, features):
        """What the batches of a user's own data lack, by step and replica.

        Keras' generator would make its variables in the threads of the replicas.
        """
        context = tf.distribute.get_replica_context()
        key = tf.stack(
            [
                tf.cast(self.optimizer.iterations.value, tf.int32),
                self.random_seed + context.replica_id_in_sync_group,
            ]
        )
        drawn = {}
        if "dropout_seed" not in features:
            rows = tf.shape(features["input_ids"])[:1]
            drawn["dropout_seed"] = tf.random.stateless_uniform(
                rows, key, 0, 2**31 - 1, tf.int32
            )
        if "masked_lm_positions" in features and "sampling_uniform" not in features:
            slots = tf.shape(features["masked_lm_positions"])
            key += [0, 2**30]  # above any random_seed
            drawn["sampling_uniform"] = tf.random.stateless_uniform(slots, key)
        return {**features, **drawn}

    def _accumulate(self, features, shares):
        """Gradients and loss sums of the batch, in micro-batches if asked for."""
        if self.accumulation_steps == 1:
            return self._gradients(features, shares)
        micro_batches = {
            name: tf.reshape(
                value,
                [self.accumulation_steps, -1, *value.shape[1:]],
            )
            for name, value in features.items()
        }

        def body(index, gradients, sums):
            micro = {name: value[index] for name, value in micro_batches.items()}
            added = self._gradients(micro, shares)
            return (index + 1, *tf.nest.map_structure(tf.add, (gradients, sums), added))

        zeros = [tf.zeros(v.shape, v.dtype) for v in self.trainable_variables]
        _, gradients, sums = tf.while_loop(
            lambda index, *_: index < self.accumulation_steps,
            body,
            (tf.constant(0), zeros, self._zero_sums(shares)),
            maximum_iterations=self.accumulation_steps,
        )
        return gradients, sums

    def _zero_sums(self, shares):
        sums = {name: tf.constant(0.0) for name in shares}
        pair = (tf.constant(0.0), tf.constant(0.0))
        return sums | {name: pair for name in self.network.rates}

    def _gradients(self, features, shares):
        """Gradients and sums: of each loss, and both numbers of each rate."""
        scale = 1.0 if self.loss_scale is None else self.loss_scale.value
        with tf.GradientTape() as tape:
            losses, rates = self.network.losses_and_rates(features, training=True)
            sums = {name: losses[name][0] for name in shares}
            loss = scale * _total(shares, sums)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            if gradient is None:
                raise ValueError(
                    f"no loss depends on {variable.path}: name it in unused_variables"
                )
        gradients = [tf.convert_to_tensor(g) for g in gradients]  # gathers' are sparse
        return gradients, sums | {name: rates[name] for name in self.network.rates}

    def _spoiled_unless_finite(self, gradients, loss):
        """Makes the smallest gradient nan where the loss is not finite.

        A loss can overflow while its gradient does not. The optimizer skips the step,
        on all replicas, if any gradient is nan; one of them costs least.
        """
        sizes = [math.prod(v.shape) for v in self.trainable_variables]
        i = sizes.index(min(sizes))
        nan = tf.constant(float("nan"), gradients[i].dtype)
        spoiled = tf.where(tf.math.is_finite(loss), gradients[i], nan)
        return [*gradients[:i], spoiled, *gradients[i + 1 :]]

    def _update(self, gradients):
        """Applies the gradients; returns their global norm over all replicas.

        It is nan where a loss is not finite; see `_spoiled_unless_finite`.
        """
        if self.loss_scale is not None:
            gradients = [g / self.loss_scale.value for g in gradients]
        norm, is_finite = self.optimizer.clip_and_apply(
            gradients, self.trainable_variables
        )
        if self.loss_scale is not None:
            good = tf.where(is_finite, self.good_steps.value + 1, 0)
            grow = good >= _GROWTH_INTERVAL
            factor = tf.where(is_finite, tf.where(grow, 2.0, 1.0), 0.5)
            scale = tf.clip_by_value(self.loss_scale.value * factor, 1.0, 2.0**24)
            self.loss_scale.assign(scale)
            self.good_steps.assign(tf.where(grow, 0, good))
        return norm

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return self.train_function
        strategy = self.distribute_strategy
        # XLA cannot place the replicas' variables on several devices of one process.
        jit_compile = self.jit_compile and strategy.num_replicas_in_sync == 1

        # Batches padded to several lengths share one trace of any length.
        @tf.function(jit_compile=jit_compile, autograph=False, reduce_retracing=True)
        def step(features):
            logs = strategy.run(self.train_step, args=(features,))
            # The logs are sums over replicas already: any replica's will do.
            return {
                name: strategy.experimental_local_results(value)[0]
                for name, value in logs.items()
            }

        self.train_function = lambda iterator: step(next(iterator))
        return self.train_function

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing to build: network and optimizer are built before `fit`."""


class _Steps(keras.callbacks.Callback):
    """Tells the network which step begins; traces anew if that changed the step.

    At the end of an epoch its losses are means over the epoch. Those of a step are the
    step's own, where Keras shows running means.
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


_BASES = (keras.Model,)
if keras.backend.backend() == "tensorflow":
    _BASES = (TensorFlowStep, keras.Model)


class Trainer(*_BASES):
    """Trains a `models.losses.Network`; its rates are logged beside the losses.

    Use it as a Keras model: `compile(optimizer=...)`, then `fit(dataset)` with a
    dataset of feature dicts. Under a strategy build network, trainer and optimizer
    inside its scope.

    Args:
        network: An objective (tf_pretrain.models.objectives) or a Classifier.
        accumulation_steps: Micro-batches that a batch is cut into; the update equals
            that of the whole batch. TensorFlow backend only.
        loss_scaling: Dynamic loss scaling, for float16. TensorFlow backend only.

    Raises:
        ConfigError: If another backend is asked for either.
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
        """What is trained: the network's, but those that no loss depends on."""
        unused = {id(v) for v in self.network.unused_variables}
        return [v for v in super().trainable_variables if id(v) not in unused]

    @property
    def trainable_weights(self):
        """The same: Keras' step on PyTorch asks for them by this name."""
        return self.trainable_variables

    def compile(self, optimizer, **kwargs):
        """As keras.Model.compile.

        Args:
            optimizer: On TensorFlow a `training.optimizers.AdamFamily`, which clips and
                skips over all replicas; on other backends any of Keras'.

        Raises:
            ConfigError: For another optimizer, `steps_per_execution`, or a loss or
                metrics, which the network brings.
        """
        for name in ("loss", "metrics", "weighted_metrics"):
            if kwargs.get(name):
                raise ConfigError(
                    f"{name} is {kwargs[name]!r}; expected none, for the network has "
                    "its own"
                )
        if keras.backend.backend() == "tensorflow" and not isinstance(
            optimizer, AdamFamily
        ):
            raise ConfigError(
                f"optimizer is {optimizer!r}; expected a tf_pretrain.AdamW or LAMB"
            )
        if kwargs.get("steps_per_execution", 1) != 1:
            raise ConfigError("steps_per_execution is not 1; expected one step a call")
        super().compile(optimizer=optimizer, **kwargs)
        # Under MirroredStrategy slots must exist before the step is traced.
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, *args, callbacks=None, **kwargs):
        """As keras.Model's; the network is told which step begins, and of the end.

        Losses are those of each step in `on_train_batch_end` and means over the epoch
        in `on_epoch_end` and the history.
        """
        callbacks = [_Steps(), *(callbacks or [])]
        return super().fit(*args, callbacks=callbacks, **kwargs)

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


def _total(shares, sums):
    """The loss that is minimised, from what `TensorFlowStep._gradients` sums."""
    return sum(shares[name] * sums[name] for name in shares)


def _sum_over_replicas(tensors):
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)
