"""What `inspect` says of a text, against the networks and by hand."""

import io
import itertools
import os
import subprocess
import sys
from collections import Counter

import keras
import numpy as np
import pytest
from rich.console import Console

import tf_pretrain
from support.paths import ROOT
from support.tiny import tiny_config
from tf_pretrain.data import tokenization
from tf_pretrain.errors import UserError
from tf_pretrain.inspection import heldout, picture, terminal, texts
from tf_pretrain.inspection.example import Example, examine
from tf_pretrain.inspection.inspector import Inspector
from tf_pretrain.interchange import pretraining_workdir as workdirs
from tf_pretrain.interchange.pretrained import Pretrained
from tf_pretrain.models.building import build_objective

WORDS = "the old king sat in garden and read a long letter from his son then went to ."
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split()]
TEXT = "the old king read a long letter from his son ."
MASKED = "the old [MASK] read a long [MASK] from his son ."


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    path.write_text("\n".join(VOCABULARY) + "\n")
    return tokenization.load_tokenizer(path)


def _network(name="replaced_token_detection", sentence="none"):
    keras.utils.set_random_seed(1)
    # Large values: probabilities that differ from each other.
    model = {"vocab_size": len(VOCABULARY), "initializer_range": 0.5}
    return build_objective(tiny_config(name, sentence, model=model))


@pytest.fixture(scope="module")
def electra():
    return _network()


@pytest.fixture(scope="module")
def albert():
    return _network("masked_lm", "sentence_order")


def _saved(network, tokenizer, folder, without=()):
    """A checkpoint of a network that lacks some of its variables."""
    weights = {
        v.path: np.asarray(v) for v in network.weights if not v.path.startswith(without)
    }
    pretrained = Pretrained(network.config, weights, "a test", tokenizer)
    workdirs.write(pretrained, folder)
    return folder


def _features(tokenizer, *sentences):
    segments = [texts.tokenize(tokenizer, sentence) for sentence in sentences]
    return texts.as_written(tokenizer, [segments], 24)


def _softmax(logits):
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def test_masks_of_the_user_are_filled(electra, tokenizer):
    """Guesses are the generator's softmax there; no label is claimed for them."""
    features = texts.with_masks(
        _features(tokenizer, MASKED), electra.config.data, tokenizer, 0
    )
    (found,) = examine(electra, tokenizer, features)
    places = [i for i, chosen in enumerate(found.chosen) if chosen]
    assert places == [3, 7]
    assert found.masked == found.original == ["[CLS]", *MASKED.split(), "[SEP]"]
    outputs = {name: np.asarray(value) for name, value in electra(features).items()}
    for slot, place in enumerate(places):
        shares = _softmax(outputs["generator_logits"][0, slot])
        best = np.argsort(-shares)[:3]
        assert [word for word, _ in found.guesses[place]] == [
            VOCABULARY[i] for i in best
        ]
        np.testing.assert_allclose(
            [share for _, share in found.guesses[place]], shares[best], rtol=1e-4
        )
        assert found.sampled[place] == VOCABULARY[outputs["sampled_ids"][0, slot]]
        assert found.replaced[place] is None
    others = [label for i, label in enumerate(found.replaced) if i not in places]
    assert set(others) == {0}


def test_words_are_chosen_as_in_training_and_all_masked(electra, tokenizer):
    """15 % of them, by the seed; labels say where the draw differs from the text."""
    seen = set()
    for seed in range(20):
        features = texts.with_masks(
            _features(tokenizer, TEXT), electra.config.data, tokenizer, seed
        )
        (found,) = examine(electra, tokenizer, features)
        places = [i for i, chosen in enumerate(found.chosen) if chosen]
        assert len(places) == round(0.15 * len(found.original)) == 2
        assert [found.masked[i] for i in places] == ["[MASK]"] * 2
        for i, (drawn, piece) in enumerate(
            zip(found.sampled, found.original, strict=True)
        ):
            assert found.replaced[i] == (i in places and drawn != piece)
        seen.add(tuple(places))
    assert len(seen) > 10
    assert not {0, len(found.original) - 1} & set(itertools.chain(*seen))


def test_text_as_written_is_read_by_the_discriminator(electra, tokenizer):
    features = _features(tokenizer, TEXT)
    (found,) = examine(electra, tokenizer, features)
    states = electra.discriminator({"input_ids": features["input_ids"][:, :13]})
    logits = np.asarray(electra.replaced_token_head(states["sequence_output"]))[0]
    assert found.original == ["[CLS]", *TEXT.split(), "[SEP]"]
    assert not any(found.chosen)
    np.testing.assert_allclose(
        found.replaced_probability, 1 / (1 + np.exp(-logits)), rtol=1e-4
    )


