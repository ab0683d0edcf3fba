"""The results of a cell, as `cell.json` and the report's `cells.json` hold them."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain import config as config_lib

# Names of SQuAD's metrics in tables. "best": with the threshold of "no answer" that is
# best on the dev set, as ALBERT's program chooses it.
_QUESTION_METRICS = {
    "f1": "F1",
    "exact_match": "EM",
    "exact": "EM",
    "best_f1": "best F1",
    "best_exact": "best EM",
}
# These fields are written for human readers and are not read again. The report adds
# "rows".
_DERIVED = ("minutes", "rows")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """The origin of one part of a cell's results.

    Attributes:
        seconds: How long it took to compute.
        command: The command line that finished it.
        commit: The commit of the code, with "+" if files differed from it; None if
            unknown.
        cores: Number of CPU cores that it had.
    """

    seconds: float
    command: str
    commit: str | None
    cores: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainRecord(Part):
    """The kept part of a pretraining's `results.json`; `eval` has held-out scores."""

    step: int
    tokens_per_s: float
    parameters: int
    encoder_parameters: int
    weights_sha256: str
    eval: dict[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskRecord(Part):
    """What is kept of a fine-tuning's `results.json`.

    Attributes:
        median, min, max: The trials' scores in the task's first metric.
        medians: {split: {metric: value}}.
        examples: {split: number}.
        steps: Training steps of a trial.
        finetune: Fields of FinetuneSettings.
        kind: As `kinds.find_kind` names it.
    """

    task: str
    metric: str
    median: float
    min: float
    max: float
    medians: dict
    examples: dict[str, int]
    notes: list[str]
    steps: int
    num_trials: int
    finetune: dict
    kind: str = "texts"

    @property
    def scores(self) -> dict[str, float]:
        """The dev scores by the names that tables use, times 100."""
        if self.kind != "questions":
            return {self.task: 100 * self.median}
        return {
            f"{self.task} {_QUESTION_METRICS[metric]}": 100 * value
            for metric, value in self.medians["dev"].items()
        }

    @property
    def average(self) -> float:
        """What counts in an average of several tasks, times 100.

        That is the first metric, and for questions the mean of F1 and EM with the best
        threshold (Lan et al., 2019, Table 2).
        """
        if self.kind != "questions":
            return 100 * self.median
        scores, task = self.scores, self.task
        pair = [
            scores.get(f"{task} best {name}", scores[f"{task} {name}"])
            for name in ("F1", "EM")
        ]
        return _mean(pair)


@dataclasses.dataclass(kw_only=True)
class Record:
    """The results of a cell. It grows task by task, hence not frozen.

    Attributes:
        key, seed: The cell's key and seed.
        config: The pretraining run's config, as `to_dict` has it.
        inputs, vocab: As in the request.
        backend: Keras' backend in pretraining.
        flops: Operations of the matrix products executed in pretraining.
        electra_flops: The same as the ELECTRA paper counts.
        memory_bytes: The estimated memory.
        curves: {held-out score: [[step, value], ...]}.
        tasks: {TASK-KEY: results}.
        intrinsic: Scores of the pretrained model itself, by name.
        intrinsic_formats: Example formats that these were taken on.
    """

    key: str
    seed: int
    config: dict
    inputs: str
    vocab: str | None
    backend: str
    flops: float
    electra_flops: float
    memory_bytes: float
    pretrain: PretrainRecord
    curves: dict[str, list]
    tasks: dict[str, TaskRecord] = dataclasses.field(default_factory=dict)
    intrinsic: dict[str, float] = dataclasses.field(default_factory=dict)
    intrinsic_formats: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def from_dict(cls, values: dict) -> "Record":
        """Reads the JSON object of a cell."""
        values = {n: value for n, value in values.items() if n not in _DERIVED}
        return config_lib.from_dict(cls, values)

    def to_dict(self) -> dict:
        """The JSON object of the cell."""
        return config_lib.to_dict(self) | {"minutes": self.minutes}

    def save(self, folder) -> None:
        """Writes `cell.json` in the cell's folder."""
        atomic_files.write_json(Path(folder) / "cell.json", self.to_dict())

    @property
    def parts(self) -> list[Part]:
        """Pretraining, then each task."""
        return [self.pretrain, *self.tasks.values()]

    @property
    def minutes(self) -> float:
        """Minutes of computing, for all parts together."""
        return sum(part.seconds for part in self.parts) / 60

    def has(self, tasks, intrinsic) -> bool:
        """Whether it holds the results of tasks, by key, and of example formats."""
        return self.tasks.keys() >= set(tasks) and set(self.intrinsic_formats) >= set(
            intrinsic
        )

    def scores(self, task_keys) -> dict[str, float]:
        """The cell's figures by the names that tables use; scores times 100.

        Each task by its name (questions: with " F1" and so on), "glue" (the mean of the
        tasks that are texts with labels, each by its first metric), "average" (the mean
        of all tasks, see `TaskRecord.average`), "held-out ..." and "intrinsic ..."
        scores, and sizes and speed.

        Args:
            task_keys: Which of the cell's fine-tuning results to take.
        """
        results = [self.tasks[key] for key in task_keys]
        texts = [result.average for result in results if result.kind == "texts"]
        scores = {"glue": _mean(texts)} if texts else {}
        if results:
            scores["average"] = _mean([result.average for result in results])
        for result in results:
            scores |= result.scores
        for name, value in self.pretrain.eval.items():
            # Losses are in nats, all others fractions.
            factor = 1 if name.endswith("loss") else 100
            scores[f"held-out {name}"] = factor * value
        for name, value in self.intrinsic.items():
            name = name.removesuffix("_accuracy").replace("masked_lm", "masked LM")
            scores[f"intrinsic {name}"] = 100 * value
        return scores | {
            "tokens/s": self.pretrain.tokens_per_s,
            "encoder parameters, M": self.pretrain.encoder_parameters / 1e6,
            "memory, GiB (estimate)": self.memory_bytes / 2**30,
        }


def folder_of(workdir, key: str) -> Path:
    """The folder of a cell in a workdir."""
    return Path(workdir) / "cells" / key


def load(workdir, key: str) -> Record | None:
    """The results of a cell; None if there are none yet."""
    path = folder_of(workdir, key) / "cell.json"
    if not path.is_file():
        return None
    return Record.from_dict(json.loads(path.read_text(encoding="utf-8")))


def _mean(values):
    # Not by sum(), which rounds in another way from Python 3.12 on.
    return float(np.mean(values))
