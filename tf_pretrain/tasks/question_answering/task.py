"""The question-answering tasks SQuAD 1.1 and 2.0, and users' files in their form."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from tf_pretrain.tasks.question_answering.squad_files import Question, read_questions
from tf_pretrain.tasks.split_files import find_split_files
from tf_pretrain.tasks.task import TaskError

NAMES = {"SQuAD1.1": "v1.1", "SQuAD2.0": "v2.0"}


@dataclasses.dataclass(frozen=True)
class QuestionTask:
    """Extractive question answering.

    Attributes:
        name: "SQuAD2.0", or the name of the user's folder.
        splits: {"train", "dev" and perhaps "test": questions}.
        may_be_unanswerable: Whether some question has no answer, as in SQuAD 2.0.
        notes: What was assumed or is unusual, one sentence each.
    """

    name: str
    splits: dict[str, list[Question]]
    may_be_unanswerable: bool
    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics; the first is reported. All are in [0, 1]."""
        if not self.may_be_unanswerable:
            return ("f1", "exact_match")
        return ("f1", "exact", "best_f1", "best_exact")

    @property
    def scored_splits(self) -> list[str]:
        """The splits with answers that are not trained on."""
        return [
            name
            for name, questions in self.splits.items()
            if name != "train" and any(question.answers for question in questions)
        ]

    def data_sha256(self) -> str:
        """Checksum of all questions."""
        digest = hashlib.sha256()
        for name, questions in self.splits.items():
            digest.update(name.encode())
            for question in questions:
                content = json.dumps(dataclasses.asdict(question), sort_keys=True)
                digest.update(content.encode())
        return digest.hexdigest()

    def describe(self) -> str:
        """Splits and their lengths in characters, for display."""
        lines = [f"{self.name}: questions about texts, scored by {self.metrics[0]}"]
        for name, questions in self.splits.items():
            contexts = {question.context for question in questions}
            lengths = np.array([len(context) for context in contexts])
            unanswerable = sum(not question.answers for question in questions)
            lines.append(
                f"  {name}: {len(questions):,} questions, {unanswerable:,} without "
                f"answer, about {len(contexts):,} texts of {np.median(lengths):.0f} "
                f"characters (median), {lengths.max():,} at most"
            )
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def load(name, data_dir) -> QuestionTask:
    """SQuAD 1.1 or 2.0 from the official files, such as train-v2.0.json.

    Raises:
        TaskError: If a file is missing or cannot be used.
    """
    if data_dir is None:
        raise TaskError(
            f"--task={name} needs --data_dir, a folder with train-{NAMES[name]}.json "
            f"and dev-{NAMES[name]}.json"
        )
    return _make(name, find_split_files(data_dir, (f"{NAMES[name]}.json",)))


def load_folder(path) -> QuestionTask:
    """The user's own files in SQuAD's form: train*.json, dev*.json, test*.json.

    Raises:
        TaskError: If a file is missing or cannot be used.
    """
    files = find_split_files(path, (".json",))
    return _make(Path(path).resolve().name, files)


def _make(name, files):
    if "dev" not in files:
        raise TaskError(
            f"{files['train'].parent} has no dev file; expected dev*.json in SQuAD's "
            "form beside the training file"
        )
    splits = {split: read_questions(path) for split, path in files.items()}
    if not any(question.answers for question in splits["train"]):
        raise TaskError(f"{files['train']} holds no question with an answer")
    may_be_unanswerable = name == "SQuAD2.0" or any(
        question.is_impossible for part in splits.values() for question in part
    )
    if may_be_unanswerable and name == "SQuAD1.1":
        raise TaskError(
            f"{files['train'].parent} has questions without answers; give "
            "--task=SQuAD2.0"
        )
    notes = [f"{split}: {path.name}" for split, path in files.items()]
    return QuestionTask(name, splits, may_be_unanswerable, tuple(notes))
