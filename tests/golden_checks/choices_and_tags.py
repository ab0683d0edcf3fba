"""RACE and tagging: inputs, logits, losses, gradients, spans and scores."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tf_pretrain.data.plain_normalization import normalize_for_sentencepiece
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.models.multiple_choice import MultipleChoice
from tf_pretrain.models.tagger import Tagger
from tf_pretrain.tasks.multiple_choice.features import (
    encode_choices,
    question_with_option,
)
from tf_pretrain.tasks.multiple_choice.race_files import read_race
from tf_pretrain.tasks.tagging import spans
from tf_pretrain.tasks.tagging.conll_files import read_sentences
from tf_pretrain.tasks.tagging.features import encode_sentences

from .files import (
    GOLDEN,
    SENTENCEPIECE,
    WORDPIECE,
    Arrays,
    found,
    read_json,
    read_json_lines,
)
from .finetuning import compare_run, named_gradients
from .originals import cached_network

FILES = ("race/*", "tagging/*")
ACTIVATIONS = 2e-5
LOSSES = 1e-5
RACE_RUNS = [path.removesuffix(".npz") for path in found("race/*.npz")]
TAGGING_RUNS = [path.removesuffix(".npz") for path in found("tagging/*.npz")]


def test_race_inputs(comparison):
    check = comparison("RACE: inputs")
    tokenizer = load_tokenizer(SENTENCEPIECE)
    questions = {
        (level, question.id): question
        for level in ("middle", "high")
        for question in read_race(GOLDEN / f"race/{level}.jsonl")
    }
    for row in read_json_lines("race/features.jsonl"):
        question = questions[row["level"], f"{row['id']}-{row['question']}"]
        lengths = row["max_seq_length"], row["max_qa_length"]
        (ids,), (segments,) = encode_choices(tokenizer, [question], *lengths)
        check.equal("label", question.answer, row["label"])
        for got, expected in zip(ids, row["input_ids"], strict=True):
            check.equal("input_ids", got, expected)
        for got, expected in zip(segments, row["segment_ids"], strict=True):
            check.equal("segment_ids", got, expected)
        for option, text in zip(question.options, row.get("endings", []), strict=False):
            # The original cleans question and option before it joins them.
            cleaned = [cleaned_text(part) for part in (question.question, option)]
            check.equal("question with option", question_with_option(*cleaned), text)


def cleaned_text(text):
    return normalize_for_sentencepiece(text, True, True)


@pytest.mark.parametrize("run", RACE_RUNS)
def test_race(run, comparison):
    check = comparison("RACE")
    settings, data = read_json(f"{run}.json"), Arrays(f"{run}.npz")
    pretrained = cached_network(settings["init_checkpoint"])
    network = MultipleChoice(pretrained.encoder)
    network.dense.set_weights([data["head|output_weights"].T, data["head|output_bias"]])
    features = {k: tf.constant(v) for k, v in data.with_prefix("in_").items()}
    with tf.GradientTape() as tape:
        loss = network.total_loss(network.losses(features))
    shape = data["out_pooled_output"].shape
    rows = {
        name: tf.reshape(features[name], (-1, features[name].shape[-1]))
        for name in ("input_ids", "input_mask", "segment_ids")
    }
    pooled = tf.reshape(network.encoder(rows)["pooled_output"], shape)
    check.close("pooled output", pooled, data["out_pooled_output"], ACTIVATIONS)
    logits = network(features)
    check.close("logits", logits, data["out_logits"], ACTIVATIONS)
    probabilities = ops.softmax(logits)
    check.close("probabilities", probabilities, data["out_probabilities"], ACTIVATIONS)
    check.equal("predictions", ops.argmax(logits, -1), data["out_predictions"])
    losses = network.example_losses(features, logits)
    check.relative("loss", losses, data["out_per_example_loss"], LOSSES)
    heads = [
        ("output_weights", network.dense.kernel, True),
        ("output_bias", network.dense.bias, False),
    ]
    gradients = named_gradients(tape, loss, pretrained, heads)
    compare_run(check, settings, data, gradients, loss)


def test_race_accuracy(comparison):
    check = comparison("RACE: accuracy")
    rows = read_json("race/accuracy.json")
    logits, labels = np.array(rows["logits"], np.float32), np.array(rows["labels"])
    is_real = np.array(rows["is_real_example"], bool)
    levels = np.array(rows["level"])
    for name in ("all", "middle", "high"):
        chosen = is_real & ((levels == name) | (name == "all"))
        right = logits[chosen].argmax(-1) == labels[chosen]
        (accuracy,) = [v for k, v in rows[name].items() if "accuracy" in k]
        check.close("accuracy", right.mean(), accuracy, 1e-6)


def test_tagging_inputs(comparison):
    check = comparison("tagging: inputs")
    tokenizer = load_tokenizer(WORDPIECE)
    mapping = read_json("tagging/label_mapping.json")
    files = {name: read_sentences(GOLDEN / f"tagging/{name}.txt") for name in SPLITS}
    tags = {
        tag
        for sentences in files.values()
        for sentence in sentences
        for tag in bioes(sentence.tags)
    }
    check.equal("tags", {tag: i for i, tag in enumerate(sorted(tags))}, mapping)
    for row in read_json_lines("tagging/features.jsonl"):
        sentence = files["train"][row["sentence"]]
        (got,) = encode_sentences(
            tokenizer, [sentence.words], row["max_seq_length"], legacy=True
        )
        check.equal("words", len(sentence.words), row["words"])
        check.equal("input_ids", got.input_ids, row["input_ids"])
        check.equal("positions", got.positions, row["labeled_positions"])
        labels = [mapping[tag] for tag in bioes(sentence.tags)]
        check.equal("labels", labels[: row["max_seq_length"]], row["labels"])


SPLITS = ("train", "dev")


def bioes(tags):
    return spans.bioes_tags(spans.spans_of_tags(tags), len(tags))


def test_spans_and_their_scores(comparison):
    check = comparison("tagging: spans")
    data = read_json("tagging/chunk_f1.json")
    for row in data["spans"]:
        got = spans.spans_of_tags(row["tags"])
        assert [list(span) for span in got] == row["spans"], row["tags"]
        check.equal("tags", bioes(row["tags"]), row["bioes"])
    for case in data["cases"]:
        counts = [int(count) for count in case["labels_mask_sums"]]
        marked = [
            [
                spans.spans_of_tags(tags[:count])
                for tags, count in zip(case[name], counts, strict=True)
            ]
            for name in ("labels", "predictions")
        ]
        scores = spans.span_scores(*marked)
        for name, value in scores.items():
            check.close(name, value, case["result"][name], 1e-9)


@pytest.mark.parametrize("run", TAGGING_RUNS)
def test_tagging(run, comparison):
    check = comparison("ELECTRA tagging")
    settings, data = read_json(f"{run}.json"), Arrays(f"{run}.npz")
    pretrained = cached_network(settings["init_checkpoint"])
    scope = f"task_specific/{settings['task_names'][0]}/dense"
    weights = data[f"head|{scope}/kernel"], data[f"head|{scope}/bias"]
    network = Tagger(pretrained.encoder, len(weights[1]))
    network.dense.set_weights(weights)
    features = {k: tf.constant(v) for k, v in data.with_prefix("in_").items()}
    states = network.encoder(features)["sequence_output"]
    check.close("sequence output", states, data["out_sequence_output"], ACTIVATIONS)
    with tf.GradientTape() as tape:
        loss = network.total_loss(network.losses(features))
    logits = network(features)
    check.close("logits", logits, data["out_logits"], ACTIVATIONS)
    check.equal("predictions", ops.argmax(logits, -1), data["out_predictions"])
    losses = ops.sum(network.word_losses(features, logits), axis=-1)
    check.relative("loss", losses, data["out_per_example_loss"], LOSSES)
    heads = [
        (f"{scope}/kernel", network.dense.kernel, False),
        (f"{scope}/bias", network.dense.bias, False),
    ]
    gradients = named_gradients(tape, loss, pretrained, heads)
    compare_run(check, settings, data, gradients, loss)
