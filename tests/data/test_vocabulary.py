"""Vocabularies trained on small corpora: content, determinism, limits."""

import random
import subprocess
import sys
import warnings

import numpy as np
import pytest

from support.paths import ROOT, TESTS
from tf_pretrain.config import DataConfig
from tf_pretrain.data import text_sample, tokenization
from tf_pretrain.data.text_sample import sample_documents
from tf_pretrain.data.tokenization import VocabularyError, load_tokenizer
from tf_pretrain.data.vocabulary import train_vocabulary

KINDS = ("wordpiece", "sentencepiece")


def make_documents(number=60):
    """Documents of words that share syllables, so that there are pieces to find."""
    generator = random.Random(0)
    syllables = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "ick", "o", "un")]
    words = ["".join(generator.choices(syllables, k=3)) for _ in range(400)]
    return [
        [" ".join(generator.choices(words, k=12)) + " (É 中国 €5)." for _ in range(20)]
        for _ in range(number)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary_covers_its_text(kind, tmp_path):
    documents = make_documents()
    path = train_vocabulary(iter(documents), kind, 300, tmp_path)
    assert path.parent == tmp_path and len(list(tmp_path.iterdir())) == 2
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.kind == kind and tokenizer.vocab_size == 300
    ids, _ = tokenizer.tokenize(documents[0])
    assert tokenizer.unk_id not in ids
    characters = sum(len(line) for line in documents[0])
    assert len(ids) < characters / 2.5  # pieces were found, not only characters
    text = tokenizer.detokenize(tokenizer.tokenize(["Badeé"])[0])
    assert text.replace(" ", "") == "badee"


def test_special_tokens_come_first(tmp_path):
    train_vocabulary(make_documents(), "wordpiece", 300, tmp_path / "w")
    tokenizer = load_tokenizer(tmp_path / "w")
    first = [tokenizer.id_to_piece(i) for i in range(5)]
    assert first == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    train_vocabulary(make_documents(), "sentencepiece", 300, tmp_path / "s")
    tokenizer = load_tokenizer(tmp_path / "s")
    first = [tokenizer.id_to_piece(i) for i in range(13)]
    assert first[:5] == ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    assert first[5:] == ["(", ")", '"', "-", ".", "–", "£", "€"]


@pytest.mark.parametrize("kind", KINDS)
def test_casing_and_accents_are_kept_if_asked_for(kind, tmp_path):
    documents = [["Éa Éa éb É É é é a A B b"] * 40]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train_vocabulary(documents, kind, 60, tmp_path, False, False)
    tokenizer = load_tokenizer(tmp_path)
    assert not tokenizer.lower_case and not tokenizer.strip_accents
    text = tokenizer.detokenize(tokenizer.tokenize(["Éa É é A"])[0])
    assert text == "Éa É é A"


@pytest.mark.integration
@pytest.mark.parametrize("kind", KINDS)
def test_another_process_writes_the_same_bytes(kind, tmp_path):
    expected = train_vocabulary(make_documents(), kind, 400, tmp_path / "a")
    folders = [str(ROOT), str(TESTS), str(TESTS / "data")]
    code = (
        f"import sys; sys.path[:0] = {folders!r}; "
        "from test_vocabulary import *; "
        f"train_vocabulary(make_documents(), {kind!r}, 400, {str(tmp_path / 'b')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert (tmp_path / "b" / expected.name).read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_bytes_without_tensorflow(kind, tmp_path, monkeypatch):
    """Another backend normalises the text in plain Python."""
    documents = [
        *make_documents(20),
        ["Straße, \u200bÅngström", "a" * 300 + " x\u0085y"],
    ]
    contents = []
    for answer in (True, False):
        monkeypatch.setattr(tokenization, "has_graph_ops", lambda answer=answer: answer)
        path = train_vocabulary(documents, kind, 300, tmp_path / str(answer))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("kind", KINDS)
def test_small_text_gives_a_smaller_vocabulary(kind, tmp_path):
    with pytest.warns(UserWarning, match="the text gives only .* pieces, not 5000"):
        train_vocabulary(make_documents(3), kind, 5000, tmp_path)
    assert 100 < load_tokenizer(tmp_path).vocab_size < 5000


def test_a_long_line_without_spaces(tmp_path):
    """A million characters of it: SentencePiece alone fails on them."""
    rng = np.random.default_rng(0)
    line = "".join(map(chr, rng.integers(0x4E00, 0x4F00, 1_000_000)))
    train_vocabulary([[line]], "sentencepiece", 400, tmp_path)
    ids, _ = load_tokenizer(tmp_path).tokenize([line[:1000]])
    assert len(ids) > 500 and (ids > 1).all()


def test_the_mark_of_words_that_are_too_long_is_no_piece(tmp_path):
    """U+E000 stands for them, and has to stay unknown."""
    documents = [["short words " + "x" * 300] * 50]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = train_vocabulary(documents, "wordpiece", 60, tmp_path)
    assert "\ue000" not in path.read_text()
    tokenizer = load_tokenizer(tmp_path)
    ids, _ = tokenizer.tokenize(["x" * 300])
    assert ids.tolist() == [tokenizer.unk_id]


def test_errors(tmp_path):
    for kind in KINDS:
        with pytest.raises(
            VocabularyError, match="vocab_size is 20|of 20 pieces"
        ) as error:
            train_vocabulary(make_documents(), kind, 20, tmp_path)
        assert "--config.model.vocab_size" in str(error.value)
        with pytest.raises(VocabularyError, match="no text"):
            train_vocabulary([], kind, 300, tmp_path)
    with pytest.raises(VocabularyError, match="no characters"):
        train_vocabulary([["\u200b"]], "wordpiece", 300, tmp_path)
    with pytest.raises(VocabularyError, match="kind is 'bpe'; expected one of"):
        train_vocabulary(make_documents(), "bpe", 300, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_sample_is_bounded_uniform_and_reproducible():
    documents = [[f"{i:06d}"] * 5 for i in range(20_000)]  # 600,000 characters
    assert sample_documents(documents[:100], 0, 3000) == documents[:100]
    samples = [sample_documents(iter(documents), seed, 60_000) for seed in range(20)]
    assert samples[0] == sample_documents(documents, 0, 60_000)
    assert samples[0] != samples[1]
    assert all(24_000 < 30 * len(sample) <= 60_000 for sample in samples)
    early = sum(int(document[0]) < 10_000 for sample in samples for document in sample)
    total = sum(map(len, samples))
    assert abs(early / total - 0.5) < 0.02  # 5 standard deviations


def test_large_text_is_read_in_places(tmp_path, monkeypatch):
    lines = [f"word{i} and more" for i in range(20_000)]
    (tmp_path / "a.txt").write_text("\n\n".join(lines))
    data = DataConfig()
    everything = list(text_sample.read_sample(f"{tmp_path}/a.txt", data, 0))
    assert everything == [[line] for line in lines]
    monkeypatch.setattr(text_sample, "MAX_READ_BYTES", 60_000)
    monkeypatch.setattr(text_sample, "_PLACE_MB", 0.004)
    samples = [
        list(text_sample.read_sample(f"{tmp_path}/a.txt", data, seed))
        for seed in (0, 0, 1)
    ]
    assert samples[0] == samples[1] != samples[2]
    numbers = [int(document[0][4:].split()[0]) for document in samples[0]]
    assert numbers == sorted(numbers)
    assert 2500 < len(numbers) < 3500  # 60 kB of 420 kB
    assert numbers[0] < 5000 and numbers[-1] > 15_000


def test_sums_of_sentencepiece_scores_are_exact(tmp_path):
    """Sums in float32 (SentencePiece) equal those in float64 (Hugging Face)."""
    sentencepiece = pytest.importorskip("sentencepiece")
    train_vocabulary(make_documents(), "sentencepiece", 300, tmp_path / "s")
    (model,) = (tmp_path / "s").glob("*.model")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    scores = np.array([processor.get_score(i) for i in range(len(processor))])
    assert len(np.unique(scores)) > 100
    line = np.random.default_rng(0).choice(scores, 500)
    sums = np.cumsum(line.astype(np.float32), dtype=np.float32)
    np.testing.assert_array_equal(sums.astype(np.float64), np.cumsum(line))
