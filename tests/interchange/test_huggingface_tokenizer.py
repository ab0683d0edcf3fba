"""Ids of the written tokenizer files in transformers, against the original code's."""

import io
import json
import logging
import os
import random
import re
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import normalizers

from support.lazy import Library
from support.paths import TESTS, VOCABULARIES
from support.strings import random_strings
from tf_pretrain.data.tokenization import VocabularyError, load_tokenizer
from tf_pretrain.data.vocabulary import train_vocabulary
from tf_pretrain.interchange.huggingface import charsmap
from tf_pretrain.interchange.huggingface import tokenizer as huggingface_tokenizer
from tf_pretrain.interchange.pretrained import InterchangeError

transformers = Library("transformers")

GOLDEN = Path(os.environ.get("TF_PRETRAIN_GOLDEN", TESTS / "golden"))
WORDPIECE = VOCABULARIES / "bert-base-uncased-vocab.txt"
SENTENCEPIECE = VOCABULARIES / "30k-clean.model"


def exported(tokenizer, folder):
    """The transformers tokenizer of a written folder."""
    huggingface_tokenizer.write(tokenizer, folder, 512)
    model_type = "electra" if tokenizer.kind == "wordpiece" else "albert"
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    return transformers.AutoTokenizer.from_pretrained(folder)


def ids_of(fast, texts, **settings):
    return [fast(t, add_special_tokens=False, **settings)["input_ids"] for t in texts]


def our_ids(tokenizer, texts):
    ids, row_splits = tokenizer.tokenize(texts)
    return [row.tolist() for row in np.split(ids, row_splits[1:-1])]


def differing(texts, got, expected):
    return [t for t, a, b in zip(texts, got, expected, strict=True) if a != b]


@pytest.mark.parametrize(
    ("file", "vocabulary", "column", "settings"),
    [
        ("electra", WORDPIECE, "ids", {}),
        ("electra", WORDPIECE, "ids_keep_accents", {"strip_accents": False}),
        ("electra", WORDPIECE, "ids_cased", {"lower_case": False}),
        ("albert", SENTENCEPIECE, "ids", {}),
        ("albert", SENTENCEPIECE, "ids_cased", {"lower_case": False}),
    ],
)
def test_ids_equal_the_original_codes(file, vocabulary, column, settings, tmp_path):
    lines = (GOLDEN / f"tokenization/{file}.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in lines.split("\n") if line]
    texts, expected = [r["text"] for r in rows], [r[column] for r in rows]
    tokenizer = load_tokenizer(vocabulary, **settings)
    fast = exported(tokenizer, tmp_path)
    assert not differing(
        texts, ids_of(fast, texts, split_special_tokens=True), expected
    )
    # By default special tokens in a text count as such.
    different = differing(texts, ids_of(fast, texts), expected)
    named = [t for t in texts if any(p in t for p in tokenizer.special_pieces)]
    assert set(different) <= set(named)


@pytest.mark.parametrize("vocabulary", [WORDPIECE, SENTENCEPIECE])
@pytest.mark.parametrize("lower_case", [True, False])
@pytest.mark.parametrize("strip_accents", [True, False])
def test_ids_equal_ours_on_random_text(vocabulary, lower_case, strip_accents, tmp_path):
    tokenizer = load_tokenizer(vocabulary, lower_case, strip_accents)
    texts = random_strings(seed=3, number=800)
    if vocabulary == SENTENCEPIECE:  # a long run of one letter has many best cuts
        texts = [re.sub("(a|é){99,}", "a", text) for text in texts]
    got = ids_of(exported(tokenizer, tmp_path), texts, split_special_tokens=True)
    assert not differing(texts, got, our_ids(tokenizer, texts))


SCRIPTS = {
    "Korean": "대한민국의 수도는 서울이며 값과 닭이 많다",
    "Bengali": "বাংলাদেশের রাজধানী ঢাকা, ছোট নৌকো ও বড় গাড়ি",
    "Tamil": "தமிழ் மொழி பேசும் கொக்கு போனது கௌரவம்",
    "Malayalam": "മലയാളം കൊച്ചി കോട്ടയം കൗതുകം",
    "Sinhala": "සිංහල කොළඹ ගෝලය කෞතුකාගාරය",
    "Burmese": "မြန်မာနိုင်ငံ၏ မြို့တော် နေပြည်တော် ဦးစီး",
    "Vietnamese": "Tiếng Việt được viết bằng chữ Quốc ngữ, ổn định",
    "Yoruba": "ọ́jọ́ o\u0329\u0301 ẹ̀kọ́ tó dára",  # a mark that stays, then one more
    "Hebrew": "\u05e9\u05c1\u05bc\u05b8\u05dc\u05d5\u05b9\u05dd",  # marks as typed
    "Japanese": "ｶﾞｷﾞｸﾞ が ぎ パピ ﾊﾟﾋﾟ",
}


@pytest.mark.parametrize("strip_accents", [True, False])
@pytest.mark.parametrize("script", SCRIPTS)
def test_ids_equal_ours_in_every_script_and_form(script, strip_accents, tmp_path):
    """Composed and decomposed, as other systems write the same text."""
    text = SCRIPTS[script]
    forms = [text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))]
    with warnings.catch_warnings(action="ignore"):  # fewer pieces than asked for
        train_vocabulary(
            [[text] * 4, text.split()],
            "sentencepiece",
            200,
            tmp_path / "ours",
            strip_accents=strip_accents,
        )
    tokenizer = load_tokenizer(tmp_path / "ours")
    expected = our_ids(tokenizer, forms)
    assert not any(tokenizer.unk_id in ids for ids in expected)
    got = ids_of(exported(tokenizer, tmp_path / "theirs"), forms)
    assert not differing(forms, got, expected)


