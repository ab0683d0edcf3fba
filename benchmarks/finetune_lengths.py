"""One epoch of SST-2 with batches grouped by length against padding to 128.

    python -m benchmarks.finetune_lengths --data_dir=glue --init_checkpoint=PATH

Both run in turn in this process, from the same weights and with the same seed; wall
time of the epoch without the first (tracing) run. Prints each time, the medians and
their ratio.
"""

import dataclasses
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags

from tf_pretrain.config import FinetuneConfig, FinetuneSettings
from tf_pretrain.tasks import glue
from tf_pretrain.tasks.initial import load_initial
from tf_pretrain.tasks.task import Split
from tf_pretrain.tasks.text_problem import TextProblem
from tf_pretrain.tasks.trial import TrialRunner

_DATA_DIR = flags.DEFINE_string("data_dir", None, "GLUE's folders.", required=True)
_INIT_CHECKPOINT = flags.DEFINE_string(
    "init_checkpoint", None, "A pretrained encoder.", required=True
)
_SENTENCES = flags.DEFINE_integer("sentences", 10_000, "Of the training set.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Timed runs of each.", lower_bound=1)


def main(argv):
    del argv
    task = glue.load("SST-2", _DATA_DIR.value)
    counts = {"train": _SENTENCES.value, "dev": 64}  # dev only ends a run
    splits = {name: _first(task.splits[name], counts[name]) for name in counts}
    task = dataclasses.replace(task, splits=splits)
    initial = load_initial(_INIT_CHECKPOINT.value)
    runners = {}
    for is_grouped in (True, False):
        config = FinetuneConfig(
            finetune=FinetuneSettings(
                num_epochs=1.0, num_evaluations=1, group_by_length=is_grouped
            )
        )
        problem = TextProblem(task, config, initial.encoder_config, initial.tokenizer)
        runners[is_grouped] = TrialRunner(problem, initial.weights)
    times = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        for round_number in range(_ROUNDS.value + 1):
            for is_grouped, runner in runners.items():
                began = time.perf_counter()
                runner.run(0, Path(folder))
                seconds = time.perf_counter() - began
                if round_number > 0:
                    times[is_grouped].append(seconds)
    medians = {key: statistics.median(values) for key, values in times.items()}
    for is_grouped, name in ((True, "grouped by length"), (False, "padded to 128")):
        shown = ", ".join(f"{seconds:.1f}" for seconds in times[is_grouped])
        print(f"{name}: {shown} s; median {medians[is_grouped]:.1f} s")
    print(f"padded / grouped: {medians[False] / medians[True]:.2f}")


def _first(split, count):
    return Split(split.texts_a[:count], None, split.labels[:count])


if __name__ == "__main__":
    app.run(main)
