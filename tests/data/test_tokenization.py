"""Ids against plain Python on random Unicode; golden_checks has the original code's."""

import functools
import json
import os
import subprocess
import sys
import unicodedata

import keras
import numpy as np
import pytest
import sentencepiece
import tensorflow as tf

from golden_checks.files import SENTENCEPIECE, WORDPIECE
from support.paths import PYTHONPATH, SUPPORT
from support.strings import random_strings
from tf_pretrain.data import plain_tokenization, tokenization
from tf_pretrain.data.tokenization import (
    VocabularyError,
    load_tokenizer,
)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write_vocabulary(folder, pieces):
    path = folder / "vocab.txt"
    path.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    return path


@pytest.fixture(params=["graph", "plain"])
def way(request, monkeypatch):
    """Both ways to ids: by TensorFlow's ops, and as with the other backends."""
    is_graph = request.param == "graph"
    monkeypatch.setattr(tokenization, "has_graph_ops", lambda: is_graph)
    return request.param


def tokenize_rows(tokenizer, lines):
    ids, row_splits = tokenizer.tokenize(lines)
    assert ids.dtype == np.int32 and row_splits.dtype == np.int64
    return [row.tolist() for row in np.split(ids, row_splits[1:-1])]


def wordpiece_oracle(text, vocabulary, lower_case=True, strip_accents=True):
    """BERT's tokenizer (Devlin et al., 2018) in plain Python."""
    chars = []
    for char in text:
        if char in "\t\n\r" or unicodedata.category(char)[0] == "Z":
            chars.append(" ")
        elif unicodedata.category(char)[0] != "C" and char != "\ufffd":
            chars.append(char)
    text = "".join(chars)
    if lower_case:
        text = text.lower()
        if strip_accents:
            text = unicodedata.normalize("NFD", text)
            text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    spaced = "".join(f" {char} " if is_alone(char) else char for char in text)
    ids = []
    for word in spaced.split():
        ids += longest_matches(word, vocabulary)
    return ids


def is_alone(char):
    is_chinese = unicodedata.name(char, "").startswith("CJK") and char.isalpha()
    is_ascii_mark = char.isascii() and char.isprintable() and not char.isalnum()
    is_punctuation = unicodedata.category(char)[0] == "P"
    return is_chinese or is_punctuation or (is_ascii_mark and char != " ")


def longest_matches(word, vocabulary):
    ids, start = [], 0
    while start < len(word) <= 200:
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return [vocabulary["[UNK]"]]
        ids.append(vocabulary[piece])
        start = end
    return ids or [vocabulary["[UNK]"]]


@functools.cache
def random_lines_and_ids(lower_case, strip_accents):
    lines = random_strings(seed=1, number=3000)
    pieces = WORDPIECE.read_text(encoding="utf-8").split("\n")[:-1]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    return lines, [
        wordpiece_oracle(line, vocabulary, lower_case, strip_accents) for line in lines
    ]


@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize(
    "strip_accents", [True, pytest.param(False, marks=pytest.mark.integration)]
)
def test_wordpiece_matches_python_on_random_text(lower_case, strip_accents, way):
    tokenizer = load_tokenizer(WORDPIECE, lower_case, strip_accents)
    lines, expected = random_lines_and_ids(lower_case, strip_accents)
    for line, got, ids in zip(
        lines, tokenize_rows(tokenizer, lines), expected, strict=True
    ):
        assert got == ids, repr(line)


def sentencepiece_oracle(text, processor, lower_case=True, strip_accents=True):
    """ALBERT's text clean-up and its split of digits and commas in plain Python."""
    text = " ".join(text.split())
    if strip_accents:
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
    if lower_case:
        text = text.lower()
    pieces = []
    for piece in processor.encode(text, out_type=str):
        if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
            digits = processor.encode(piece[:-1].replace("▁", ""), out_type=str)
            if piece[0] != "▁" and digits[0][0] == "▁":
                digits = (
                    digits[1:] if digits[0] == "▁" else [digits[0][1:], *digits[1:]]
                )
            pieces += [*digits, ","]
        else:
            pieces.append(piece)
    return [processor.piece_to_id(piece) for piece in pieces]


@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize("strip_accents", [True, False])
def test_sentencepiece_matches_python_on_random_text(lower_case, strip_accents, way):
    tokenizer = load_tokenizer(SENTENCEPIECE, lower_case, strip_accents)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(SENTENCEPIECE))
    # Equal scores are frequent in "aaaa..." and may be resolved in another way.
    lines = [line for line in random_strings(2, 6000) if len(line) < 130]
    assert len(lines) > 2000
    for line, got in zip(lines, tokenize_rows(tokenizer, lines), strict=True):
        expected = sentencepiece_oracle(line, processor, lower_case, strip_accents)
        assert got == expected, repr(line)


