"""The train step under `tf.distribute`: a tf.function, compiled by XLA if requested."""

import tensorflow as tf

from tf_pretrain.training.step import TrainStep, real_tokens, total

# float16 loss scaling: the scale is doubled after so many good updates, and halved
# after a bad one.
_GROWTH_INTERVAL = 2000


class TensorFlowStep(TrainStep):
    """The train step on the TensorFlow backend, also used by `fit`.

    It differs from Keras' step in three ways. A mean loss is divided by its weight
    summed over all replicas and micro-batches, so one and two replicas, and one and
    four micro-batches, give the same update. Gradients are summed over the replicas
    before the optimizer clips them. And the step also runs under
    MultiWorkerMirroredStrategy with dict features, where Keras' own fails (keras issues
    20329 and 20585).
    """

    def train_step(self, features):
        """One update from this replica's share of the batch. Returns scalar logs."""
        features = self._with_random_numbers(features)
        weights, tokens = self._weights_and_tokens(features)
        shares = self._shares(weights)
        gradients, sums = self._accumulate(features, shares)
        gradients = self._spoiled_unless_finite(gradients, total(shares, sums))
        sums = _sum_over_replicas(sums)
        learning_rate = tf.convert_to_tensor(self.optimizer.learning_rate)
        norm = self._update(gradients)
        return {
            **self._logs(sums, weights, shares),
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "skipped_steps": tf.convert_to_tensor(self.optimizer.skipped_steps),
            "tokens": tokens,
        }

    def _weights_and_tokens(self, features):
        """The weights of the losses and the real tokens, summed over the replicas."""
        return _sum_over_replicas(
            (self.network.loss_weights(features), real_tokens(features))
        )

    def _with_random_numbers(self, features):
        """Adds the random numbers that batches of a user's own data lack.

        They depend on the step and the replica. Keras' generator cannot be used,
        because it would create its variables in the threads of the replicas.
        """
        context = tf.distribute.get_replica_context()
        key = tf.stack(
            [
                tf.cast(self.optimizer.iterations.value, tf.int32),
                self.random_seed + context.replica_id_in_sync_group,
            ]
        )
        drawn = {}
        missing = self._missing_random_numbers(features)
        if "dropout_seed" in missing:
            rows = tf.shape(features["input_ids"])[:1]
            drawn["dropout_seed"] = tf.random.stateless_uniform(
                rows, key, 0, 2**31 - 1, tf.int32
            )
        if "sampling_uniform" in missing:
            slots = tf.shape(features["masked_lm_positions"])
            key += [0, 2**30]  # larger than any random_seed
            drawn["sampling_uniform"] = tf.random.stateless_uniform(slots, key)
        return {**features, **drawn}

    def _accumulate(self, features, shares):
        """Gradients and loss sums of the batch, in micro-batches if configured."""
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
        """Gradients, and the sums of each loss and of both numbers of each rate."""
        scale = 1.0 if self.loss_scale is None else self.loss_scale.value
        with tf.GradientTape() as tape:
            losses, rates = self.network.losses_and_rates(features, training=True)
            sums = {name: losses[name][0] for name in shares}
            loss = scale * total(shares, sums)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            if gradient is None:
                raise ValueError(
                    f"no loss depends on {variable.path}: name it in unused_variables"
                )
        # those of gathers are sparse
        gradients = [tf.convert_to_tensor(g) for g in gradients]
        return gradients, sums | {name: rates[name] for name in self.network.rates}

    def _update(self, gradients):
        """Applies the gradients; returns their global norm over all replicas.

        The norm is nan if a loss is not finite; see `_spoiled_unless_finite`.
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

    def run(self, batches, start_step, num_steps, callbacks=()):
        """Trains the steps `start_step` to `num_steps - 1`; see training/step.py.

        Args:
            batches: A tf.data.Dataset that begins with the batch of `start_step`.
        """
        self.fit(
            batches,
            steps_per_epoch=num_steps - start_step,
            callbacks=list(callbacks),
            shuffle=False,
            verbose=0,
        )

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
            # The logs are already sums over replicas, so those of any replica are
            # right.
            return {
                name: strategy.experimental_local_results(value)[0]
                for name, value in logs.items()
            }

        self.train_function = lambda iterator: step(next(iterator))
        return self.train_function

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: network and optimizer are built before `fit`."""


def _sum_over_replicas(tensors):
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensors)
