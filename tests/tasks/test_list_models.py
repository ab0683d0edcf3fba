"""Keras' fit and predict on lists of questions, options and sentences."""

import keras
import numpy as np
import pytest

from support.task_files import WORDS, WRITERS
from support.tiny import tiny_config
from tf_pretrain.data.tokenization import WordPieceTokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.tasks.columns import Columns
from tf_pretrain.tasks.loading import load_task
from tf_pretrain.tasks.tagging.spans import bioes_tags, spans_of_tags
from tf_pretrain.tasks.text_multiple_choice import TextMultipleChoice
from tf_pretrain.tasks.text_question_answerer import TextQuestionAnswerer
from tf_pretrain.tasks.text_tagger import TextTagger
from tf_pretrain.training.optimizers import AdamW


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path.write_text("\n".join(special + WORDS + ["_", "."]) + "\n")
    return WordPieceTokenizer(path)


def build(cls, tokenizer, *arguments, **settings):
    keras.utils.set_random_seed(3)
    encoder = Encoder(tiny_config(model={"use_pooler": True}).model)
    model = cls(encoder, tokenizer, 24, *arguments, **settings)
    model.compile(optimizer=AdamW(0.005, bias_correction=True))
    return model


def splits(kind, folder):
    WRITERS[kind](folder)
    return load_task(str(folder), None, Columns()).splits


def lists_of_questions(questions):
    answers = [
        (q.answers[0].text, q.answers[0].start) if q.answers else None
        for q in questions
    ]
    return ([q.text for q in questions], [q.context for q in questions]), answers


@pytest.mark.integration
def test_answers_are_learnt_and_saved(tokenizer, tmp_path):
    data = splits("questions", tmp_path)
    model = build(TextQuestionAnswerer, tokenizer, beam_size=4, max_answer_length=3)
    x, y = lists_of_questions(data["train"])
    history = model.fit(
        x, y, batch_size=8, epochs=15, validation_data=(x, y), verbose=0
    ).history
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    assert history["val_span"][-1] == pytest.approx(expected["span"], rel=1e-4)
    assert expected["loss"] == pytest.approx(
        expected["span"] + 0.5 * expected["answerability"], rel=1e-4
    )
    for found, context in zip(model.predict(x), x[1], strict=True):
        best = found.answers[0]
        assert context[best.start : best.end] == best.text
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.predict_texts(x) == model.predict_texts(x)
    again.fit(x, y, verbose=0)


def test_losses_of_a_dev_set_do_not_depend_on_its_order(tokenizer, tmp_path):
    """Means over rows or words, whatever batches they come in."""
    data = splits("tags", tmp_path)["train"]
    sentences, tags = [s.words for s in data], [s.tags for s in data]
    model = build(TextTagger, tokenizer, ["C"])
    whole = model.evaluate(sentences, tags, verbose=0, return_dict=True)
    shorter = [list(words)[: 1 + i % 6] for i, words in enumerate(sentences)]
    cut = [list(each)[: 1 + i % 6] for i, each in enumerate(tags)]
    parts = [
        model.evaluate(shorter[i::2], cut[i::2], verbose=0, return_dict=True)["tags"]
        for i in range(2)
    ]
    counts = [sum(map(len, shorter[i::2])) for i in range(2)]
    mean = np.average(parts, weights=counts)
    both = model.evaluate(shorter, cut, verbose=0, return_dict=True)
    assert both["tags"] == pytest.approx(mean, rel=1e-4)
    assert whole["loss"] == pytest.approx(whole["tags"])


@pytest.mark.integration
def test_tags_are_learnt(tokenizer, tmp_path):
    data = splits("tags", tmp_path)
    model = build(TextTagger, tokenizer, ["C"])
    sentences = [s.words for s in data["train"]]
    tags = [s.tags for s in data["train"]]
    model.fit(sentences, tags, batch_size=8, epochs=25, verbose=0)
    found, expected = model.predict(sentences), []
    for words, row in zip(sentences, tags, strict=True):
        expected.append(bioes_tags(spans_of_tags(row), len(words)))
    right = np.concatenate(found) == np.concatenate(expected)
    assert np.mean(right) > 0.9
    spans = model.predict_spans([" ".join(words) for words in sentences])
    assert spans == [spans_of_tags(row) for row in found]
    # A word in an input of its own has no context, but has a tag.
    long = model.predict(["house " * 100 + "blue"])
    assert len(long[0]) == 101 and long[0][-1] != "O"


def test_options_are_learnt(tokenizer, tmp_path):
    data = splits("choices", tmp_path)["train"]
    model = build(TextMultipleChoice, tokenizer, dropout=0.0, max_choice_length=8)
    x = [q.article for q in data], [q.question for q in data], [q.options for q in data]
    y = [q.answer for q in data]
    model.fit(x, y, batch_size=8, epochs=12, verbose=0)
    assert np.mean(model.predict(x).argmax(axis=1) == y) > 0.8


@pytest.mark.parametrize(
    "x, y, message",
    [
        (["dog"], [None], "x is not a pair"),
        ((["dog"], ["a", "b"]), [None], "different lengths"),
        ((["dog"], "red dog"), [None], "contexts is 'red dog'; expected a list"),
        ((["dog"], [1]), [None], r"contexts\[0\] is 1; expected a string"),
        ((["dog"], ["red dog"]), ["red"], r"answers\[0\] is 'red'; expected \(text"),
        ((["dog"], ["red dog"]), [("red", 7)], "there is nothing to train on"),
    ],
)
def test_wrong_lists_get_a_reason(x, y, message, tokenizer):
    model = build(TextQuestionAnswerer, tokenizer)
    with pytest.raises(UserError, match=message):
        model.fit(x, y)


def test_other_wrong_values(tokenizer):
    with pytest.raises(UserError, match="max_seq_length is 25, but the encoder has 24"):
        encoder = Encoder(tiny_config().model)
        TextQuestionAnswerer(encoder, tokenizer, 25)
    tagger = build(TextTagger, tokenizer, ["C"])
    with pytest.raises(UserError, match=r"tags\[0\] has 'S-D' \(in BIOES\)"):
        tagger.fit([["red"]], [["B-D"]])
    with pytest.raises(UserError, match="different lengths"):
        tagger.fit(["red dog"], [["B-C"]])
    answerer = build(TextQuestionAnswerer, tokenizer, may_be_unanswerable=False)
    with pytest.raises(UserError, match="may_be_unanswerable is False"):
        answerer.fit((["dog"], ["red"]), [None])
    choice = build(TextMultipleChoice, tokenizer)
    with pytest.raises(UserError, match=r"numbers\[0\] is 2; expected 0 to 1"):
        choice.fit((["red"], ["dog"], [["a", "b"]]), [2])
