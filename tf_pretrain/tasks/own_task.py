"""The user's own task: a folder with train, dev and optionally test files.

Columns are `sentence`, or `sentence1` and `sentence2`, and `label`; files are .tsv,
.csv or .jsonl. What kind of task it is shows in the labels: numbers of which one has
decimals are scores to regress on; anything else is class names.
"""

import collections
from pathlib import Path

import numpy as np

from tf_pretrain.tasks.row_files import SUFFIXES, read_table
from tf_pretrain.tasks.task import Split, Task, TaskError, class_numbers, scores


def load(folder) -> Task:
    """Reads the task; classes are those of the training labels.

    Raises:
        TaskError: If files or columns are missing, labels are empty or unknown, or all
            training examples have the same label.
    """
    folder = Path(folder)
    tables = {}
    for split in ("train", "dev", "test"):
        found = [folder / f"{split}{suffix}" for suffix in SUFFIXES]
        found = [path for path in found if path.is_file()]
        if len(found) > 1:
            raise TaskError(f"{folder} has both {found[0].name} and {found[1].name}")
        if found:
            tables[split] = read_table(found[0])
        elif split != "test":
            there = ", ".join(sorted(p.name for p in folder.iterdir())[:10]) or "empty"
            raise TaskError(
                f"{folder} has no {split}.tsv, {split}.csv or {split}.jsonl (it has: "
                f"{there})"
            )
    texts = {split: _texts(table) for split, table in tables.items()}
    widths = {split: len(columns) for split, columns in texts.items()}
    if len(set(widths.values())) > 1:
        raise TaskError(
            f"{folder}: some files have `sentence`, others `sentence1` and `sentence2`"
        )
    labels = {split: _labels(table, split) for split, table in tables.items()}
    class_names, target_scale, notes = _classes(labels["train"], tables["train"].path)

    splits = {}
    for split, table in tables.items():
        values = labels[split]
        if values is not None:
            values = (
                scores(values, table.path)
                if class_names is None
                else class_numbers(values, class_names, table.path)
            )
        columns = texts[split]
        splits[split] = Split(
            columns[0], columns[1] if len(columns) == 2 else None, values
        )
        empty = sum(not text.strip() for column in columns for text in column)
        if empty:
            notes.append(f"{table.path.name} has {empty} empty texts")
    metrics = ("spearman", "pearson")
    if class_names is not None:
        metrics = ("accuracy", "macro_f1", "matthews")
    return Task(
        name=folder.resolve().name,
        class_names=class_names,
        metrics=metrics,
        splits=splits,
        label_texts=class_names,
        submission_names={"test": "test"} if "test" in splits else {},
        target_scale=target_scale,
        notes=tuple(notes),
    )


def _texts(table):
    """The text columns: one or two lists."""
    columns = ["sentence"]
    if "sentence" not in table.columns:
        columns = ["sentence1", "sentence2"]
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise TaskError(
            f"{table.path} has the columns {', '.join(table.columns)}; expected "
            "`sentence`, or `sentence1` and `sentence2`, and `label`"
        )
    return [table.texts(name) for name in columns]


def _labels(table, split):
    """(line number, label) pairs; None for a test file without labels."""
    if split == "test" and "label" not in table.columns:
        return None
    pairs = [(line, text.strip()) for line, text in table.column("label")]
    empty = [line for line, text in pairs if not text]
    if split == "test" and len(empty) == len(pairs):
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


def _classes(pairs, path):
    """(class names or None, target scale, notes) of the training labels."""
    found = collections.Counter(text for _, text in pairs)
    names = sorted(found)
    if len(names) == 1:
        raise TaskError(
            f"{path}: all {len(pairs)} labels are {names[0]!r}; expected two or more"
        )
    numbers = [_number(name) for name in names]
    is_finite = [number is not None and np.isfinite(number) for number in numbers]
    if None not in numbers and any(is_finite) and not all(is_finite):
        bad = names[is_finite.index(False)]
        raise TaskError(f"{path}: the label {bad!r} is no finite number")
    if all(is_finite):
        if any("." in name or "e" in name.lower() for name in names):
            if len(set(numbers)) == 1:
                raise TaskError(f"{path}: all labels are {numbers[0]:g}")
            return None, max(map(abs, numbers)), []
        names.sort(key=float)
    notes = [
        f"the label {name!r} occurs once in {path.name}"
        for name, count in found.items()
        if count == 1
    ]
    if len(notes) > 5:
        notes = [f"{len(notes)} labels occur only once in {path.name}"]
    return tuple(names), 1.0, notes


def _number(text):
    """What Python reads as a number, nan and inf too; None if it is none."""
    try:
        return float(text)
    except ValueError:
        return None