@pytest.mark.parametrize("path", [WORDPIECE, SENTENCEPIECE])
def test_digits_before_a_comma(path, way):
    """Pieces such as "2000," of the SentencePiece model are cut at the comma."""
    tokenizer = load_tokenizer(path)
    lines = ["in 2000, and 1999,", "a,", "1,2,3, 10,000,"] * 400
    rows = tokenize_rows(tokenizer, lines)
    assert rows[-3:] == rows[:3]  # of another batch
    pieces = [tokenizer.id_to_piece(i).strip("▁") for i in rows[0]]
    assert pieces == ["in", "2000", ",", "and", "1999", ","]


def test_the_table_of_words_stays_small(monkeypatch):
    monkeypatch.setattr(plain_tokenization, "_MAX_CACHED_WORDS", 3)
    tokenizer = load_tokenizer(WORDPIECE)
    words = "one two three four five one unaffable two".split()
    expected = tokenize_rows(load_tokenizer(WORDPIECE), words)
    ids, row_splits = tokenizer.plain.tokenize(words)
    assert [row.tolist() for row in np.split(ids, row_splits[1:-1])] == expected
    assert 1 <= len(tokenizer.plain._words) <= 3


@pytest.mark.integration
@pytest.mark.parametrize("path", [WORDPIECE, SENTENCEPIECE])
@pytest.mark.parametrize("is_installed", [True, False])
def test_other_backends_need_no_tensorflow(path, is_installed):
    """Installed or not, it is not imported, and the ids are the same."""
    lines = ["Plain words, 1999, and 2000,", "", "Crème brûlée 中国"]
    program = [] if is_installed else [SUPPORT / "without_tensorflow.py"]
    program += [SUPPORT / "tokenize_lines.py", path, json.dumps(lines)]
    unneeded = "sentencepiece tokenizers" if path == WORDPIECE else "tokenizers"
    output = subprocess.check_output(
        [sys.executable, *map(str, program)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": PYTHONPATH,
            "WITHOUT": unneeded,
        },
        text=True,
    )
    fingerprint, ids, row_splits, loaded = json.loads(output.splitlines()[-1])
    tokenizer = load_tokenizer(path)
    expected = tokenizer.graph.tokenize(lines)
    assert fingerprint == tokenizer.fingerprint
    assert (ids, row_splits) == tuple(part.tolist() for part in expected)
    assert loaded == ([] if path == WORDPIECE else ["sentencepiece"])


@pytest.mark.parametrize("path", [WORDPIECE, SENTENCEPIECE])
def test_graph_gives_the_ids_of_eager(path):
    tokenizer = load_tokenizer(path)
    lines = ["Plain words, 1999, and 2000,", "", "Crème brûlée 中国", "x" * 500]
    dataset = tf.data.Dataset.from_tensor_slices(lines).batch(4)
    (ragged,) = dataset.map(tokenizer.tokenize_tensor)
    assert ragged.dtype == tf.int32
    assert ragged.to_list() == tokenize_rows(tokenizer, lines)


@pytest.mark.parametrize("path", [WORDPIECE, SENTENCEPIECE])
@pytest.mark.parametrize(
    "reset", [lambda: keras.utils.set_random_seed(1), keras.utils.clear_session]
)
def test_what_resets_keras_leaves_the_tokenizer(path, reset):
    """Both empty TensorFlow's cache of eager kernels, with what these hold."""
    tokenizer = load_tokenizer(path)
    lines = ["Plain words, 1999, and 2000,", "Crème brûlée"]
    graph = tf.function(tokenizer.tokenize_tensor)
    expected = tokenize_rows(tokenizer, lines)
    assert graph(tf.constant(lines)).to_list() == expected
    reset()
    assert tokenize_rows(tokenizer, lines) == expected
    assert graph(tf.constant(lines)).to_list() == expected


@pytest.mark.parametrize("path", [WORDPIECE, SENTENCEPIECE])
def test_saved_model_keeps_the_tokenizer(path, tmp_path):
    module = tf.Module()
    module.tokenizer = load_tokenizer(path)
    module.serve = tf.function(
        module.tokenizer.tokenize_tensor, [tf.TensorSpec([None], tf.string)]
    )
    lines = ["Crème brûlée, 1999, and 2000,"]
    expected = module.serve(tf.constant(lines)).to_list()
    tf.saved_model.save(module, tmp_path)
    del module
    loaded = tf.saved_model.load(tmp_path)
    assert loaded.serve(tf.constant(lines)).to_list() == expected
    assert len(expected[0]) > 5


