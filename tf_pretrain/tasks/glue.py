"""The GLUE tasks (Wang et al., 2019) from the official TSV files or from tfds."""

import dataclasses
from pathlib import Path

import numpy as np

from tf_pretrain.tasks.row_files import read_table
from tf_pretrain.tasks.task import Split, Task, TaskError, class_numbers, scores

_MNLI_CLASSES = ("entailment", "neutral", "contradiction")
_RTE_CLASSES = ("entailment", "not_entailment")


@dataclasses.dataclass(frozen=True)
class GlueTask:
    """The layout of one task's files. Classes are in tensorflow-datasets' order.

    Attributes:
        texts: Text columns.
        label: Label column.
        class_names: None for regression on scores 0 to 5.
        metrics: The first is the one in ELECTRA's paper. The leaderboard's score is
            the mean of all.
        tfds_name: Config of the `glue` dataset.
        tfds_texts: Its text features, if they are not `texts`.
        label_texts: Labels in the files, if they are not the class names.
        is_unordered: Whether the order of the sentences has no meaning. Clark et al.'s
            code adds such examples once more with swapped sentences.
        headerless: Column numbers (text, label) in files without a header.
        has_broken_rows: Whether some official rows are incomplete. The releases of both
            papers and tensorflow-datasets leave them out.
    """

    texts: tuple[str, ...]
    label: str
    class_names: tuple[str, ...] | None
    metrics: tuple[str, ...]
    tfds_name: str
    tfds_texts: tuple[str, ...] = ()
    label_texts: tuple[str, ...] | None = None
    is_unordered: bool = False
    headerless: tuple[str, str] | None = None
    has_broken_rows: bool = False


_SENTENCES = ("sentence1", "sentence2")
_BINARY = ("0", "1")
TASKS = {
    "CoLA": GlueTask(
        ("sentence",),
        "label",
        ("unacceptable", "acceptable"),
        ("matthews",),
        "cola",
        label_texts=_BINARY,
        headerless=("3", "1"),
    ),
    "SST-2": GlueTask(
        ("sentence",),
        "label",
        ("negative", "positive"),
        ("accuracy",),
        "sst2",
        label_texts=_BINARY,
    ),
    "MRPC": GlueTask(
        ("#1 String", "#2 String"),
        "Quality",
        ("not_equivalent", "equivalent"),
        ("accuracy", "f1"),
        "mrpc",
        tfds_texts=_SENTENCES,
        label_texts=_BINARY,
        is_unordered=True,
    ),
    "STS-B": GlueTask(
        _SENTENCES,
        "score",
        None,
        ("spearman", "pearson"),
        "stsb",
        is_unordered=True,
    ),
    "QQP": GlueTask(
        ("question1", "question2"),
        "is_duplicate",
        ("not_duplicate", "duplicate"),
        ("accuracy", "f1"),
        "qqp",
        label_texts=_BINARY,
        has_broken_rows=True,
    ),
    "MNLI": GlueTask(
        _SENTENCES,
        "gold_label",
        _MNLI_CLASSES,
        ("accuracy",),
        "mnli",
        tfds_texts=("premise", "hypothesis"),
    ),
    "QNLI": GlueTask(
        ("question", "sentence"), "label", _RTE_CLASSES, ("accuracy",), "qnli"
    ),
    "RTE": GlueTask(_SENTENCES, "label", _RTE_CLASSES, ("accuracy",), "rte"),
    "WNLI": GlueTask(
        _SENTENCES,
        "label",
        ("not_entailment", "entailment"),
        ("accuracy",),
        "wnli",
        label_texts=_BINARY,
    ),
}
# AX is trained on MNLI and predicts the labels of the diagnostic set.
NAMES = (*TASKS, "AX")
MAX_SCORE = 5.0  # largest score of STS-B; the smallest is 0

# Split -> (official file, name of the file that the leaderboard takes).
_MNLI_FILES = {
    "dev": ("dev_matched.tsv", None),
    "dev_mismatched": ("dev_mismatched.tsv", None),
    "test": ("test_matched.tsv", "MNLI-m"),
    "test_mismatched": ("test_mismatched.tsv", "MNLI-mm"),
}
_DIAGNOSTIC = "diagnostic/diagnostic.tsv"
_MSR_FILES = {"train": "msr_paraphrase_train.txt", "test": "msr_paraphrase_test.txt"}


def load(name: str, data_dir=None, subsets=False) -> Task:
    """Loads a task with all splits that exist.

    Args:
        name: One of NAMES.
        data_dir: Folder with the official folders (CoLA, SST-2, ..., diagnostic), or
            None for tensorflow-datasets.
        subsets: Whether `train_subset.tsv` and `dev_subset.tsv` are used if the
            official file is missing.

    Raises:
        TaskError: If files are missing or have bad rows.
    """
    folder_name = "MNLI" if name == "AX" else name
    glue_task = TASKS[folder_name]
    notes = []
    if data_dir is None:
        splits = _load_tfds(glue_task, with_diagnostic=folder_name == "MNLI")
    else:
        splits = _load_folder(folder_name, glue_task, Path(data_dir), subsets, notes)
    if name == "AX":
        if "AX" not in splits:
            raise TaskError(f"AX needs {Path(data_dir) / _DIAGNOSTIC}")
        wanted = ("train", "dev", "dev_mismatched", "AX")
        splits = {split: splits[split] for split in wanted if split in splits}
    submission = {"test": name, "AX": "AX"}
    if folder_name == "MNLI":
        submission |= {s: file for s, (_, file) in _MNLI_FILES.items() if file}
    return Task(
        name=name,
        class_names=glue_task.class_names,
        metrics=glue_task.metrics,
        splits=splits,
        label_texts=glue_task.label_texts or glue_task.class_names,
        submission_names={s: submission[s] for s in splits if s in submission},
        is_unordered=glue_task.is_unordered,
        target_scale=1.0 if glue_task.class_names else MAX_SCORE,
        notes=tuple(notes),
    )


