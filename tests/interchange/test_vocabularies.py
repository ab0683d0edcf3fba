"""Vocabularies as users bring them: what lies beside them counts."""

import json

import numpy as np
import pytest

from support.tiny import tiny_config
from support.weights import random_pretrained
from tf_pretrain import build_records
from tf_pretrain.config import DataConfig
from tf_pretrain.data.tokenization import VocabularyError, load_tokenizer
from tf_pretrain.interchange import combine, formats, loading, vocabularies
from tf_pretrain.interchange.huggingface import folder as huggingface
from tf_pretrain.interchange.pretrained import InterchangeError
from tf_pretrain.runs.data import Sources, prepare_data

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Ein", "ein", "##e", "é", "e"]


def vocab_in(folder, content=None, **files):
    """A folder with vocab.txt and JSON files; returns the path of vocab.txt."""
    folder.mkdir(exist_ok=True)
    content = "\n".join(PIECES) + "\n" if content is None else content
    (folder / "vocab.txt").write_text(content, encoding="utf-8")
    for name, values in files.items():
        (folder / f"{name}.json").write_text(json.dumps(values))
    return folder / "vocab.txt"


@pytest.mark.parametrize(
    ("files", "lower_case", "strip_accents"),
    [
        ({"tokenizer_config": {"do_lower_case": False}}, False, False),
        ({"tokenizer_config": {"do_lower_case": True}}, True, True),
        (
            {"tokenizer_config": {"do_lower_case": True, "strip_accents": False}},
            True,
            False,
        ),
        (
            {
                "tokenizer": {
                    "normalizer": {"type": "BertNormalizer", "lowercase": False}
                }
            },
            False,
            False,
        ),
        ({"hparams": {"do_lower_case": False}}, False, False),
        ({"hparams": {"vocab_size": 10}}, True, True),  # silent: the run's settings
    ],
)
def test_the_folder_says_how_text_is_read(
    files, lower_case, strip_accents, tmp_path, capsys
):
    path = vocab_in(tmp_path / "theirs", **files)
    for tokenizer in (
        loading.load_tokenizer(path),
        vocabularies.load_for_run(path, DataConfig()),
    ):
        assert tokenizer.lower_case is lower_case
        assert tokenizer.strip_accents is strip_accents
    said = capsys.readouterr().out
    if "vocab_size" in files.get("hparams", {}):
        assert vocabularies.text_settings(path) is None and not said
        assert not loading.load_tokenizer(path, lower_case=False).lower_case
    else:
        case = "is lower-cased" if lower_case else "keeps its capitals"
        assert f"text {case}" in said and f"{next(iter(files))}" in said
        assert vocabularies.text_settings(path.parent).lower_case is lower_case


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cased_L-12_H-768_A-12", False),
        ("multi_cased_L-12_H-768_A-12", False),
        ("uncased_L-12_H-768_A-12", True),
    ],
)
def test_names_of_released_folders_say_it(name, expected, tmp_path):
    path = vocab_in(tmp_path / name)
    assert loading.load_tokenizer(path, not expected).lower_case is expected