def test_order_of_two_sentences(albert, tokenizer, tmp_path):
    """Both orders, by the sentence head on the text as it is written."""
    sentences = ["the old king read a letter .", "then his son went to the garden ."]
    found = Inspector(_saved(albert, tokenizer, tmp_path / "albert"))(*sentences)
    for example, (first, second) in (
        (found.written, sentences),
        (found.turned, sentences[::-1]),
    ):
        pieces = ["[CLS]", *first.split(), "[SEP]", *second.split(), "[SEP]"]
        assert example.original == pieces
        ids = np.array([[VOCABULARY.index(piece) for piece in pieces]], np.int32)
        segments = (np.arange(len(pieces)) > pieces.index("[SEP]")).astype(np.int32)
        encoded = albert.encoder({"input_ids": ids, "segment_ids": segments[None]})
        logits = np.asarray(albert.sentence_head(encoded["pooled_output"]))
        assert example.swapped_probability == pytest.approx(
            _softmax(logits)[0, 1], rel=1e-4
        )
    text = str(found)
    for example in (found.written, found.turned):
        assert f"{100 * example.swapped_probability:.0f} %" in text
    assert "no discriminator" in text and "replaced? %" not in text


def test_what_a_checkpoint_lacks_is_said_and_not_shown(electra, tokenizer, tmp_path):
    alone = _saved(
        electra, tokenizer, tmp_path / "alone", ("generator/", "masked_lm_head/")
    )
    found = Inspector(alone)(TEXT)
    assert found.masked is None
    whole = Inspector(_saved(electra, tokenizer, tmp_path / "whole"))(TEXT)
    assert found.written == whole.written
    assert "no generator" in str(found) and "no generator" not in str(whole)

    headless = _saved(
        electra, tokenizer, tmp_path / "headless", ("replaced_token_head/",)
    )
    found = Inspector(headless)(TEXT)
    assert found.written.replaced_probability is None
    assert found.masked.sampled is None
    assert found.masked.guesses == whole.masked.guesses
    assert "no discriminator" in str(found)
    with pytest.raises(UserError, match="lacks 1 .*word_embeddings"):
        Inspector(
            _saved(
                electra,
                tokenizer,
                tmp_path / "bodyless",
                ("discriminator/embeddings/word_embeddings",),
            )
        )


@pytest.mark.parametrize(
    "sentences, message",
    [
        ((), "there are 0 texts"),
        (("a", "a", "a"), "there are 3 texts"),
        (("",), "the text is empty"),
        (("the " * 23,), "the text has 23 pieces; at most 22 fit"),
        (("the " * 11, "a " * 11), "the text has 22 pieces; at most 21 fit"),
    ],
)
def test_refused_texts(electra, tokenizer, tmp_path, sentences, message):
    checkpoint = _saved(electra, tokenizer, tmp_path / "checkpoint")
    with pytest.raises(UserError, match=message):
        tf_pretrain.inspect_text(checkpoint, *sentences)


@pytest.mark.parametrize("name", ["replace_mlm", "all_tokens_mlm"])
def test_objectives_between_bert_and_electra_fill_masks(name, tokenizer):
    network = _network(name)
    features = texts.with_masks(
        _features(tokenizer, MASKED), network.config.data, tokenizer, 0
    )
    (found,) = examine(network, tokenizer, features)
    loss = np.asarray(network.evaluation(features)["masked_lm_loss"])[0, 0]
    logits = network.masked_lm_logits(features, network(features))
    share = _softmax(np.asarray(logits)[0, 0])
    assert dict(found.guesses[3])[VOCABULARY[share.argmax()]] == pytest.approx(
        share.max(), rel=1e-4
    )
    assert -np.log(share[VOCABULARY.index("[MASK]")]) == pytest.approx(loss, rel=1e-4)
    assert found.sampled is None and found.replaced_probability is None


def _example():
    """By hand: the generator drew one other word and one of the text."""
    original = ["[CLS]", *TEXT.split(), "[SEP]"]
    masked = ["[CLS]", *MASKED.split(), "[SEP]"]
    drawn = {3: "son", 7: "letter"}
    places = range(len(original))
    return Example(
        original=original,
        masked=masked,
        segments=[0 for _ in places],
        chosen=[i in drawn for i in places],
        guesses=[
            {3: [("son", 0.31), ("king", 0.12)], 7: [("letter", 0.404)]}.get(i, [])
            for i in places
        ],
        sampled=[drawn.get(i) for i in places],
        replaced=[int(i == 3) for i in places],
        replaced_probability=[{3: 0.55, 5: 0.6}.get(i, 0.01) for i in places],
    )


def _printed(example, width, **options):
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(terminal.words(example, width))
    console.print(terminal.masks(example))
    return console.file.getvalue()


