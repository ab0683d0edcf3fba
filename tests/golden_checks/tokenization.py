"""Ids of hard strings by both tokenizers, and ALBERT's clean text and pieces."""

import numpy as np
import pytest
import tensorflow as tf

from tf_pretrain.data import normalization, plain_normalization
from tf_pretrain.data.tokenization import load_tokenizer

from .files import SENTENCEPIECE, WORDPIECE, found, read_json_lines

FILES = ("tokenization/*.jsonl",)
SETTINGS = {
    "ids": {},
    "ids_keep_accents": {"strip_accents": False},
    "ids_cased": {"lower_case": False},
}
VOCABULARIES = {"electra": WORDPIECE, "albert": SENTENCEPIECE}


def id_columns():
    for path in found(FILES[0]):
        rows = read_json_lines(path)
        family = path.split("/")[1].removesuffix(".jsonl")
        for column in rows[0]:
            if column.startswith("ids"):
                yield pytest.param(family, column, rows, id=f"{family}-{column}")


@pytest.mark.parametrize("way", ["graph", "plain"])
@pytest.mark.parametrize("family, column, rows", list(id_columns()))
def test_ids(family, column, rows, way, comparison):
    """By TensorFlow's ops, and as with the other backends."""
    check = comparison("tokenisation")
    tokenizer = load_tokenizer(VOCABULARIES[family], **SETTINGS[column])
    lines = [row["text"] for row in rows]
    ids, row_splits = getattr(tokenizer, way).tokenize(lines)
    for row, got in zip(rows, np.split(ids, row_splits[1:-1]), strict=True):
        check.equal(f"{family.upper()} {column}", got, np.array(row[column], np.int32))
        if column == "ids" and "pieces" in row:
            compare_pieces(check, tokenizer, got, row["pieces"])


def compare_pieces(check, tokenizer, ids, expected):
    """Pieces of ids; of one out of the vocabulary the original keeps the text."""
    got = [tokenizer.id_to_piece(i) for i in ids]
    unknown = ids == tokenizer.unk_id
    expected = [got[i] if unknown[i] else piece for i, piece in enumerate(expected)]
    check.equal("ALBERT pieces", got, expected)


@pytest.mark.parametrize("path", found("tokenization/albert.jsonl"))
def test_normalized_text(path, comparison):
    check = comparison("tokenisation")
    rows = read_json_lines(path)
    texts = tf.constant([row["text"] for row in rows])
    got = normalization.normalize_for_sentencepiece(texts, True, True).numpy()
    for row, text in zip(rows, got, strict=True):
        # NUL is in no vocabulary; TensorFlow's ops end a string there.
        expected = row["normalized"].replace("\0", "\ue000")
        check.equal("ALBERT normalized", text.decode(), expected)
        text = plain_normalization.normalize_for_sentencepiece(row["text"], True, True)
        check.equal("ALBERT normalized, plain", text, row["normalized"])
