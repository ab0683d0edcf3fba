"""Unmasked examples from tokenized documents, and ELECTRA's segments.

A document is a stream of word pieces with line boundaries. An example is one or two
segments of such a stream. `pack_examples` writes it as [CLS] A [SEP] or [CLS] A [SEP] B
[SEP]. Everything depends only on (documents, rng, settings).

By default no piece is lost: if a line does not fit into an example, its rest goes to
the next example of the same document. `legacy_truncation` drops the rest, as the
released code does. This costs 12 % of the pieces if lines are sentences and 31 % if
they are paragraphs.
"""

import bisect
from typing import NamedTuple

import numpy as np

from tf_pretrain.config import DataConfig

SINGLE_SEGMENT_PROB = 0.1  # share of ELECTRA's examples with one segment
SHORTEST_TARGET = 5  # tokens of the shortest ELECTRA example that is short on purpose


class Document(NamedTuple):
    """A tokenized document of n >= 1 pieces. No line is empty."""

    ids: np.ndarray  # [n] int32
    word_starts: np.ndarray  # [n] bool: whether a word starts with this piece
    bounds: list[int]  # where each line starts, then n


class Example(NamedTuple):
    """Two segments (the second may be empty) and a sentence label."""

    segment_a: np.ndarray  # [a] int32
    segment_b: np.ndarray  # [b] int32
    label: int = 0  # 1: the segments are swapped, or B is from another document
    is_b_random: bool = False  # B is a copy of text from another document


def make_documents(ids, row_splits, lines_per_document, is_word_start):
    """Splits tokenized lines into documents; empty lines and documents are dropped.

    Args:
        ids: [N] int32, the pieces of all lines.
        row_splits: [L + 1] integers. Line i is ids[row_splits[i]:row_splits[i + 1]].
        lines_per_document: Numbers of lines, whose sum is L.
        is_word_start: [V] bool.

    Returns:
        A list of `Document`, whose arrays are views of `ids`.
    """
    word_starts = is_word_start[ids]
    documents = []
    line = 0
    for num_lines in lines_per_document:
        splits = row_splits[line : line + num_lines + 1]
        line += num_lines
        start, stop = int(splits[0]), int(splits[-1])
        if stop > start:
            bounds = np.unique(splits - start).tolist()
            documents.append(Document(ids[start:stop], word_starts[start:stop], bounds))
    return documents


def cut_at_word(document: Document, start: int, room: int) -> int:
    """The end of a segment that starts at `start` and has at most `room` pieces.

    The end moves back to the last word start, if at least two pieces remain. So no
    example starts inside a word, unless the word is as long as an example.
    """
    limit = start + room
    if limit >= len(document.ids):
        return len(document.ids)
    stop = limit
    while stop > start + 1 and not document.word_starts[stop]:
        stop -= 1
    return stop if stop > start + 1 else limit


def electra_examples(
    documents: list[Document], rng: np.random.Generator, data: DataConfig
) -> list[Example]:
    """Examples of one or two consecutive segments (Clark et al.'s released builder).

    The target length of an example is `max_seq_length`, or, with probability
    `short_seq_prob`, uniform between 5 and that. With probability .1 all its lines form
    one segment. Otherwise the first segment takes lines up to about half of the target,
    and the line that crosses the half goes to either segment with equal probability. So
    an example of one long line also has one segment.
    """
    build = _truncated_example if data.legacy_truncation else _next_example
    examples = []
    for document in documents:
        start = 0
        while start < len(document.ids):
            target = data.max_seq_length
            if rng.random() < data.short_seq_prob:
                target = int(rng.integers(SHORTEST_TARGET, target, endpoint=True))
            is_single = rng.random() < SINGLE_SEGMENT_PROB
            half = (target - 3) // 2
            if is_single:
                half = len(document.ids) + 1  # no line is longer
            example, start = build(document, start, target, half, rng, data)
            examples.append(example)
    return examples


def _next_example(document, start, target, half, rng, data):
    """The example that starts at piece `start`, and the start of the next one."""
    ids, bounds = document.ids, document.bounds
    # the end of the line that contains `start`
    line = bisect.bisect_right(bounds, start)
    stop = cut_at_word(document, start, target - 3)
    middle = min(bounds[line], stop)
    while middle < stop:
        line += 1
        end = min(bounds[line], stop)
        crosses = end - start >= half
        if crosses and (middle - start >= half or rng.random() >= 0.5):
            return Example(ids[start:middle], ids[middle:stop]), stop
        middle = end
    # A single segment needs one [SEP] less, so its line may be one piece longer.
    stop = min(bounds[line], cut_at_word(document, start, target - 2))
    return Example(ids[start:stop], ids[stop:stop]), stop


def _truncated_example(document, start, target, half, rng, data):
    """The released code: whole lines until the target is reached, then truncation.

    Pieces beyond `max_seq_length` are dropped. A short line may join the first segment
    although an earlier line went to the second.
    """
    ids, bounds = document.ids, document.bounds
    line = bisect.bisect_left(bounds, start)
    segments = [], []
    sizes = [0, 0]
    while line + 1 < len(bounds) and sum(sizes) < target:
        piece_ids = ids[bounds[line] : bounds[line + 1]]
        goes_first = (
            sizes[0] == 0
            or sizes[0] + len(piece_ids) < half
            or (sizes[1] == 0 and sizes[0] < half and rng.random() < 0.5)
        )
        segments[not goes_first].append(piece_ids)
        sizes[not goes_first] += len(piece_ids)
        line += 1
    first = np.concatenate(segments[0])[: data.max_seq_length - 2]
    second = np.concatenate([ids[:0], *segments[1]])
    second = second[: max(0, data.max_seq_length - 3 - len(first))]
    return Example(first, second), bounds[line]


def pack_examples(
    examples: list[Example], max_seq_length: int, cls_id: int, sep_id: int
) -> dict[str, np.ndarray]:
    """Writes N examples as padded rows [CLS] A [SEP] (B [SEP]).

    Returns:
        `input_ids`, `input_mask`, `segment_ids` [N, max_seq_length] and
        `next_sentence_labels` [N, 1], int32. Padding is 0 everywhere.
    """
    input_ids = np.zeros((len(examples), max_seq_length), np.int32)
    first = np.array([len(e.segment_a) for e in examples], np.int64).reshape(-1, 1) + 2
    second = np.array([len(e.segment_b) for e in examples], np.int64).reshape(-1, 1)
    length = first + second + (second > 0)
    input_ids[:, 0] = cls_id
    for row, example, middle, end in zip(
        input_ids, examples, first[:, 0].tolist(), length[:, 0].tolist(), strict=True
    ):
        row[1 : middle - 1] = example.segment_a
        row[middle - 1] = sep_id
        if end > middle:
            row[middle : end - 1] = example.segment_b
            row[end - 1] = sep_id
    column = np.arange(max_seq_length)
    labels = np.array([e.label for e in examples], np.int32).reshape(-1, 1)
    return {
        "input_ids": input_ids,
        "input_mask": (column < length).astype(np.int32),
        "segment_ids": ((column >= first) & (column < length)).astype(np.int32),
        "next_sentence_labels": labels,
    }
