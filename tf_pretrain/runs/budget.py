"""Training within a time budget: how many steps fit into so many minutes.

The time of a step is measured on the first steps of the run itself. The learning rate
then runs through the whole schedule of `train.num_steps`, warm-up and decay included,
in the steps that fit. (Geiping & Goldstein, 2022, let the schedule follow the clock. If
the number of steps is determined once, a run that was stopped can continue exactly.)
"""

import time

import keras

from tf_pretrain.training.step import step_logs

# The first steps compile, the others are timed. JAX counts the first in groups of
# steps.
_COMPILING, _TIMED = 2, 30
_MARGIN = 0.98  # share of the remaining time that is planned for


class Stopwatch(keras.callbacks.Callback):
    """Times the last steps of `num_steps`, which come after the compilation.

    Args:
        steps_per_dispatch: Steps that are started together; `num_steps` is a multiple.

    Attributes:
        num_steps: How many steps to run.
        step_seconds: The mean time of a timed step.
    """

    def __init__(self, steps_per_dispatch):
        super().__init__()
        self._first = _COMPILING * steps_per_dispatch
        timed = -(-_TIMED // steps_per_dispatch) * steps_per_dispatch
        self.num_steps = self._first + max(timed, 2 * steps_per_dispatch)

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self._first:
            step_logs(logs)  # waits for the device
            self._began = time.perf_counter()
        if batch + 1 == self.num_steps:
            step_logs(logs)
            seconds = time.perf_counter() - self._began
            self.step_seconds = seconds / (self.num_steps - self._first)


def affordable_steps(
    seconds: float, step_seconds: float, pause_seconds: float, checkpoint_every: int
) -> int:
    """How many steps fit into the remaining time.

    Args:
        seconds: The remaining time of the budget.
        step_seconds: Time of a step.
        pause_seconds: Time of an evaluation and a checkpoint, which are due every
            `checkpoint_every` steps and once more at the end.

    Returns:
        At least 1.
    """
    average = step_seconds + pause_seconds / checkpoint_every
    return max(1, int((_MARGIN * seconds - pause_seconds) / average))