@pytest.mark.parametrize("path", [WORDPIECE, SENTENCEPIECE])
def test_saved_folder_gives_the_same_tokenizer(path, tmp_path):
    tokenizer = load_tokenizer(path, lower_case=False, strip_accents=False)
    tokenizer.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert (loaded.kind, loaded.lower_case, loaded.strip_accents) == (
        tokenizer.kind,
        False,
        False,
    )
    lines = ["Crème BRÛLÉE"]
    assert tokenize_rows(loaded, lines) == tokenize_rows(tokenizer, lines)
    assert (tmp_path / tokenizer.file_name).read_bytes() == path.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_accents_of_cased_text_do_not_count():
    """They are kept in any case: equal ids, equal fingerprints."""
    cased, same = (load_tokenizer(WORDPIECE, False, strip) for strip in (True, False))
    assert cased.fingerprint == same.fingerprint
    assert cased.fingerprint != load_tokenizer(WORDPIECE, True, False).fingerprint
    lines = ["Crème BRÛLÉE"]
    assert tokenize_rows(cased, lines) == tokenize_rows(same, lines)


def test_special_ids_and_word_starts_of_wordpiece():
    tokenizer = load_tokenizer(WORDPIECE)
    ids = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id]
    assert [*ids, tokenizer.mask_id] == [0, 100, 101, 102, 103]
    assert tokenizer.vocab_size == 30522 == len(tokenizer.is_word_start)
    (ids,) = tokenize_rows(tokenizer, ["unaffable 12,"])
    pieces = [tokenizer.id_to_piece(i) for i in ids]
    assert pieces == ["una", "##ffa", "##ble", "12", ","]
    assert tokenizer.is_word_start[ids].tolist() == [True, False, False, True, True]
    assert tokenizer.detokenize([101, *ids]) == "[CLS] unaffable 12 ,"


def test_special_ids_and_word_starts_of_sentencepiece():
    tokenizer = load_tokenizer(SENTENCEPIECE)
    ids = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id]
    assert [*ids, tokenizer.mask_id] == [0, 1, 2, 3, 4]
    assert tokenizer.is_word_start[:5].all()
    pieces = [tokenizer.id_to_piece(i) for i in range(tokenizer.vocab_size)]
    is_start = dict(zip(pieces, tokenizer.is_word_start.tolist(), strict=True))
    assert is_start["▁the"] and is_start[","] and not is_start["ing"]
    # ALBERT's rule for pieces with other characters than a-z and marks.
    assert is_start["1"] and is_start["'"]
    (ids,) = tokenize_rows(tokenizer, ["born in 1987, he"])
    assert tokenizer.detokenize([2, *ids]) == "[CLS] born in 1987, he"


@pytest.mark.parametrize("path", [WORDPIECE, SENTENCEPIECE])
def test_no_lines_and_empty_lines(path, way):
    tokenizer = load_tokenizer(path)
    ids, row_splits = tokenizer.tokenize([])
    assert ids.shape == (0,) and row_splits.tolist() == [0]
    assert tokenizer.tokenize(["", " "])[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        (SPECIAL[:3] + ["a"], r"lacks the special tokens \['\[SEP\]', '\[MASK\]'\]"),
        (SPECIAL + ["a", "b", "a"], "'a' in line 6 and again in line 8"),
        ([], "is empty"),
    ],
)
def test_bad_wordpiece_vocabulary(pieces, message, tmp_path):
    with pytest.raises(VocabularyError, match=message):
        load_tokenizer(write_vocabulary(tmp_path, pieces))


def test_bad_files(tmp_path):
    special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"
    (tmp_path / "special.txt").write_text(special)
    with pytest.raises(VocabularyError, match="special tokens and nothing else"):
        load_tokenizer(tmp_path / "special.txt")
    with pytest.raises(VocabularyError, match="no vocabulary .*nowhere.txt"):
        load_tokenizer(tmp_path / "nowhere.txt")
    with pytest.raises(VocabularyError, match="has no tokenizer.json"):
        load_tokenizer(tmp_path)
    (tmp_path / "bad.model").write_bytes(SENTENCEPIECE.read_bytes()[:5000])
    with pytest.raises(VocabularyError, match="bad.model is not a readable Sentence"):
        load_tokenizer(tmp_path / "bad.model")
    (tmp_path / "latin.txt").write_bytes("[PAD]\né\n".encode("latin-1"))
    with pytest.raises(VocabularyError, match="latin.txt is not UTF-8"):
        load_tokenizer(tmp_path / "latin.txt")


def test_a_model_is_recognised_by_its_content(tmp_path):
    path = tmp_path / "vocabulary"
    path.write_bytes(SENTENCEPIECE.read_bytes())
    assert load_tokenizer(path).kind == "sentencepiece"
    assert load_tokenizer(WORDPIECE).kind == "wordpiece"
