"""The common form of every task: texts, labels and how predictions are scored."""

import dataclasses
import hashlib
import json

import numpy as np

from tf_pretrain.errors import UserError

_LARGEST = float(np.finfo(np.float32).max)


class TaskError(UserError, ValueError):
    """Data that cannot be used. The message names file, line and reason."""


@dataclasses.dataclass(frozen=True)
class Split:
    """One split, in the order of its file.

    Attributes:
        texts_a: N strings.
        texts_b: N strings; None if the task has single texts.
        labels: int32 [N] classes or float32 [N] scores; None if not given.
    """

    texts_a: list[str]
    texts_b: list[str] | None
    labels: np.ndarray | None

    def __len__(self):
        return len(self.texts_a)


@dataclasses.dataclass(frozen=True)
class Task:
    """A task to fine-tune on.

    Attributes:
        name: "CoLA", or the name of the user's folder.
        class_names: By class number; None for regression.
        label_texts: By class number, the label in files, e.g. "0" for "negative".
        metrics: Names in tf_pretrain.training.metrics. The papers report the first.
        splits: "train", "dev" and others, which are scored if they have labels and
            predicted in any case.
        submission_names: {split: file name without .tsv} of the splits without labels.
        is_unordered: Whether a pair means the same when its texts are swapped.
        target_scale: Largest absolute score of a regression; 1 for classes.
        notes: What was assumed or is unusual, one sentence each.
    """

    name: str
    class_names: tuple[str, ...] | None
    metrics: tuple[str, ...]
    splits: dict[str, Split]
    label_texts: tuple[str, ...] | None = None
    submission_names: dict[str, str] = dataclasses.field(default_factory=dict)
    is_unordered: bool = False
    target_scale: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def is_regression(self) -> bool:
        return self.class_names is None

    @property
    def is_pair(self) -> bool:
        return self.splits["train"].texts_b is not None

    @property
    def num_outputs(self) -> int:
        return 1 if self.is_regression else len(self.class_names)

    @property
    def scored_splits(self) -> list[str]:
        """The labelled splits that are not trained on."""
        labelled = [n for n, split in self.splits.items() if split.labels is not None]
        return [name for name in labelled if name != "train"]

    def data_sha256(self) -> str:
        """Checksum of all texts and labels."""
        digest = hashlib.sha256()
        for name, split in self.splits.items():
            labels = None if split.labels is None else split.labels.tolist()
            content = [name, split.texts_a, split.texts_b, labels]
            digest.update(json.dumps(content).encode())
        return digest.hexdigest()

    def describe(self) -> str:
        """Splits, labels and lengths in characters, for display."""
        lines = [f"{self.name}: {self._kind()}, scored by {', '.join(self.metrics)}"]
        for name, split in self.splits.items():
            characters = np.array([len(text) for text in split.texts_a])
            if split.texts_b is not None:
                characters = characters + [len(text) for text in split.texts_b]
            lines.append(
                f"  {name}: {len(split):,} examples, {np.median(characters):.0f} "
                f"characters (median), {characters.max():,} at most"
                + self._label_counts(split)
            )
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])

    def _kind(self):
        texts = "pairs" if self.is_pair else "single texts"
        if self.is_regression:
            return f"regression on {texts}, scores up to {self.target_scale:g}"
        names = ", ".join(self.class_names[:10])
        more = ", ..." if len(self.class_names) > 10 else ""
        return f"{len(self.class_names)} classes of {texts} ({names}{more})"

    def _label_counts(self, split):
        if split.labels is None:
            return ", no labels"
        if self.is_regression:
            return f", mean score {split.labels.mean():.3f}"
        counts = np.bincount(split.labels, minlength=len(self.class_names))
        shown = " / ".join(f"{count:,}" for count in counts[:10])
        return f", by class {shown}" + (" / ..." if len(counts) > 10 else "")


def class_numbers(labels, label_texts, where) -> np.ndarray:
    """Class numbers int32 [N] of labels.

    Args:
        labels: (line number, text) pairs.
        label_texts: The labels that may occur, by class number.
        where: The file, for messages.

    Raises:
        TaskError: For an unknown label.
    """
    numbers = {name: number for number, name in enumerate(label_texts)}
    for line, label in labels:
        if label not in numbers:
            raise TaskError(
                f"{where}, line {line}: unknown label {label!r}; expected one of "
                f"{', '.join(map(repr, label_texts[:20]))}"
            )
    return np.array([numbers[label] for _, label in labels], np.int32)


def scores(labels, where) -> np.ndarray:
    """Finite numbers float32 [N] of (line number, text) pairs.

    Raises:
        TaskError: If a label is not a finite number.
    """
    values = []
    for line, label in labels:
        try:
            value = float(label)
        except ValueError:
            value = np.nan
        if not abs(value) <= _LARGEST:  # nor nan
            raise TaskError(f"{where}, line {line}: {label!r} is not a finite number")
        values.append(value)
    return np.array(values, np.float32)
