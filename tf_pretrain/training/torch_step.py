"""The train step on PyTorch: eager, one step at a time."""

import keras
import torch
from keras import ops

from tf_pretrain.training.optimizers import AdamFamily
from tf_pretrain.training.step import TrainStep, endless, real_tokens, total


class TorchStep(TrainStep):
    """The train step that `run` uses on PyTorch; `fit` uses Keras' own step."""

    def run(self, batches, start_step, num_steps, callbacks=()):
        """Trains the steps `start_step` to `num_steps - 1`; see training/step.py.

        Args:
            batches: An iterable of feature dicts of NumPy arrays, which begins with
                the batch of `start_step`.
        """
        self.network.begin_step(start_step)
        hooks = keras.callbacks.CallbackList(callbacks, model=self)
        hooks.on_train_begin()
        batches = endless(batches, start_step, num_steps)
        for batch in range(num_steps - start_step):
            features = next(batches)
            hooks.on_train_batch_begin(batch)
            hooks.on_train_batch_end(batch, self._one_step(features))
        hooks.on_train_end()
        self.network.end_training()

    def _one_step(self, features):
        """Updates the variables from a batch; returns its logs as scalars."""
        features = {n: ops.convert_to_tensor(v) for n, v in features.items()}
        features = self._with_random_numbers(features)
        variables = self.trainable_variables
        weights = self.network.loss_weights(features)
        shares = self._shares(weights)
        losses, rates = self.network.losses_and_rates(features, training=True)
        sums = {name: losses[name][0] for name in shares}
        loss = total(shares, sums)
        gradients = torch.autograd.grad(loss, [v.value for v in variables])
        with torch.no_grad():
            gradients = self._spoiled_unless_finite(list(gradients), loss)
            learning_rate = ops.convert_to_tensor(self.optimizer.learning_rate)
            norm, skipped = self._update(gradients, variables)
            counts = {name: rates[name] for name in self.network.rates}
            logs = self._logs(sums | counts, weights, shares)
            tokens = real_tokens(features)
        return {
            **{name: value.detach() for name, value in logs.items()},
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "skipped_steps": skipped,
            "tokens": tokens,
        }

    def _update(self, gradients, variables):
        """Applies the gradients; returns their norm and the count of skipped steps."""
        if isinstance(self.optimizer, AdamFamily):
            norm = self.optimizer.clip_and_apply(gradients, variables).gradient_norm
            return norm, ops.convert_to_tensor(self.optimizer.skipped_steps)
        self.optimizer.apply(gradients, variables)
        return torch.sqrt(sum(torch.sum(g * g) for g in gradients)), torch.tensor(0)

    def _with_random_numbers(self, features):
        """Adds the random numbers that batches of a user's own data lack, by step."""
        missing = self._missing_random_numbers(features)
        if not missing:
            return features
        device = features["input_ids"].device
        generator = torch.Generator(device=device)
        step = int(ops.convert_to_numpy(self.optimizer.iterations))
        generator.manual_seed(self.random_seed + step)
        drawn = {}
        if "dropout_seed" in missing:
            shape = missing["dropout_seed"]
            drawn["dropout_seed"] = torch.randint(
                2**31 - 1, shape, generator=generator, device=device, dtype=torch.int32
            )
        if "sampling_uniform" in missing:
            drawn["sampling_uniform"] = torch.rand(
                missing["sampling_uniform"], generator=generator, device=device
            )
        return {**features, **drawn}