def test_only_tables_of_unicode_are_composed():
    spec = sentencepiece_model_pb2.NormalizerSpec
    model = sentencepiece_model_pb2.ModelProto.FromString(SENTENCEPIECE.read_bytes())
    table = model.normalizer_spec.precompiled_charsmap
    assert model.normalizer_spec.name == "nmt_nfkc"
    kana = "\uff76\uff9e"  # half-width "ga" in two characters
    for name, expected in (("nfkc", "\u30ac"), ("user_defined", "\u30ab\u3099")):
        steps = charsmap.steps(spec(name=name, precompiled_charsmap=table))
        assert normalizers.Sequence(steps).normalize_str(kana) == expected
    assert charsmap.steps(spec(name="identity")) == []


@pytest.mark.parametrize(
    ("kind", "vocab_size"), [("wordpiece", 90), ("sentencepiece", 60)]
)
def test_a_vocabulary_of_our_own(kind, vocab_size, tmp_path):
    words = "the quick brown fox; jumps over 1, 2, 30, lazy dogs - of Ελλάδα".split()
    generator = random.Random(0)
    lines = [" ".join(generator.choices(words, k=9)) for _ in range(300)]
    train_vocabulary([lines], kind, vocab_size, tmp_path / "ours")
    tokenizer = load_tokenizer(tmp_path / "ours")
    fast = exported(tokenizer, tmp_path / "theirs")
    texts = [*lines, "unknown Wörter ΣΑΣ, 3,0,1, 30,30", "", "  \t "]
    assert not differing(texts, ids_of(fast, texts), our_ids(tokenizer, texts))


@pytest.mark.parametrize("vocabulary", [WORDPIECE, SENTENCEPIECE])
def test_a_pair_as_the_model_reads_it(vocabulary, tmp_path, caplog):
    tokenizer = load_tokenizer(vocabulary)
    logger = logging.getLogger("transformers")  # does not pass on to the root's
    logger.addHandler(caplog.handler)
    fast = exported(tokenizer, tmp_path)
    logger.removeHandler(caplog.handler)
    assert not caplog.records
    a, b = our_ids(tokenizer, ["The first one.", "A second"])
    cls, sep, pad = tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id
    got = fast("The first one.", "A second", padding="max_length", max_length=16)
    rest = 16 - len(a) - len(b) - 3
    assert got["input_ids"] == [cls, *a, sep, *b, sep] + [pad] * rest
    segments = [0] * (len(a) + 2) + [1] * (len(b) + 1)
    assert got["token_type_ids"] == segments + [0] * rest
    assert got["attention_mask"] == [1] * len(segments) + [0] * rest
    names = ("pad", "unk", "cls", "sep", "mask")
    assert [getattr(fast, f"{name}_token_id") for name in names] == [
        getattr(tokenizer, f"{name}_id") for name in names
    ]
    assert fast("a [MASK] b")["input_ids"].count(tokenizer.mask_id) == 1
    assert fast.decode(a) == "the first one."
    assert fast.model_max_length == 512 and len(fast) == tokenizer.vocab_size


