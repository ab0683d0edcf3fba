"""Tagging tasks: CoNLL-2000 chunking, and users' files in CoNLL's form."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from tf_pretrain.tasks.split_files import find_split_files
from tf_pretrain.tasks.tagging.conll_files import Sentence, read_sentences
from tf_pretrain.tasks.task import TaskError

SUFFIXES = (".txt", ".conll", ".tsv", ".iob", ".iob2", ".bio")
# share of the sentences that becomes the dev set if there is no dev file
DEV_FRACTION = 0.1


@dataclasses.dataclass(frozen=True)
class TaggingTask:
    """A tag for each word; scored by the spans that the tags mark.

    Attributes:
        name: "chunk", or the name of the user's folder.
        splits: {"train", "dev" and perhaps "test": sentences}.
        notes: What was assumed or is unusual, one sentence each.
    """

    name: str
    splits: dict[str, list[Sentence]]
    notes: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("f1", "precision", "recall", "accuracy")

    @property
    def scored_splits(self) -> list[str]:
        """The splits that are not trained on."""
        return [name for name in self.splits if name != "train"]

    def data_sha256(self) -> str:
        """Checksum of all words and tags."""
        content = {
            name: [dataclasses.astuple(sentence) for sentence in sentences]
            for name, sentences in self.splits.items()
        }
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def describe(self) -> str:
        """Splits and their lengths in words, for display."""
        lines = [f"{self.name}: a tag for each word, scored by F1 of the spans"]
        for name, sentences in self.splits.items():
            lengths = np.array([len(sentence.words) for sentence in sentences])
            lines.append(
                f"  {name}: {len(sentences):,} sentences of {np.median(lengths):.0f} "
                f"words (median), {lengths.max():,} at most"
            )
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def load(data_dir, word_column=1, tag_column=None, seed=0) -> TaggingTask:
    """CoNLL-2000's chunks: train.txt and test.txt, and dev.txt if there is one.

    Raises:
        TaskError: If files are missing or cannot be used.
    """
    if data_dir is None:
        raise TaskError(
            "--task=chunk needs --data_dir, a folder with CoNLL-2000's train.txt and "
            "test.txt"
        )
    return load_folder(data_dir, word_column, tag_column, seed, "chunk")


def load_folder(path, word_column=1, tag_column=None, seed=0, name=None) -> TaggingTask:
    """Loads files of CoNLL's form: train, dev and test.

    Args:
        path: Their folder.
        word_column, tag_column: Numbers of columns from 1; None for the last one.
        seed: Seed for choosing the sentences of the dev set, if there is none.
        name: The task's name; None for the folder's name.

    Raises:
        TaskError: If files are missing or cannot be used.
    """
    files = find_split_files(path, SUFFIXES)
    splits = {
        split: read_sentences(file, word_column, tag_column)
        for split, file in files.items()
    }
    notes = [f"{split}: {file.name}" for split, file in files.items()]
    if "dev" not in splits:
        train, dev = _with_dev(splits["train"], seed, files["train"])
        notes.append(
            f"there is no dev file: {len(dev):,} of the {len(splits['train']):,} "
            f"sentences of {files['train'].name} were set apart as dev (seed {seed})"
        )
        splits = {**splits, "train": train, "dev": dev}
    return TaggingTask(name or Path(path).resolve().name, splits, tuple(notes))


def _with_dev(sentences, seed, path):
    count = round(DEV_FRACTION * len(sentences))
    if count == 0:
        raise TaskError(f"{path} has too few sentences for a dev set; add a file dev")
    order = np.random.default_rng(seed).permutation(len(sentences))
    dev = set(order[:count].tolist())
    parts = ([], [])
    for index, sentence in enumerate(sentences):
        parts[index in dev].append(sentence)
    return parts
