"""The part of one update that is the same on every Keras backend.

`TrainStep` has the arithmetic. `TensorFlowStep`, `JaxStep` and `TorchStep` add how the
backend differentiates, compiles and repeats it. Each of them defines

    run(batches, start_step, num_steps, callbacks=())

which trains the steps `start_step` to `num_steps - 1` and reports them to Keras'
callbacks. Pretraining runs and the trials of fine-tuning call it.
"""

import math

import numpy as np
from keras import ops

# What a step logs besides losses and rates; the names of rates end in "_rate".
_OTHER_FIGURES = (
    "gradient_norm",
    "update_norm",
    "skipped_steps",
    "tokens",
    "tokens_per_s",
)


def is_loss(figure: str) -> bool:
    """Whether a logged figure is a loss, by its name."""
    return figure not in _OTHER_FIGURES and not figure.endswith("_rate")


class TrainStep:
    """The part of a train step that is the same on every backend.

    It expects the attributes of a `training.trainer.Trainer`: `network`, `optimizer`
    and `trainable_variables`.
    """

    steps_per_dispatch = 1

    def _prepare_optimizer(self):
        """What the optimizer needs before the step is traced."""

    def sync(self):
        """Copies the weights of the last step into the variables; see JaxStep."""

    def _shares(self, weights):
        """{name: factor of the loss's weighted sum in the total loss}."""
        return {
            name: term.coefficient / term.divisor(weights[name])
            for name, term in self.network.loss_terms.items()
        }

    def _spoiled_unless_finite(self, gradients, loss):
        """Makes the smallest gradient nan if the loss is not finite.

        A loss can overflow although its gradient does not. The optimizer skips the step
        on all replicas if any gradient is nan, and changing the smallest one costs
        least.
        """
        sizes = [math.prod(v.shape) for v in self.trainable_variables]
        i = sizes.index(min(sizes))
        spoiled = ops.where(ops.isfinite(loss), gradients[i], float("nan"))
        return [*gradients[:i], spoiled, *gradients[i + 1 :]]

    def _logs(self, sums, weights, shares):
        """The losses and rates of a step, float32 scalars by name.

        Args:
            sums: {name: weighted sum} of the losses and {name: (count, total)} of the
                rates, over all replicas.
            weights: {name: weight} of the losses, over all replicas.
            shares: From `_shares`.
        """
        logs = {
            name: sums[name] / term.divisor(weights[name])
            for name, term in self.network.loss_terms.items()
        }
        for name in self.network.rates:
            count, of_how_many = sums[name]
            logs[name] = count / ops.maximum(of_how_many, 1.0)
        return {**logs, "loss": total(shares, sums)}

    def _missing_random_numbers(self, features):
        """Shapes of the random numbers that a user's batch lacks: {feature: shape}."""
        missing = {}
        if "dropout_seed" not in features:
            missing["dropout_seed"] = tuple(features["input_ids"].shape[:1])
        if "masked_lm_positions" in features and "sampling_uniform" not in features:
            missing["sampling_uniform"] = tuple(features["masked_lm_positions"].shape)
        return missing


def total(shares, sums):
    """The total loss, float32 scalar, from shares and weighted sums."""
    return sum(shares[name] * sums[name] for name in shares)


def real_tokens(features):
    """float32 scalar: the number of tokens of a batch that are not padding."""
    mask = features.get("input_mask")
    if mask is None:
        mask = ops.ones_like(features["input_ids"])
    return ops.sum(ops.cast(mask, "float32"))


def endless(batches, start_step, num_steps):
    """Yields the batches; raises ValueError if they end before `num_steps`."""
    step = start_step
    for features in batches:
        yield features
        step += 1
    raise ValueError(f"the batches ended before step {step} of {num_steps}")


def step_logs(logs):
    """The logs of `on_train_batch_end` as {name: NumPy array [n]}, an entry a step.

    TensorFlow and PyTorch report one step at a time, JAX may report several. Reading
    the values waits for the device.
    """
    return {
        name: np.atleast_1d(ops.convert_to_numpy(value)) for name, value in logs.items()
    }