@pytest.mark.parametrize("vocabulary", [WORDPIECE, SENTENCEPIECE])
@pytest.mark.parametrize("settings", [(True, True), (True, False), (False, False)])
def test_read_again(vocabulary, settings, tmp_path):
    tokenizer = load_tokenizer(vocabulary, *settings)
    huggingface_tokenizer.write(tokenizer, tmp_path, 512)
    notes = []
    again = huggingface_tokenizer.read(tmp_path, notes)
    assert again.fingerprint == tokenizer.fingerprint and not notes


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (True, True)),
        ({"do_lower_case": False}, (False, False)),
        ({"strip_accents": False}, (True, False)),
    ],
)
def test_wordpiece_of_transformers(settings, expected, tmp_path):
    """Their class saves no vocab.txt today, and strip_accents only if it was given."""
    vocab = {line: i for i, line in enumerate(WORDPIECE.read_text().splitlines())}
    transformers.BertTokenizer(vocab, **settings).save_pretrained(tmp_path)
    assert not (tmp_path / "vocab.txt").exists()
    got = huggingface_tokenizer.read(tmp_path, [])
    assert got.fingerprint == load_tokenizer(WORDPIECE, *expected).fingerprint


@pytest.mark.parametrize(
    ("normalizer", "expected"),
    [
        ({"lowercase": False, "strip_accents": None}, (False, False)),
        ({"lowercase": True, "strip_accents": False}, (True, False)),
        ({"lowercase": True, "strip_accents": None}, (True, True)),
    ],
)
def test_casing_that_only_the_normalizer_names(normalizer, expected, tmp_path):
    """What transformers 5 saves of a bare fast tokenizer."""
    vocab = {line: i for i, line in enumerate(WORDPIECE.read_text().splitlines())}
    content = {
        "model": {"type": "WordPiece", "vocab": vocab},
        "normalizer": {"type": "BertNormalizer", **normalizer},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": null}')
    notes = []
    got = huggingface_tokenizer.read(tmp_path, notes)
    assert got.fingerprint == load_tokenizer(WORDPIECE, *expected).fingerprint
    assert not notes


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"do_lower_case": True, "keep_accents": True}, (True, False)),
        ({"do_lower_case": False, "keep_accents": False}, (False, True)),
        ({"do_lower_case": True}, (True, True)),
        ({"do_lower_case": False}, (False, True)),
    ],
)
def test_sentencepiece_settings_of_albert(settings, expected, tmp_path):
    (tmp_path / "spiece.model").write_bytes(SENTENCEPIECE.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    got = huggingface_tokenizer.read(tmp_path, [])
    assert got.fingerprint == load_tokenizer(SENTENCEPIECE, *expected).fingerprint


def test_folders_without_a_tokenizer_that_we_can_use(tmp_path):
    notes = []
    assert huggingface_tokenizer.read(tmp_path, notes) is None and not notes
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}))
    assert huggingface_tokenizer.read(tmp_path, notes) is None
    assert "tokenizer.json is not WordPiece and was not read" in notes[0]

    vocab = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 4}
    path.write_text(json.dumps({"model": {"type": "WordPiece", "vocab": vocab}}))
    with pytest.raises(InterchangeError, match="tokenizer.json: ids are not 0 to 3"):
        huggingface_tokenizer.read(tmp_path, notes)
    vocab["[SEP]"] = 3
    path.write_text(json.dumps({"model": {"type": "WordPiece", "vocab": vocab}}))
    with pytest.raises(InterchangeError, match=r"tokenizer.json .*\['\[MASK\]'\]"):
        huggingface_tokenizer.read(tmp_path, notes)
    path.write_text("{")
    with pytest.raises(InterchangeError, match="tokenizer.json cannot be read as JSON"):
        huggingface_tokenizer.read(tmp_path, notes)
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(VocabularyError, match="vocab.txt lacks the special tokens"):
        huggingface_tokenizer.read(tmp_path, notes)


def test_only_unigram_models_are_written(tmp_path):
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c ab bc abc"] * 20),
        model_writer=content,
        model_type="bpe",
        vocab_size=14,
        pad_id=0,
        pad_piece="<pad>",
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=["[CLS]", "[SEP]", "[MASK]"],
        minloglevel=2,
    )
    (tmp_path / "spiece.model").write_bytes(content.getvalue())
    tokenizer = load_tokenizer(tmp_path / "spiece.model")
    with pytest.raises(InterchangeError, match="spiece.model is not a unigram model"):
        huggingface_tokenizer.write(tokenizer, tmp_path, 512)
