"""Decides what a user's labels are: classes, or scores for regression."""

import collections
import dataclasses

import numpy as np

from tf_pretrain.tasks.own_files import CLASS_FILES
from tf_pretrain.tasks.row_files import read_text
from tf_pretrain.tasks.task import TaskError

# with more different whole numbers (1.0, 2.0, ...) they are probably scores
_MOST_DECIMAL_CLASSES = 20


@dataclasses.dataclass(frozen=True)
class Labels:
    """How a task's labels are read.

    Attributes:
        texts: By class number, the label as it is written in files; None for scores.
        names: By class number, the name for display.
        target_scale: Largest absolute score.
        are_whole: Whether the classes are whole numbers, so that 1.0 in a file means 1.
        notes: What was assumed or is unusual.
    """

    texts: tuple[str, ...] | None
    names: tuple[str, ...] | None
    target_scale: float = 1.0
    are_whole: bool = False
    notes: tuple[str, ...] = ()

    def normalized(self, pairs):
        """The (line, label) pairs in the form of `texts`."""
        if not self.are_whole:
            return pairs
        return [(line, _whole(text)) for line, text in pairs]


def read_labels(table, name, may_lack) -> list[tuple[int, str]] | None:
    """(line number, label) pairs of a column.

    Args:
        may_lack: Whether all labels may be missing. The result is then None.

    Raises:
        TaskError: For an empty label, or one that a file of predictions cannot hold.
    """
    if may_lack and name not in table.columns:
        return None
    pairs = [(line, text.strip()) for line, text in table.column(name)]
    empty = [line for line, text in pairs if not text]
    if may_lack and len(empty) == len(pairs):
        return None
    if empty:
        raise TaskError(f"{table.path}, line {empty[0]}: the label is empty")
    for line, text in pairs:
        if any(char in text for char in "\t\r\n"):
            raise TaskError(
                f"{table.path}, line {line}: the label {text!r} holds a tab or a line "
                "break, which files of predictions cannot"
            )
    return pairs


def understand(pairs, path, encoding="utf-8") -> Labels:
    """Decides what the (line number, label) pairs of the training file are.

    Raises:
        TaskError: If all labels are the same, or some are not finite numbers.
    """
    found = collections.Counter(text for _, text in pairs)
    numbers = {text: _number(text) for text in found}
    is_finite = [n is not None and np.isfinite(n) for n in numbers.values()]
    if None not in numbers.values() and any(is_finite) and not all(is_finite):
        bad = sorted(t for t, n in numbers.items() if not np.isfinite(n))[0]
        raise TaskError(f"{path}: the label {bad!r} is not a finite number")
    notes = []
    if all(is_finite) and any("." in t or "e" in t.lower() for t in found):
        values = set(numbers.values())
        are_whole = all(value == round(value) for value in values)
        if len(values) == 1:
            raise TaskError(f"{path}: all labels are {values.pop():g}")
        if not are_whole or len(values) > _MOST_DECIMAL_CLASSES:
            return Labels(None, None, max(map(abs, values)))
        found = collections.Counter(_whole(text) for _, text in pairs)
        notes.append(
            f"labels such as {pairs[0][1]} are whole numbers: classes, not scores"
        )
    names = sorted(found, key=float if all(is_finite) else None)
    if len(names) == 1:
        raise TaskError(
            f"{path}: all {len(pairs)} labels are {names[0]!r}; expected two or more"
        )
    once = [
        f"the label {name!r} occurs once in {path.name}"
        for name, count in found.items()
        if count == 1
    ]
    if len(once) > 5:
        once = [f"{len(once)} labels occur only once in {path.name}"]
    shown = _class_names(names, path, notes, encoding)
    are_whole = all(is_finite) and all(name == _whole(name) for name in names)
    return Labels(tuple(names), shown, 1.0, are_whole, (*notes, *once))


def _class_names(labels, path, notes, encoding):
    """Names from a class.txt in the same folder, if the labels are its line numbers."""
    files = [path.parent / name for name in CLASS_FILES]
    files = [file for file in files if file.is_file()]
    if not files or path.is_dir():
        return tuple(labels)
    file = files[0]
    names = [line.strip() for line in read_text(file, encoding).strip().split("\n")]
    if set(names) >= set(labels):
        return tuple(labels)  # the labels are these names
    if len(set(names)) == len(names) and all(label.isdecimal() for label in labels):
        numbers = [int(label) for label in labels]
        # Labels count from 1 only if counting from 0 is impossible.
        start = 1 if max(numbers) == len(names) and min(numbers) > 0 else 0
        if max(numbers) - start < len(names):
            notes.append(
                f"class names are from {file.name}: {labels[0]} is "
                f"{names[numbers[0] - start]!r}"
            )
            return tuple(names[number - start] for number in numbers)
    notes.append(
        f"{file.name} is not used: its {len(names)} lines do not fit the labels "
        f"{', '.join(labels[:5])}"
    )
    return tuple(labels)


def _whole(text):
    """ "1" for "1.0"; other texts are returned unchanged."""
    value = _number(text)
    if value is None or not np.isfinite(value) or value != round(value):
        return text
    return str(int(value))


def _number(text):
    """The number that Python reads, including nan and inf, or None."""
    try:
        return float(text)
    except ValueError:
        return None
