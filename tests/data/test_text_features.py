"""Truncation of pairs against plain Python; golden_checks has the originals' ids."""

import numpy as np
import pytest

from golden_checks.files import SENTENCEPIECE, WORDPIECE
from tf_pretrain.data.text_features import encode_pairs
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.errors import UserError


class Numbers:
    """A tokenizer of texts such as "7 8 9"."""

    cls_id, sep_id = 1, 2
    kind = "numbers"

    def tokenize(self, lines):
        rows = [[int(word) for word in line.split()] for line in lines]
        splits = np.cumsum([0, *map(len, rows)])
        return np.array(sum(rows, []), np.int32), splits


def pair_by_oracle(a, b, max_seq_length):
    """Drops the last piece of the longer text, of B if they are as long."""
    a, b = list(a), list(b)
    while len(a) + len(b) > max_seq_length - 3:
        (a if len(a) > len(b) else b).pop()
    return [1, *a, 2, *b, 2], [0] * (len(a) + 2) + [1] * (len(b) + 1)


@pytest.mark.parametrize("max_seq_length", [5, 6, 9, 12, 30])
def test_pairs_of_all_lengths(max_seq_length):
    pairs = [
        (range(10, 10 + m), range(30, 30 + n)) for m in range(12) for n in range(12)
    ]
    texts_a = [" ".join(map(str, a)) for a, _ in pairs]
    texts_b = [" ".join(map(str, b)) for _, b in pairs]
    input_ids, segment_ids = encode_pairs(Numbers(), texts_a, texts_b, max_seq_length)
    for pair, ids, segments in zip(pairs, input_ids, segment_ids, strict=True):
        expected = pair_by_oracle(*pair, max_seq_length)
        assert (ids.tolist(), segments.tolist()) == expected
        assert ids.dtype == segments.dtype == np.int32


def test_single_texts_lose_their_end():
    texts = ["", "10", "10 11 12 13"]
    input_ids, segment_ids = encode_pairs(Numbers(), texts, None, 5)
    assert [ids.tolist() for ids in input_ids] == [
        [1, 2],
        [1, 10, 2],
        [1, 10, 11, 12, 2],
    ]
    assert [segments.tolist() for segments in segment_ids] == [
        [0] * 2,
        [0] * 3,
        [0] * 5,
    ]


@pytest.mark.parametrize("vocabulary", [WORDPIECE, SENTENCEPIECE])
def test_ids_are_the_tokenizer_s(vocabulary):
    tokenizer = load_tokenizer(vocabulary)
    (ids,), _ = encode_pairs(tokenizer, ["Plain words,"], ["and more."], 32)
    expected = "[CLS] plain words ,[SEP] and more .[SEP]".replace(" ", "")
    assert tokenizer.detokenize(ids).replace(" ", "") == expected


def test_no_texts():
    assert encode_pairs(Numbers(), [], None, 8) == ([], [])


@pytest.mark.parametrize(
    "texts_b, length, message",
    [
        (["7"], 4, "max_seq_length is 4; expected at least 5"),
        (None, 2, "max_seq_length is 2; expected at least 3"),
        (["7", "8"], 8, "1 first and 2 second texts"),
    ],
)
def test_bad_arguments(texts_b, length, message):
    with pytest.raises(UserError, match=message):
        encode_pairs(Numbers(), ["6"], texts_b, length)
