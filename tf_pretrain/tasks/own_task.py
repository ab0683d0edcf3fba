"""The user's own task: a folder with training data, or a single file.

`own_files` finds the files, `columns` the columns, and `own_labels` the meaning of the
labels. The task's notes say what was found.
"""

from pathlib import Path

import numpy as np

from tf_pretrain.tasks import columns as columns_lib
from tf_pretrain.tasks import own_files, own_labels
from tf_pretrain.tasks.columns import Columns
from tf_pretrain.tasks.row_files import Table, read_own_table
from tf_pretrain.tasks.row_formats import split_name
from tf_pretrain.tasks.task import Split, Task, TaskError, class_numbers, scores

# share of the training rows that becomes the dev set if there is none
DEV_FRACTION = 0.1


def task_name(path) -> str:
    """The folder's name. For a file, the folder's name and its own."""
    path = Path(path).resolve()
    return f"{path.parent.name}-{split_name(path)[0]}" if path.is_file() else path.name


def load(path, wanted: Columns | None = None, encoding="utf-8", seed=0) -> Task:
    """Reads the task. Its classes are those of the training labels.

    Args:
        path: A folder, or a file.
        wanted: Columns by name, or by number from 1. Columns that are None are chosen
            automatically.
        encoding: The encoding of the files.
        seed: The seed for choosing rows of the dev set, if there is none.

    Raises:
        TaskError: If files or columns are missing or not clear, labels are empty or
            unknown, or all training examples have the same label.
    """
    wanted = wanted or Columns()
    files = own_files.find(path)
    tables, columns = _read_tables(files.splits, wanted, encoding)
    texts = {s: _texts(table, columns, tables["train"]) for s, table in tables.items()}
    labels = {
        split: own_labels.read_labels(table, columns.label, may_lack=split == "test")
        for split, table in tables.items()
    }
    meaning = own_labels.understand(labels["train"], tables["train"].path, encoding)
    notes = _how_read(tables, columns, files.unused)
    splits = {
        split: Split(*texts[split], _values(labels[split], meaning, table.path))
        for split, table in tables.items()
    }
    for split, table in tables.items():
        empty = sum(not t.strip() for column in texts[split] for t in column or ())
        if empty:
            notes.append(f"{table.path.name} has {empty} empty texts")
    if "dev" not in splits:
        splits = _with_dev(splits, tables["train"].path, seed, notes)
    metrics = ("spearman", "pearson")
    if meaning.texts is not None:
        metrics = ("accuracy", "macro_f1", "matthews")
    return Task(
        name=task_name(path),
        class_names=meaning.names,
        metrics=metrics,
        splits=splits,
        label_texts=meaning.texts,
        submission_names={"test": "test"} if "test" in splits else {},
        target_scale=meaning.target_scale,
        notes=(*notes, *meaning.notes),
    )


def _read_tables(files, wanted, encoding):
    """The table of each split, and the columns, which the training file decides."""
    tables = {}
    for split, file in files.items():  # the training file is the first
        if file.is_dir():
            tables[split] = own_files.read_class_folders(file, encoding)
        else:

            def has_header(first, others):
                if "train" in tables:
                    return tables["train"].has_header
                return columns_lib.has_header(first, others, wanted)

            tables[split] = read_own_table(file, has_header, encoding)
        if split == "train":  # its errors are reported before others are read
            columns = columns_lib.choose(tables["train"], wanted)
    return tables, columns


def _texts(table: Table, columns, train):
    """The list of texts, and the list of second texts or None."""
    names = columns.texts()
    missing = [name for name in names if name not in table.columns]
    # A test file without header and without its labels has fewer columns.
    if missing and not table.has_header and len(table.columns) == len(names):
        names, missing = table.columns, []
    if missing:
        raise TaskError(
            f"{table.path} has the columns {', '.join(table.columns)}; expected "
            f"{' and '.join(names)}, as in {train.path.name}"
        )
    texts = [table.texts(name) for name in names]
    return texts[0], texts[1] if len(texts) == 2 else None


def _values(pairs, meaning, path):
    """Class numbers, or scores; None if there are no labels."""
    if pairs is None:
        return None
    if meaning.texts is None:
        return scores(pairs, path)
    return class_numbers(meaning.normalized(pairs), meaning.texts, path)


def _how_read(tables, columns, unused):
    """Notes on how files were read. Files that were read alike share a note."""
    by_how: dict[str, list[str]] = {}
    for table in tables.values():
        by_how.setdefault(table.how, []).append(table.path.name)
    notes = [f"{', '.join(names)}: {how}" for how, names in by_how.items()]
    notes.append(columns_lib.describe(tables["train"], columns))
    for table in tables.values():
        more = [c for c in table.columns if c not in tables["train"].columns]
        if more:
            notes.append(f"{table.path.name}: {', '.join(more)} left out, too")
    if unused:
        notes.append(f"not read: {', '.join(unused)}")
    return notes


def _with_dev(splits, path, seed, notes):
    """Moves a part of every class of the training data to the dev set.

    Examples with equal texts stay together. Otherwise the dev set would contain texts
    that were trained on.
    """
    train = splits["train"]
    second = train.texts_b or [""] * len(train)
    groups: dict[tuple, list[int]] = {}
    for index, key in enumerate(zip(train.texts_a, second, strict=True)):
        groups.setdefault(key, []).append(index)
    strata: dict[int, list[list[int]]] = {}
    for group in groups.values():
        is_class = train.labels.dtype == np.int32
        stratum = int(train.labels[group[0]]) if is_class else 0
        strata.setdefault(stratum, []).append(group)
    rng = np.random.default_rng(seed)
    chosen = []
    for _, members in sorted(strata.items()):
        # At least one example of a small class, but never all of it.
        number = min(max(1, round(DEV_FRACTION * len(members))), len(members) - 1)
        chosen += [members[i] for i in rng.permutation(len(members))[:number]]
    dev = sorted(index for group in chosen for index in group)
    if not dev:
        raise TaskError(
            f"{path} has too few rows for a dev set to be split off; add a file dev"
        )
    rest = sorted(set(range(len(train))) - set(dev))
    share = "the same share of every label, " * (train.labels.dtype == np.int32)
    notes.append(
        f"there is no dev file: {len(dev):,} of the {len(train):,} rows of {path.name} "
        f"were set apart as dev ({share}seed {seed}); the rest is train"
    )
    parts = {"train": _part(train, rest), "dev": _part(train, dev)}
    return parts | {name: s for name, s in splits.items() if name != "train"}


def _part(split, indices):
    def part(texts):
        return None if texts is None else [texts[i] for i in indices]

    return Split(part(split.texts_a), part(split.texts_b), split.labels[indices])
