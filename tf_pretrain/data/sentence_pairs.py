"""Examples of two segments: ALBERT's sentence order, BERT's next sentence, and pairs.

Each line is assumed to be a sentence. Lines of a document are collected in a chunk of
about a target length, which is split into segments A and B (Lan et al., 2019, sec.
3.1). The probabilities are those of the released `create_pretraining_data.py`;
differences are described below.
"""

import bisect

import numpy as np

from tf_pretrain.config import DataConfig
from tf_pretrain.data.examples import Document, Example, cut_at_word

NUM_SPECIALS = 3  # [CLS] A [SEP] B [SEP]
SHORTEST_TARGET = 2  # pieces


def sentence_pair_examples(
    documents: list[Document], rng: np.random.Generator, data: DataConfig
) -> list[Example]:
    """Examples of the formats "sentence_order", "next_sentence" and "sentence_pair".

    Each document has one target: all the pieces that an example holds or, with
    probability `short_seq_prob`, a uniform number from 2 up to that. A chunk is the
    lines that reach the target. If there are several, it is split between two of them,
    with the same probability for each place:

        sentence_order: A and B are swapped in half of the examples (label 1);
        next_sentence: in half of the examples B comes from another document (label 1)
            and the text that it replaces is used again in the next chunk;
        sentence_pair: they stay as they are.

    A chunk of one line is split at a random word start (or at a random piece if it is
    one word), so that it is also an example of its format. Such an example is easier,
    because the end of the sentence reveals the label; so lines should be sentences. If
    a document is a single piece, its second segment is empty and its label 0 (for
    next_sentence, B may come from elsewhere). The released code gives every one-line
    chunk a random B and label 1, so its label 1 mixes two tasks;
    `legacy_sentence_order` restores that.

    Without `legacy_truncation` no piece of the text is lost: see `_chunk_end`. If there
    is only one document, the "other" document is the same one.
    """
    room = data.max_seq_length - NUM_SPECIALS
    examples = []
    for index, document in enumerate(documents):
        target = room
        if rng.random() < data.short_seq_prob:
            target = int(rng.integers(SHORTEST_TARGET, room, endpoint=True))
        start = 0
        while start < len(document.ids):
            stop = _chunk_end(document, start, target, room, data)
            middle, is_one_line = _split(document, start, stop, rng, data)
            segment_a = document.ids[start:middle]
            segment_b = document.ids[middle:stop]
            label = 0
            is_b_random = _takes_random_b(is_one_line, middle == stop, rng, data)
            if is_b_random:
                sizes = len(segment_a), target, room
                segment_b = _random_segment(
                    documents, index, sizes, is_one_line, rng, data
                )
                label = 1
                stop = middle  # the text that B replaces is used again
            elif data.example_format == "sentence_order" and len(segment_b):
                label = int(rng.random() < 0.5)
                if label:
                    segment_a, segment_b = segment_b, segment_a
            if data.legacy_truncation:
                segment_a, segment_b = _truncate(segment_a, segment_b, room, rng)
            examples.append(Example(segment_a, segment_b, label, is_b_random))
            start = stop
    return examples


def _chunk_end(document, start, target, room, data):
    """The end of the chunk from `start`, after the line that reaches the target.

    The released code then truncates the chunk. Here a line that does not fit starts the
    next chunk as a whole. (If each chunk were filled completely, half a sentence at one
    end would reveal the order of the segments.) The line is cut, at a word start, only
    if the chunk would otherwise be less than half full.
    """
    if data.legacy_truncation:
        return _line_end(document, start, target)
    stop = _fitting_end(document, start, target, room, room // 2)
    end = len(document.ids)
    # a single piece cannot be split: add it to this chunk, or leave two pieces
    if end - stop == 1:
        stop = end if end - start <= room else stop - 1
    return stop


def _line_end(document, start, wanted):
    """The end of the line that brings the pieces from `start` to `wanted` or more."""
    bounds = document.bounds
    return bounds[min(bisect.bisect_left(bounds, start + wanted), len(bounds) - 1)]


def _fitting_end(document, start, wanted, room, least):
    """The same, or the end of the last line that fits into `room`.

    If this leaves fewer than `least` pieces, the line is cut.
    """
    stop = _line_end(document, start, wanted)
    if stop - start > room:
        bounds = document.bounds
        stop = bounds[bisect.bisect_right(bounds, start + room) - 1]
        if stop - start < least:
            stop = cut_at_word(document, start, room)
    return stop


def _split(document, start, stop, rng, data):
    """The end of A, and whether the chunk was one line or a part of one."""
    bounds = document.bounds
    first = bisect.bisect_right(bounds, start)
    inner = bounds[first : bisect.bisect_left(bounds, stop)]
    if inner:
        return inner[rng.integers(len(inner))], False
    if stop - start == 1 or (data.legacy_sentence_order and data.legacy_truncation):
        return stop, True
    inner = start + 1 + np.flatnonzero(document.word_starts[start + 1 : stop])
    if not inner.size:
        inner = np.arange(start + 1, stop)
    return int(rng.choice(inner)), True


def _takes_random_b(is_one_line, is_uncut, rng, data):
    """Whether B is taken from another document."""
    if is_one_line and data.legacy_sentence_order:
        return True
    if data.example_format != "next_sentence":
        return False
    return is_uncut or rng.random() < 0.5


def _random_segment(documents, index, sizes, is_one_line, rng, data):
    """Lines of another document from a random one on, with at least one piece.

    In the released code B starts at any line and takes lines until the pair reaches its
    target; it is truncated later. Here B starts and ends like a true second segment, so
    that only its content reveals the label. If A is whole lines, B is a line that fits
    (or is cut as in `_chunk_end`). If A is half a line, B is the end of a line.

    Args:
        sizes: Pieces of A, target and room of the pair.
        is_one_line: Whether A is half a line.
    """
    other = index
    if len(documents) > 1:
        other = int(rng.integers(len(documents) - 1))
        other += other >= index
    document = documents[other]
    size_a, target, room = sizes
    wanted = max(1, target - size_a)
    starts = np.array(document.bounds[:-1])
    if data.legacy_truncation:
        start = int(rng.choice(starts))
        return document.ids[start : _line_end(document, start, wanted)]
    least, room = max(1, room // 2 - size_a), room - size_a
    fits = (np.diff(document.bounds) <= room) | (least > 1)
    start = int(rng.choice(starts[fits] if fits.any() else starts))
    if is_one_line:
        stop = _fitting_end(document, start, 1, room, 1)
        middle, _ = _split(document, start, stop, rng, data)
        return document.ids[middle if middle < stop else start : stop]
    return document.ids[start : _fitting_end(document, start, wanted, room, least)]


def _truncate(segment_a, segment_b, room, rng):
    """Drops pieces of the longer segment, one by one, until both fit into `room`.

    Each piece is dropped at the front or the back with equal probability. If the
    segments are equally long, B loses a piece first. So the final lengths are known,
    and the number dropped at the front has a binomial distribution.
    """
    if len(segment_a) + len(segment_b) <= room:
        return segment_a, segment_b
    if len(segment_a) <= (room + 1) // 2:
        keep_a = len(segment_a)
    elif len(segment_b) <= room // 2:
        keep_a = room - len(segment_b)
    else:
        keep_a = (room + 1) // 2
    pair = []
    for segment, keep in ((segment_a, keep_a), (segment_b, room - keep_a)):
        front = int(rng.binomial(len(segment) - keep, 0.5))
        pair.append(segment[front : front + keep])
    return tuple(pair)
