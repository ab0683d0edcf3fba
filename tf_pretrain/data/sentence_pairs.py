"""Examples of two segments: ALBERT's sentence order, BERT's next sentence, and pairs.

Lines are taken for sentences. Lines of a document are gathered in a chunk of about a
target length, which is cut in segments A and B (Lan et al., 2019, sec. 3.1; the laws
are those of the released `create_pretraining_data.py`, departures are named below).
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

    Each document has one target: all the pieces that an example holds, or with
    `short_seq_prob` a uniform number from 2 up to that. A chunk is the lines that meet
    it; if they are several, it is cut between two of them, all cuts equally likely:

        sentence_order: A and B change places for half of the examples (label 1);
        next_sentence: for half of the examples B comes from another document (label 1)
            and the text that it replaces goes back to the next chunk;
        sentence_pair: they stay as they are.

    A chunk of one line is cut at a random word start, so that it too is an example of
    its format (an easier one: where sentences end gives it away, so lines should be
    sentences): at a random piece if it is one word. A document of one lone piece has
    nothing to cut; its second segment is empty and its label 0 (or, for
    next_sentence, B is from elsewhere). The released code gives every one-line chunk
    a random B and label 1, so that label 1 mixes two tasks; `legacy_sentence_order`
    brings that back.

    Without `legacy_truncation` no piece of the text is lost: see `_chunk_end`.
    With documents = [one], the "other" document is that one.
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
                stop = middle  # what B would have been goes back
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
    """Where the chunk from `start` ends: after the line that meets the target.

    The released code then truncates the chunk to the room that there is. Here a line
    that does not fit begins the next chunk, whole. (Were each chunk filled up, the
    half sentence at one end would give the order of the segments away.) Only where
    that leaves the chunk less than half full is the line cut, at a word start.
    """
    if data.legacy_truncation:
        return _line_end(document, start, target)
    stop = _fitting_end(document, start, target, room, room // 2)
    end = len(document.ids)
    if end - stop == 1:  # a lone piece cannot be cut in two: take it along, or two back
        stop = end if end - start <= room else stop - 1
    return stop


def _line_end(document, start, wanted):
    """Where the line ends that brings the pieces from `start` to `wanted` or more."""
    bounds = document.bounds
    return bounds[min(bisect.bisect_left(bounds, start + wanted), len(bounds) - 1)]


def _fitting_end(document, start, wanted, room, least):
    """The same, or where the last line ends that fits in `room`.

    Where that leaves fewer than `least` pieces, the line is cut.
    """
    stop = _line_end(document, start, wanted)
    if stop - start > room:
        bounds = document.bounds
        stop = bounds[bisect.bisect_right(bounds, start + room) - 1]
        if stop - start < least:
            stop = cut_at_word(document, start, room)
    return stop


def _split(document, start, stop, rng, data):
    """Where A ends, and whether the chunk was (part of) one line."""
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
    """Whether B is to come from another document."""
    if is_one_line and data.legacy_sentence_order:
        return True
    if data.example_format != "next_sentence":
        return False
    return is_uncut or rng.random() < 0.5


def _random_segment(documents, index, sizes, is_one_line, rng, data):
    """Lines of another document, from a random one on: at least one piece.

    In the released code any line, and lines after it until the pair meets its target;
    it is truncated later. Here B begins and ends as a true one does, so that nothing
    but its content gives the label away: with a line that fits beside A (or that would
    be cut there, see `_chunk_end`), and beside half a line with the end of one.

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
    """Drops pieces of the longer segment, one by one, until both fit in `room`.

    Each goes from the front or the back with equal chance; of equal segments B loses
    one first. So the final lengths are known, and the number dropped at the front is
    binomial.
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
