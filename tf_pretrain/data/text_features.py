"""Texts and pairs of texts -> ids: [CLS] A [SEP] or [CLS] A [SEP] B [SEP].

If a pair is too long, both papers drop the last piece of the longer text (of B if they
are equally long) until the pair fits (Devlin et al., 2018; `_truncate_seq_pair` of both
releases). A single text loses its end.
"""

import numpy as np

from tf_pretrain.errors import UserError


def encode_pairs(tokenizer, texts_a, texts_b, max_seq_length):
    """Ids and segments of many texts or pairs, without padding.

    Args:
        tokenizer: A tf_pretrain.data.tokenization.Tokenizer.
        texts_a: N strings.
        texts_b: N strings, or None if the task has single texts.
        max_seq_length: Largest number of ids of an example, special tokens included.

    Returns:
        input_ids: list of N int32 arrays [length].
        segment_ids: list of N int32 arrays [length]: 0 for [CLS], A and its [SEP], 1
            for B and its [SEP].

    Raises:
        UserError: If `max_seq_length` leaves no piece of each text, or the numbers of
            texts differ.
    """
    columns = [texts_a] if texts_b is None else [texts_a, texts_b]
    check_room(max_seq_length, len(columns))
    if len({len(texts) for texts in columns}) > 1:
        raise UserError(
            f"there are {len(texts_a)} first and {len(texts_b)} second texts; expected "
            "as many"
        )
    limit = characters_read(tokenizer, max_seq_length)
    if limit is not None:
        columns = [[text.strip()[:limit] for text in texts] for texts in columns]
    ids, row_splits = zip(*map(tokenizer.tokenize, columns), strict=True)
    positions, segment_ids, lengths = arrange(row_splits, max_seq_length)
    special = np.array([tokenizer.cls_id, tokenizer.sep_id], np.int32)
    input_ids = np.concatenate([special, *ids])[positions]
    ends = np.cumsum(lengths)
    return tuple(
        [flat[end - length : end] for end, length in zip(ends, lengths, strict=True)]
        for flat in (input_ids, segment_ids.astype(np.int32))
    )


def arrange(row_splits, max_seq_length, ops=np):
    """Which pieces make up N examples, and in which order.

    Args:
        row_splits: For A, and for B if there are pairs: int64 [N + 1], where the pieces
            of each text begin and end.
        max_seq_length: Most ids of an example, special tokens included.
        ops: numpy, or tensorflow in a graph.

    Returns:
        positions: int64, of all examples one after another: of each of their ids in
            the array [CLS], [SEP], all pieces of A, all pieces of B.
        segment_ids: int64, as long; see `encode_pairs`.
        lengths: int64 [N], of each example.
    """
    lengths = [splits[1:] - splits[:-1] for splits in row_splits]
    room = max_seq_length - 1 - len(lengths)
    if len(lengths) == 1:
        kept = [ops.minimum(lengths[0], room)]
    else:
        kept = _kept_lengths(*lengths, room, ops)
    # [CLS], then the pieces and [SEP] of each text: 3 or 5 slices an example.
    one = ops.ones_like(kept[0])
    starts, sizes, segments, begin = [0 * one], [one], [0 * one], 2
    for number, splits in enumerate(row_splits):
        starts += [begin + splits[:-1], one]
        sizes += [kept[number], one]
        segments += [number * one] * 2
        begin += splits[-1]
    starts, flat_sizes, segments = (
        ops.reshape(ops.stack(columns, axis=1), [-1])
        for columns in (starts, sizes, segments)
    )
    # Position j of a slice is its start + j: a running count, set back at each slice.
    offsets = starts - ops.cumsum(flat_sizes) + flat_sizes
    offsets = ops.repeat(offsets, flat_sizes)
    positions = offsets + ops.cumsum(ops.ones_like(offsets)) - 1
    return positions, ops.repeat(segments, flat_sizes), sum(sizes)


def check_room(max_seq_length, num_texts) -> None:
    """Checks that there is room for a piece of each text.

    Raises:
        UserError: If there is not.
    """
    num_specials = 1 + num_texts
    if max_seq_length < num_specials + num_texts:
        raise UserError(
            f"max_seq_length is {max_seq_length}; expected at least "
            f"{num_specials + num_texts}: {num_specials} special tokens and a piece of "
            "each text"
        )


def characters_read(tokenizer, max_seq_length) -> int | None:
    """The number of characters of a text that are read, or None for all.

    SentencePiece takes time that grows with the square of a run of characters that it
    does not know: a minute for a megabyte, which becomes one piece. WordPiece does not.
    """
    return 64 * max_seq_length if tokenizer.kind == "sentencepiece" else None


def _kept_lengths(length_a, length_b, room, ops):
    """The numbers of pieces that are kept of each pair, two int64 [N].

    Dropping from the longer text ends at the length of the shorter one, or when both
    have half of the room, where A gets the odd piece.
    """
    half_b = room // 2
    keep_a = ops.minimum(length_a, ops.maximum(room - length_b, room - half_b))
    keep_b = ops.minimum(length_b, ops.maximum(room - length_a, half_b))
    return keep_a, keep_b
