"""Training to a budget: how many steps fit into so many minutes.

The time of a step is measured on the first steps of the run itself. The learning rate
then runs through the schedule of `train.num_steps` in the steps that there are, warm-up
and decay included (as Geiping & Goldstein, 2022, sec. 4.2, do by the clock).
"""

_COMPILING, _TIMED = 2, 30  # first steps, of which the latter are timed
_MARGIN = 0.98  # of the time that is left, for what is not foreseen


def measuring_steps(train, steps_per_dispatch) -> tuple[int, int]:
    """How many steps compile the program, and how many are timed after them.

    Args:
        train: A TrainConfig.
        steps_per_dispatch: Both are multiples of it.
    """
    first, timed = (
        -(-steps // steps_per_dispatch) * steps_per_dispatch
        for steps in (_COMPILING, _TIMED)
    )
    return first, timed


def affordable_steps(
    seconds: float, step_seconds: float, pause_seconds: float, checkpoint_every: int
) -> int:
    """How many steps fit.

    Args:
        seconds: What is left of the budget.
        step_seconds: Time of a step.
        pause_seconds: Time of an evaluation and a checkpoint, which come every
            `checkpoint_every` steps and, once more, at the end.

    Returns:
        At least 1.
    """
    average = step_seconds + pause_seconds / checkpoint_every
    return max(1, int((_MARGIN * seconds - pause_seconds) / average))
