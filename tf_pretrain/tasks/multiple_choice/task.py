"""The multiple-choice task RACE, and users' files in its form."""

import collections
import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from tf_pretrain.tasks.multiple_choice.race_files import (
    LEVELS,
    ChoiceQuestion,
    read_race,
)
from tf_pretrain.tasks.split_files import SPLITS
from tf_pretrain.tasks.task import TaskError

_SUFFIXES = (".json", ".jsonl", ".txt")


@dataclasses.dataclass(frozen=True)
class ChoiceTask:
    """Multiple choice.

    Attributes:
        name: "RACE", or the name of the user's folder.
        splits: {"train", "dev" and perhaps "test": questions}.
        notes: What was assumed or is unusual, one sentence each.
    """

    name: str
    splits: dict[str, list[ChoiceQuestion]]
    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Accuracy of all questions; of each of RACE's levels if there are both."""
        levels = {question.level for question in self.splits["dev"]}
        return ("accuracy", *(name for name in LEVELS if len(levels) > 1))

    @property
    def scored_splits(self) -> list[str]:
        """The splits with answers that are not trained on."""
        return [
            name
            for name, questions in self.splits.items()
            if name != "train" and questions[0].answer is not None
        ]

    def data_sha256(self) -> str:
        """Checksum of all questions."""
        content = {
            name: [dataclasses.astuple(question) for question in questions]
            for name, questions in self.splits.items()
        }
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def describe(self) -> str:
        """Splits and their lengths in characters, for display."""
        lines = [f"{self.name}: questions with options, scored by accuracy"]
        for name, questions in self.splits.items():
            lengths = np.array([len(question.article) for question in questions])
            options = len(questions[0].options)
            lines.append(
                f"  {name}: {len(questions):,} questions with {options} options, texts "
                f"of {np.median(lengths):.0f} characters (median), {lengths.max():,} "
                "at most"
            )
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def load(data_dir) -> ChoiceTask:
    """RACE from its official folders, `train/middle/...`, or one file for each split.

    Raises:
        TaskError: If files are missing or cannot be used.
    """
    if data_dir is None:
        raise TaskError(
            "--task=RACE needs --data_dir, the folder of RACE with train, dev and test"
        )
    return load_folder(data_dir, "RACE")


def load_folder(path, name=None) -> ChoiceTask:
    """Files of RACE's form, in folders or beside one another.

    Raises:
        TaskError: If files are missing or cannot be used.
    """
    path = Path(path)
    found = collections.defaultdict(list)
    for file in sorted(path.rglob("*")):
        if not _is_data(file):
            continue
        parts = file.relative_to(path).parts
        for split, names in SPLITS.items():
            if parts[0].lower().startswith(names):
                found[split].append(file)
                break
    missing = [split for split in ("train", "dev") if not found[split]]
    if missing:
        raise TaskError(
            f"{path} has no files for {missing[0]}; expected a folder {missing[0]}, or "
            f"a file whose name begins so and ends in {', '.join(_SUFFIXES)}"
        )
    splits = {
        split: [question for file in files for question in read_race(file)]
        for split, files in found.items()
        if files
    }
    if any(question.answer is None for question in splits["train"]):
        raise TaskError(f"{path}: the questions of train have no answers")
    notes = [f"{split}: {len(files)} files" for split, files in found.items() if files]
    return ChoiceTask(name or path.resolve().name, splits, tuple(notes))


def _is_data(file):
    name = file.name.lower().removesuffix(".gz")
    return file.is_file() and name.endswith(_SUFFIXES)
