"""Learning-rate schedules of the two original programs.

Both decay polynomially from `peak` at step 0 to 0 at `num_steps`. They differ in the
warm-up. ELECTRA multiplies the decaying rate by the warm-up factor, so the rate never
quite reaches `peak`. ALBERT increases the rate to `peak` and then continues on the
decaying curve. All arithmetic is float32, as in the original programs.
"""

import keras
from keras import ops

from tf_pretrain.config import TrainConfig


class _WarmupPolynomialDecay(keras.optimizers.schedules.LearningRateSchedule):
    """The settings and the decay of both schedules.

    Args:
        peak: Nominal learning rate.
        num_steps: Step at which the rate reaches 0, where it stays.
        warmup_steps: Length of the warm-up; 0 for none. A fraction is allowed, because
            ELECTRA's fine-tuning uses a proportion of the steps.
        power: Exponent of the decay; 1 is linear.

    Call it with the step, an integer scalar, to get the learning rate, a float32
    scalar.
    """

    def __init__(self, peak, num_steps, warmup_steps=0, power=1.0):
        super().__init__()
        self.peak = peak
        self.num_steps = num_steps
        self.warmup_steps = warmup_steps
        self.power = power

    def _decayed(self, step):
        # 1 - t (1 / T) is less accurate near the end than (T - t) / T, by 1 % at the
        # last of 1M steps, but the compiled graphs of the originals compute it.
        done = ops.minimum(step * (1.0 / self.num_steps), 1.0)
        return self.peak * ops.power(1.0 - done, self.power)

    def get_config(self):
        return {
            "peak": self.peak,
            "num_steps": self.num_steps,
            "warmup_steps": self.warmup_steps,
            "power": self.power,
        }


@keras.saving.register_keras_serializable("tf_pretrain")
class ElectraSchedule(_WarmupPolynomialDecay):
    """peak (1 - t / T)^power min(1, t / warmup): the released ELECTRA code's rate."""

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rate = self._decayed(step)
        if self.warmup_steps:
            rate = rate * ops.minimum(step / self.warmup_steps, 1.0)
        return rate


@keras.saving.register_keras_serializable("tf_pretrain")
class AlbertSchedule(_WarmupPolynomialDecay):
    """The learning rate of the released ALBERT code.

    peak (t - start) / warmup while t < start + warmup, peak (1 - t / T)^power after.

    Args:
        start_warmup_step: The step at which the warm-up starts from 0. Before it the
            formula gives a negative rate, as in the original, so the loss increases
            there.
    """

    def __init__(self, peak, num_steps, warmup_steps=0, power=1.0, start_warmup_step=0):
        super().__init__(peak, num_steps, warmup_steps, power)
        self.start_warmup_step = start_warmup_step

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rate = self._decayed(step)
        if not self.warmup_steps:
            return rate
        elapsed = step - self.start_warmup_step
        return ops.where(
            elapsed < self.warmup_steps, self.peak * (elapsed / self.warmup_steps), rate
        )

    def get_config(self):
        return {**super().get_config(), "start_warmup_step": self.start_warmup_step}


def build_schedule(
    train: TrainConfig,
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Builds the schedule that `train.schedule` names."""
    schedule = {"electra": ElectraSchedule, "albert": AlbertSchedule}[train.schedule]
    return schedule(train.learning_rate, train.num_steps, train.warmup_steps)
