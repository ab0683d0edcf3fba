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
    room = check_room(max_seq_length, 1 if texts_b is None else 2)
    limit = characters_read(tokenizer, max_seq_length)
    if limit is not None:
        texts_a = [text.strip()[:limit] for text in texts_a]
        if texts_b is not None:
            texts_b = [text.strip()[:limit] for text in texts_b]
    if texts_b is not None and len(texts_a) != len(texts_b):
        raise UserError(
            f"there are {len(texts_a)} first and {len(texts_b)} second texts; expected "
            "as many"
        )
    ids_a, splits_a = tokenizer.tokenize(texts_a)
    if texts_b is None:
        ids_b, splits_b = ids_a[:0], np.zeros_like(splits_a)
    else:
        ids_b, splits_b = tokenizer.tokenize(texts_b)
    keep_a, keep_b = kept_lengths(np.diff(splits_a), np.diff(splits_b), room)

    first, separator = [np.int32(tokenizer.cls_id)], [np.int32(tokenizer.sep_id)]
    input_ids, segment_ids = [], []
    for start_a, length_a, start_b, length_b in zip(
        splits_a, keep_a, splits_b, keep_b, strict=False
    ):
        parts = [first, ids_a[start_a : start_a + length_a], separator]
        lengths = [2 + length_a]
        if texts_b is not None:
            parts += [ids_b[start_b : start_b + length_b], separator]
            lengths += [1 + length_b]
        input_ids.append(np.concatenate(parts))
        segment_ids.append(np.repeat(np.arange(len(lengths), dtype=np.int32), lengths))
    return input_ids, segment_ids


def check_room(max_seq_length, num_texts) -> int:
    """The number of pieces that fit beside the special tokens.

    Raises:
        UserError: If that is less than one piece of each text.
    """
    num_specials = 1 + num_texts
    room = max_seq_length - num_specials
    if room < num_texts:
        raise UserError(
            f"max_seq_length is {max_seq_length}; expected at least "
            f"{num_specials + num_texts}: {num_specials} special tokens and a piece of "
            "each text"
        )
    return room


def characters_read(tokenizer, max_seq_length) -> int | None:
    """The number of characters of a text that are read, or None for all.

    SentencePiece takes time that grows with the square of a run of characters that it
    does not know: a minute for a megabyte, which becomes one piece. WordPiece does not.
    """
    return 64 * max_seq_length if tokenizer.kind == "sentencepiece" else None


def kept_lengths(length_a, length_b, room, ops=np):
    """The numbers of pieces that are kept of each pair, two int64 [N].

    Dropping from the longer text ends at the length of the shorter one, or when both
    have half of the room, where A gets the odd piece.

    Args:
        ops: numpy, or tensorflow in a graph.
    """
    half_b = room // 2
    keep_a = ops.minimum(length_a, ops.maximum(room - length_b, room - half_b))
    keep_b = ops.minimum(length_b, ops.maximum(room - length_a, half_b))
    return keep_a, keep_b
