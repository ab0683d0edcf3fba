"""Runs to a budget under a clock that the test sets: budget_run.py RECORDS OUTPUT.

Every step takes a second, an evaluation four, a checkpoint three. OUTPUT is a JSON file
with what test_budget.py judges; without one the functions serve its own process, too.
"""

import json
import sys
import types
import unittest.mock
from pathlib import Path

import keras

from support.tiny import tiny_config
from tf_pretrain.runs import budget, data, pretrain
from tf_pretrain.runs import run as run_lib
from tf_pretrain.training import building, callbacks, checkpoints
from tf_pretrain.training.step import step_logs

MINUTES, EVERY, STEPS, WARMUP, RATE = 5.0, 50, 1000, 400, 0.01
STEP_SECONDS, SCORE_SECONDS, SAVE_SECONDS = 1.0, 4.0, 3.0


class Killed(Exception):
    """A run that ended as if killed."""


class Clock:
    """What stands in for the module `time`."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now

    def after(self, function, seconds):
        """The function, which takes so long."""

        def timed(*arguments):
            self.now += seconds
            return function(*arguments)

        return timed


class Steps(keras.callbacks.Callback):
    """Keeps learning rates, and ends the run after so many steps."""

    def __init__(self, killed_at):
        super().__init__()
        self.killed_at, self.rates = killed_at, []

    def on_train_batch_end(self, batch, logs=None):
        self.rates += step_logs(logs)["learning_rate"].tolist()
        if self.killed_at is not None and len(self.rates) >= self.killed_at:
            raise Killed


def run(records, workdir, step_seconds=STEP_SECONDS, killed_at=None, a_dispatch=1):
    """A dict of what happened: results, learning rates, seconds by the clock.

    Args:
        killed_at: After so many steps of this process the run ends with an error.
        a_dispatch: Steps that JAX starts together.
    """
    config = tiny_config(
        model={"vocab_size": 120, "num_hidden_layers": 1},
        data={"max_seq_length": 24, "max_predictions_per_seq": 5},
        train={
            "num_steps": STEPS,
            "budget_minutes": MINUTES,
            "warmup_steps": WARMUP,
            "learning_rate": RATE,
            "batch_size": 4,
            "checkpoint_every": EVERY,
            "log_every": 10,
            "eval_steps": 1,
            "jit_compile": keras.backend.backend() == "jax",
        },
    )
    clock = Clock()
    steps = Steps(killed_at)
    sources = data.Sources(records=f"{records}/train-*.tfrecord")
    score = run_lib.Evaluator.__call__
    log = callbacks.Progress.on_train_batch_end

    def log_later(self, batch, logs=None):
        clock.now += step_seconds * len(step_logs(logs)["loss"])
        log(self, batch, logs)

    patch = unittest.mock.patch.object
    fake = types.SimpleNamespace(perf_counter=clock.perf_counter)
    before = clock.now
    with (
        patch(budget, "time", fake),
        patch(callbacks, "time", fake),
        patch(pretrain, "time", fake),
        patch(run_lib, "time", fake),
        patch(callbacks.Progress, "on_train_batch_end", log_later),
        patch(run_lib.Evaluator, "__call__", clock.after(score, SCORE_SECONDS)),
        patch(checkpoints, "save", clock.after(checkpoints.save, SAVE_SECONDS)),
        patch(building, "_steps_per_dispatch", lambda train: a_dispatch),
    ):
        try:
            results = pretrain.pretrain(config, workdir, sources, None, [steps])
        except Killed:
            results = None
    return {
        "results": results,
        "rates": steps.rates,
        "seconds": clock.now - before,
        "metrics": (Path(workdir) / "metrics.jsonl").read_text(),
    }


def unbroken_and_continued(records, workdir, a_dispatch=1):
    """Runs of the same budget: whole; killed after step 120, and continued slowly."""
    workdir = Path(workdir)
    return {
        "whole": run(records, workdir / "whole", a_dispatch=a_dispatch),
        "killed": run(records, workdir / "other", killed_at=120, a_dispatch=a_dispatch),
        "continued": run(records, workdir / "other", 2.0, a_dispatch=a_dispatch),
    }


if __name__ == "__main__":
    found = unbroken_and_continued(sys.argv[1], f"{sys.argv[2]}.runs", a_dispatch=5)
    Path(sys.argv[2]).write_text(json.dumps(found))