def test_ours_comes_first(tmp_path):
    load_tokenizer(vocab_in(tmp_path / "a"), lower_case=False).save(tmp_path / "b")
    (tmp_path / "b" / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    for path in (tmp_path / "b", tmp_path / "b" / "vocab.txt"):
        assert loading.load_tokenizer(path).lower_case is False


def test_runs_and_records_follow_it(tmp_path):
    path = vocab_in(tmp_path / "theirs", tokenizer_config={"do_lower_case": False})
    text = tmp_path / "text.txt"
    text.write_text("Ein ein e\n\n" * 40)
    config = tiny_config()
    sources = Sources(inputs=str(text), vocab=str(path), num_workers=1)
    assert not prepare_data(config, tmp_path / "run", sources).tokenizer.lower_case
    build_records._prepare_tokenizer(config, str(text), str(path), tmp_path / "built")
    assert not load_tokenizer(tmp_path / "built").lower_case


def test_a_folder_with_nothing_but_tokenizer_json(tmp_path):
    vocab = {piece: i for i, piece in enumerate(PIECES)}
    values = {
        "model": {"type": "WordPiece", "vocab": vocab},
        "normalizer": {"type": "BertNormalizer", "lowercase": False},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        tokenizer = loading.load_tokenizer(path)
        assert tokenizer.pieces == tuple(PIECES) and not tokenizer.lower_case


def test_nothing_there(tmp_path):
    with pytest.raises(VocabularyError, match="there is no vocabulary .*none"):
        loading.load_tokenizer(tmp_path / "none")
    with pytest.raises(VocabularyError, match="has no vocabulary beside it"):
        loading.load_tokenizer(tmp_path)


class TestAddedTokens:
    """Theirs are found in a text before it is cut; ours would cut them."""

    def folder(self, tmp_path, **files):
        path = tmp_path / "hf"
        path.mkdir()
        huggingface.write(random_pretrained(tiny_config()), path)
        vocab_in(path, tokenizer_config={"do_lower_case": True}, **files)
        return path

    @pytest.mark.parametrize(
        "files",
        [
            {"tokenizer": {"added_tokens": [{"content": "<ent>", "id": 10}]}},
            {"added_tokens": {"<ent>": 10}},
            {"tokenizer": {"added_tokens": [{"content": "<ent>", "id": 0}]}},
        ],
    )
    def test_refused_by_name(self, files, tmp_path):
        path = self.folder(tmp_path, **files)
        with pytest.raises(VocabularyError, match="tokens .'<ent>'. were added"):
            loading.load_tokenizer(path)
        assert loading.load_encoder(path).config.vocab_size == 50
        assert "'<ent>'" in formats.read(path).report()

    def test_special_tokens_are_no_others(self, tmp_path):
        special = [{"content": p, "id": i} for i, p in enumerate(PIECES[:5])]
        path = self.folder(tmp_path, tokenizer={"added_tokens": special})
        assert loading.load_tokenizer(path).pieces == tuple(PIECES)

    def test_as_transformers_writes_them(self, tmp_path):
        transformers = pytest.importorskip("transformers")
        path = self.folder(tmp_path)
        theirs = transformers.BertTokenizerFast(vocab=str(path / "vocab.txt"))
        theirs.save_pretrained(path)
        assert loading.load_tokenizer(path).pieces == tuple(PIECES)
        theirs.add_tokens(["covid19"])
        theirs.save_pretrained(path)
        with pytest.raises(VocabularyError, match="'covid19'"):
            loading.load_tokenizer(path)


def test_a_generator_that_does_not_fit_does_no_harm(tmp_path):
    """The encoder and the tokenizer need none; pretraining says what is wrong."""
    discriminator, generator = combine.split(random_pretrained(tiny_config()))
    huggingface.write(discriminator, tmp_path)
    vocab_in(tmp_path, tokenizer_config={"do_lower_case": True})
    (tmp_path / "generator").mkdir()
    huggingface.write(generator, tmp_path / "generator")
    values = json.loads((tmp_path / "generator/config.json").read_text())
    values["num_attention_heads"] = 4
    (tmp_path / "generator/config.json").write_text(json.dumps(values))
    assert loading.load_tokenizer(tmp_path).pieces == tuple(PIECES)
    encoder, tokenizer = loading.load_encoder_and_tokenizer(tmp_path)
    kernel = discriminator.weights["discriminator/attention_0/query/kernel"]
    for loaded in (encoder, loading.load_encoder(tmp_path)):
        np.testing.assert_array_equal(loaded.attention[0].query.kernel, kernel)
    assert tokenizer.pieces == tuple(PIECES)
    with pytest.raises(InterchangeError, match="cannot be the generator of"):
        loading.load_pretrainer(tmp_path)


class TestVocabFile:
    def test_a_byte_order_mark_is_none_of_the_first_piece(self, tmp_path):
        path = vocab_in(tmp_path, "\ufeff" + "\n".join(PIECES))
        tokenizer = load_tokenizer(path)
        assert tokenizer.pieces == tuple(PIECES) and tokenizer.pad_id == 0
        tokenizer.save(tmp_path / "saved")
        assert (tmp_path / "saved/vocab.txt").read_bytes().startswith(b"[PAD]")

    @pytest.mark.parametrize("end", ["", "\n", "\n\n", "\n \n\n", "\r\n\r\n"])
    def test_blank_lines_at_the_end_are_no_pieces(self, end, tmp_path):
        path = vocab_in(tmp_path, "\n".join(PIECES) + end)
        assert load_tokenizer(path).pieces == tuple(PIECES)

    def test_a_blank_line_between_keeps_its_id(self, tmp_path):
        path = vocab_in(tmp_path, "\n".join([*PIECES[:5], "", *PIECES[5:]]))
        tokenizer = load_tokenizer(path, lower_case=False)
        assert tokenizer.tokenize(["Ein"])[0].tolist() == [6]

    def test_several_are_an_error(self, tmp_path):
        path = vocab_in(tmp_path, "\n".join([*PIECES[:5], "", "", *PIECES[5:]]))
        with pytest.raises(VocabularyError, match="blank lines, for example 6 and 7"):
            load_tokenizer(path)


def test_a_sentencepiece_model_without_special_tokens(tmp_path):
    import sentencepiece

    with open(tmp_path / "x.model", "wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c", "b c a"]),
            model_writer=file,
            vocab_size=7,
            minloglevel=2,
        )
    with pytest.raises(VocabularyError, match=r"\[MASK\].*spm_train --pad_id=0"):
        load_tokenizer(tmp_path / "x.model")
