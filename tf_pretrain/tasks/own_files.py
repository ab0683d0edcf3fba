"""Finds the training, dev and test data in a user's folder.

A split is a file (`train.csv`, `train_few.json`, `imdb-train.tsv.gz`) or a folder with
one subfolder for each class and one text in each file.
"""

import dataclasses
from pathlib import Path

from tf_pretrain.tasks import foreign_formats
from tf_pretrain.tasks.row_files import Table, read_text
from tf_pretrain.tasks.row_formats import SUFFIXES, split_name
from tf_pretrain.tasks.task import TaskError

_SPLIT_NAMES = {
    "train": ("train", "training"),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test",),
}
CLASS_FILES = ("class.txt", "classes.txt", "labels.txt")
_NO_DATA = ("readme", "license", "licence", "notes", "requirements")
# the folder of aclImdb's unlabelled texts
_NO_CLASSES = ("unsup", "unlabeled", "unlabelled")
_SEPARATORS = "_-."


@dataclasses.dataclass(frozen=True)
class Files:
    """The files that were found.

    Attributes:
        splits: {split: file or folder of class folders}, with "train" and the others
            that exist.
        unused: Names of files that look like data but belong to no split.
    """

    splits: dict[str, Path]
    unused: list[str]


def find(path) -> Files:
    """The files of a task: a folder, or a single file of training data.

    Raises:
        TaskError: If there is no training data, or more than one file for a split.
    """
    path = Path(path)
    if path.is_file():
        if split_name(path)[1] not in SUFFIXES:
            raise TaskError(
                f"{path} is no {', '.join(SUFFIXES)} file, or .gz of one; give it "
                "the ending that says how it is written"
            )
        return Files({"train": path}, [])
    if not path.is_dir():
        raise TaskError(f"there is no file or folder {path}")
    data = [entry for entry in sorted(path.iterdir()) if _may_be_data(entry)]
    splits = {}
    for split in _SPLIT_NAMES:
        found = _candidates(data, split)
        if len(found) > 1:
            _refuse_foreign(found)
            raise TaskError(
                f"{path} has both {found[0].name} and {found[1].name}; keep one of "
                f"them as {split}, or set --task to a single file"
            )
        if found:
            splits[split] = found[0]
    if not splits and len(data) == 1:
        splits["train"] = data[0]
    elif not splits and _has_class_folders(path):
        return Files({"train": path}, [])
    if "train" not in splits:
        _refuse(path, data)
    used = set(splits.values())
    return Files(splits, [entry.name for entry in data if entry not in used])


def read_class_folders(folder, encoding="utf-8") -> Table:
    """Reads texts from one folder for each class, with columns `text` and `label`.

    Raises:
        TaskError: If a file is not in the encoding or is not text.
    """
    rows, left_out = [], []
    for subfolder in _subfolders(folder):
        if subfolder.name in _NO_CLASSES:
            left_out.append(subfolder.name)
            continue
        for file in _visible(subfolder):
            text = read_text(file, encoding).strip()
            if not rows:
                foreign_formats.check_document(file, text)
            rows.append((len(rows) + 1, {"text": text, "label": subfolder.name}))
    if not rows:
        raise TaskError(f"{folder} has no files in its folders")
    how = "one folder a class, one text a file"
    if left_out:
        how += f"; the folder {', '.join(left_out)} has no labels and is left out"
    return Table(Path(folder), ["text", "label"], rows, how=how)


def _may_be_data(entry):
    if entry.name.startswith("."):
        return False
    if entry.is_dir():
        return _has_class_folders(entry)
    stem, suffix = split_name(entry)
    return (
        suffix in SUFFIXES
        and entry.name not in CLASS_FILES
        and not stem.lower().startswith(_NO_DATA)
    )


def _candidates(data, split):
    """Entries with the split's name, or else with it as their first or last word."""
    names = _SPLIT_NAMES[split]
    stems = [(entry, _stem(entry)) for entry in data]
    exact = [entry for entry, stem in stems if stem in names]
    return exact or [
        entry
        for entry, stem in stems
        if any(
            stem.startswith(name + mark) or stem.endswith(mark + name)
            for name in names
            for mark in _SEPARATORS
        )
    ]


def _stem(entry):
    return (entry.name if entry.is_dir() else split_name(entry)[0]).lower()


def _refuse(path, data):
    _refuse_foreign(data)
    files = [entry for entry in data if entry.is_file()]
    there = ", ".join(sorted(p.name for p in path.iterdir())[:10]) or "empty"
    advice = ""
    if files:
        advice = f"; --task={files[0]} would split this one file into train and dev"
    raise TaskError(
        f"{path} has no train.tsv, .csv, .jsonl, .json or .txt (or .gz of one), and no "
        f"folder train with one folder a class (it has: {there}){advice}"
    )


def _refuse_foreign(entries):
    """Refuses files of other kinds of tasks; this reason has priority over others."""
    for entry in entries:
        if entry.is_file() and split_name(entry)[1] in (".json", ".jsonl"):
            foreign_formats.check_file(entry, read_text(entry, "utf-8"))


def _has_class_folders(folder):
    """Whether there are two or more folders that contain files only."""
    subfolders = _subfolders(folder)
    return len(subfolders) > 1 and all(map(_visible, subfolders))


def _subfolders(folder):
    return sorted(
        entry
        for entry in Path(folder).iterdir()
        if entry.is_dir() and not entry.name.startswith((".", "__"))
    )


def _visible(folder):
    """The files of a folder, or none if it also has folders."""
    entries = [p for p in sorted(folder.iterdir()) if not p.name.startswith(".")]
    return entries if all(map(Path.is_file, entries)) else []