def test_words_on_the_terminal_are_below_each_other():
    lines = _printed(_example(), 100).splitlines()
    text, masked, filled, marks = lines[:4]
    assert text.split() == ["text", *TEXT.split()]
    assert masked.split() == ["masked", *MASKED.split()]
    assert filled.split() == ["filled", "in", *TEXT.replace("king", "son*").split()]
    figures = "1 1 55 1 60 1 1 1 1 1 1".split()
    assert marks.split() == ["replaced?", "%", *figures]
    column = text.index("king")
    assert masked.index("[MASK]") == filled.index("son*") == marks.index("55") == column
    table = [line.split() for line in lines[5:]]
    assert table == [
        "king son 31 %, king 12 % son* 55 %, 2nd of 11 words".split(),
        "letter letter 40 % letter 1 %, 3rd of 11 words".split(),
    ]


def test_words_that_do_not_fit_go_on_below():
    lines = [line.split() for line in _printed(_example(), 40).splitlines()]
    rows = [line[1:] for line in lines if line and line[0] == "text"]
    assert len(rows) > 1 and sum(rows, []) == TEXT.split()
    assert all(len(line) <= 40 for line in _printed(_example(), 40).splitlines())


def test_colour_only_where_it_is_wanted(monkeypatch):
    def escapes():
        return "\x1b[" in _printed(
            _example(), 100, force_terminal=True, color_system="standard"
        ).replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert escapes()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not escapes()
    assert "\x1b" not in _printed(_example(), 100)  # no terminal


def test_picture_has_every_word_inside_its_box(tmp_path):
    figure = picture.draw(_example(), "A held-out sentence")
    (axes,) = figure.axes
    renderer = figure.canvas.get_renderer()
    drawn = [text.get_text() for text in axes.texts]
    rows = [TEXT, MASKED, TEXT.replace("king", "son")]
    shown = Counter(" ".join(rows).split())
    assert {word: drawn.count(word) for word in shown} == shown
    assert "son 31 %\nking 12 %" in drawn and "55" in drawn
    boxes = [patch.get_window_extent(renderer) for patch in axes.patches]
    for text in axes.texts:
        extent = text.get_window_extent(renderer)
        assert extent.x0 >= 0 and extent.x1 <= figure.bbox.x1, text.get_text()
        assert extent.y0 >= 0 and extent.y1 <= figure.bbox.y1, text.get_text()
        if text.get_fontfamily() == ["monospace"] and "%" not in text.get_text():
            assert any(
                box.x0 <= extent.x0 and extent.x1 <= box.x1 and box.y0 <= extent.y1
                for box in boxes
            ), text.get_text()
    for (_, left, width), (_, after, _) in itertools.pairwise(
        sum(picture._bands(_example()), [])
    ):
        assert after > left + width or after == picture._LEFT
    picture.save(_example(), "A held-out sentence", tmp_path / "example.png")
    assert (tmp_path / "example.png").read_bytes().startswith(b"\x89PNG")


def _batch(tokenizer, lines, length=24):
    rows = [[2, *texts.tokenize(tokenizer, line), 3] for line in lines]
    ids = np.array([row + [0] * (length - len(row)) for row in rows], np.int32)
    return {"input_ids": ids, "input_mask": (ids > 0).astype(np.int32)}


def test_heldout_sentence_is_whole_and_shows_both_draws(electra, tokenizer):
    whole = "the king went to the garden and sat ."
    lines = [f"{'his son ' * 3} . {whole} the son", f"a . {whole} {'to ' * 9}"]
    found = heldout.telling_example(
        electra, tokenizer, [_batch(tokenizer, lines)] * 40, seed=0
    )
    assert found.original == ["[CLS]", *whole.split(), "[SEP]"]
    assert {r for r, c in zip(found.replaced, found.chosen, strict=True) if c} == {0, 1}
    assert heldout.telling_example(electra, tokenizer, [], seed=0) is None


def test_heldout_text_without_sentences_shows_its_beginning(albert, tokenizer):
    found = heldout.telling_example(
        albert, tokenizer, [_batch(tokenizer, ["the old king " * 6])], seed=0
    )
    assert found.original[1:4] == ["the", "old", "king"]
    assert any(found.guesses)


def test_example_of_a_run_is_read_again(tmp_path, capsys):
    example = _example()
    heldout.write(example, tmp_path, "A title")
    read = heldout.read(tmp_path)
    assert read.original == example.original and read.replaced == example.replaced
    heldout.show(tmp_path)
    shown = capsys.readouterr().out
    assert "son*" in shown and "example.png" in shown
    heldout.show(tmp_path / "elsewhere")  # a run of an older version
    assert capsys.readouterr().out == ""


@pytest.mark.integration
def test_command(electra, tokenizer, tmp_path):
    checkpoint = _saved(electra, tokenizer, tmp_path / "checkpoint")
    command = [sys.executable, "-m", "tf_pretrain.inspect", "--image=picture.png"]
    done = subprocess.run(
        [*command, f"--checkpoint={checkpoint}", MASKED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{Inspector(checkpoint)(MASKED)}\nwritten to picture.png\n"
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