def _load_folder(name, glue_task, data_dir, subsets, notes):
    folder = data_dir / name
    if not folder.is_dir():
        raise TaskError(f"{data_dir} has no folder {name}; expected the official GLUE")
    files = {"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}
    if name == "MNLI":
        files = {"train": "train.tsv"} | {s: f for s, (f, _) in _MNLI_FILES.items()}
    tables = {}
    for split, file in files.items():
        subset = f"{split}_subset.tsv"
        if (folder / file).is_file():
            tables[split] = _read(folder / file, split, glue_task, notes)
        elif subsets and (folder / subset).is_file():
            notes.append(f"{split} is {folder / subset}, not the official {file}")
            tables[split] = _read(folder / subset, split, glue_task, notes)
    if name == "MRPC" and "train" not in tables:
        tables |= _msr_tables(folder)
    for split in ("train", "dev"):
        if split not in tables:
            hint = ""
            if (folder / f"{split}_subset.tsv").is_file():
                hint = (
                    f"; there is {split}_subset.tsv, which "
                    "--config.finetune.subsets=true takes"
                )
            raise TaskError(f"{folder} has no {files[split]}{hint}")
    splits = {s: _split(table, s, glue_task) for s, table in tables.items()}
    if name == "MNLI" and (data_dir / _DIAGNOSTIC).is_file():
        table = read_table(data_dir / _DIAGNOSTIC)
        splits["AX"] = _split(table, "AX", glue_task)
    return splits


def _read(path, split, glue_task, notes):
    is_headerless = glue_task.headerless is not None and split != "test"
    # Rows of test files are kept, because predictions are counted by rows.
    skip_broken = glue_task.has_broken_rows and split != "test"
    table = read_table(path, 4 if is_headerless else None, skip_broken=skip_broken)
    if glue_task.has_broken_rows and table.num_broken:
        notes.append(f"{table.num_broken} cut rows of {path} were left out")
    return table


def _split(table, split, glue_task):
    texts, label = glue_task.texts, glue_task.label
    if glue_task.headerless is not None and split != "test":
        texts, label = glue_task.headerless[:1], glue_task.headerless[1]
    columns = [table.texts(column) for column in texts]
    labels = None
    if split.startswith(("train", "dev")):
        found = table.column(label)
        if glue_task.class_names is None:
            labels = scores(found, table.path)
        else:
            known = glue_task.label_texts or glue_task.class_names
            labels = class_numbers(found, known, table.path)
    return Split(columns[0], columns[1] if len(columns) == 2 else None, labels)


def _msr_tables(folder):
    """MRPC from Microsoft's own files, of which GLUE's dev set is a part."""
    tables = {}
    for split, file in _MSR_FILES.items():
        if (folder / file).is_file():
            tables[split] = read_table(folder / file)
    if "train" in tables and not (folder / "dev_ids.tsv").is_file():
        raise TaskError(
            f"{folder} has Microsoft's training file, but neither train.tsv nor "
            "dev_ids.tsv, which says what of it is GLUE's dev set"
        )
    if "train" in tables:
        ids = read_table(folder / "dev_ids.tsv", num_columns=2)
        dev_ids = {(row["0"], row["1"]) for _, row in ids.rows}
        all_rows = tables["train"]
        for split in ("train", "dev"):
            rows = [
                (line, row)
                for line, row in all_rows.rows
                if ((row["#1 ID"], row["#2 ID"]) in dev_ids) == (split == "dev")
            ]
            tables[split] = dataclasses.replace(all_rows, rows=rows)
    return tables


def _load_tfds(glue_task, with_diagnostic):
    """The splits of `glue/NAME`, in the order of its `idx`."""
    try:
        import tensorflow_datasets as tfds  # costs seconds and 500 MB
    except ImportError as error:
        raise TaskError(
            f"GLUE without --data_dir=FOLDER comes from tensorflow-datasets: {error}"
        ) from error

    names = {"train": "train", "dev": "validation", "test": "test"}
    if glue_task.tfds_name == "mnli":
        names = {
            "train": "train",
            "dev": "validation_matched",
            "dev_mismatched": "validation_mismatched",
            "test": "test_matched",
            "test_mismatched": "test_mismatched",
        }
    wanted = [(split, glue_task.tfds_name, name) for split, name in names.items()]
    if with_diagnostic:
        wanted.append(("AX", "ax", "test"))
    splits = {}
    for split, config, name in wanted:
        try:
            rows = tfds.as_numpy(tfds.load(f"glue/{config}", split=name))
        # tfds, its readers and the network raise errors of many kinds.
        except Exception as error:
            raise TaskError(
                f"cannot load glue/{config}:{name} with tensorflow-datasets ({error}); "
                "--data_dir=FOLDER reads the official files"
            ) from error
        rows = sorted(rows, key=lambda row: int(row["idx"]))
        texts = [
            [row[feature].decode("utf-8") for row in rows]
            for feature in glue_task.tfds_texts or glue_task.texts
        ]
        labels = None
        if split.startswith(("train", "dev")):
            dtype = np.float32 if glue_task.class_names is None else np.int32
            labels = np.array([row["label"] for row in rows], dtype)
        splits[split] = Split(texts[0], texts[1] if len(texts) == 2 else None, labels)
    return splits
