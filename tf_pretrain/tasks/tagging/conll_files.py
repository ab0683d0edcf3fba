"""Sentences with tags, from files in CoNLL's form.

A line holds one word, and a blank line ends a sentence. Columns are separated by spaces
or tabs: the word comes first and the tag last, unless other columns are asked for.
"""

import dataclasses
import gzip
from pathlib import Path

from tf_pretrain.tasks.tagging.spans import split_tag
from tf_pretrain.tasks.task import TaskError

_PREFIXES = {"B", "I", "O", "E", "S"}


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A sentence.

    Attributes:
        words: Its words.
        tags: One for each word; None if the file has none.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None


def read_sentences(path, word_column=1, tag_column=None) -> list[Sentence]:
    """All sentences of a file (plain text or .gz).

    Args:
        path: The file.
        word_column: Number of the word's column, from 1.
        tag_column: Number of the tag's; None for the last one.

    Raises:
        TaskError: If a line lacks a column, a tag is of no scheme, or there is no
            sentence; the message names the line.
    """
    path = Path(path)
    opened = gzip.open if path.suffix == ".gz" else open
    sentences, rows = [], []
    with opened(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            columns = line.split()
            if not columns or columns[0] == "-DOCSTART-":
                _end_sentence(rows, sentences)
                continue
            rows.append(
                _row(columns, word_column, tag_column, f"{path}, line {number}")
            )
    _end_sentence(rows, sentences)
    if not sentences:
        raise TaskError(f"{path} holds no sentence")
    return sentences


def _end_sentence(rows, sentences):
    if rows:
        words, tags = zip(*rows, strict=True)
        sentences.append(Sentence(words, tags))
        rows.clear()


def _row(columns, word_column, tag_column, where):
    needed = max(word_column, tag_column or word_column + 1)
    if len(columns) < needed:
        raise TaskError(
            f"{where}: {len(columns)} columns; expected {needed} or more, a word and "
            "its tag"
        )
    tag = columns[tag_column - 1 if tag_column else -1]
    prefix, name = split_tag(tag)
    if prefix not in _PREFIXES or (prefix == "O") != (name == ""):
        raise TaskError(
            f"{where}: the tag {tag!r} is of no scheme that is known; expected O, or "
            "B-, I-, E- or S- and a class (IOB1, IOB2, BIOES)"
        )
    return columns[word_column - 1], tag
