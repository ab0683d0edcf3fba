"""Question answering: logits, beams, losses and gradients of all heads."""

import numpy as np
import pytest
import tensorflow as tf

from tf_pretrain.models import span_heads
from tf_pretrain.models.question_answerer import QuestionAnswerer

from .files import Arrays, found, read_json
from .finetuning import compare_run, named_gradients
from .originals import cached_network

FILES = ("qa/electra_squad*.npz", "qa/electra_squad*.json", "qa/albert_squad*.*")
ACTIVATIONS = 2e-5
MASKED = 1e-4  # logits near -1000 have no more digits in float32
LOSSES = 1e-5
ELECTRA_RUNS = [path.removesuffix(".npz") for path in found("qa/electra_squad*.npz")]
ALBERT_RUNS = [path.removesuffix(".npz") for path in found("qa/albert_squad*.npz")]


def head_variables(network, head, names, data):
    """Gives the head the weights of the set: [(original name, variable, transposed)].

    Args:
        names: {our variable's path inside the head: original name}; a name that ends
            in "^T" is stored transposed.
    """
    variables = []
    for variable in head.trainable_variables:
        path = variable.path.split(f"{head.name}/", 1)[1]
        name = names[path]
        is_transposed = name.endswith("^T")
        name = name.removesuffix("^T")
        value = data[f"head|{name}"]
        variable.assign(value.T if is_transposed else value)
        variables.append((name, variable, is_transposed))
    return variables


def inputs(data):
    features = data.with_prefix("in_")
    return {name: tf.constant(value) for name, value in features.items()}


ELECTRA_NAMES = {
    "start": "dense",
    "end_hidden": "qa_hidden",
    "end": "dense_1",
}


def electra_names(head):
    layer_names = dict(ELECTRA_NAMES)
    if head.answerability_uses_starts:
        layer_names |= {"answerability_hidden": "dense_2", "answerability": "dense_3"}
    else:
        layer_names |= {"answerability": "dense_2"}
    return {
        f"{ours}/{part}": f"task_specific/squad/{theirs}/{part}"
        for ours, theirs in layer_names.items()
        for part in ("kernel", "bias")
    }


@pytest.mark.parametrize("run", ELECTRA_RUNS)
def test_electra_spans(run, comparison):
    check = comparison("ELECTRA question answering")
    settings, data = read_json(f"{run}.json"), Arrays(f"{run}.npz")
    rows = Arrays(f"{ELECTRA_RUNS[0]}.npz")
    given = settings["settings"]
    pretrained = cached_network(settings["init_checkpoint"])
    head = span_heads.ElectraSpanHead(
        pretrained.encoder.config,
        given["joint_prediction"],
        given["answerable_classifier"],
        given["answerable_uses_start_logits"],
        given["beam_size"],
    )
    network = QuestionAnswerer(
        pretrained.encoder, head, answerability_weight=given["answerable_weight"]
    )
    scope = settings["task_names"][0]
    names = {
        ours: theirs.replace("/squad/", f"/{scope}/")
        for ours, theirs in electra_names(head).items()
    }
    heads = head_variables(network, head, names, data)
    features = inputs(rows)
    if scope == "squadv1":  # SQuAD 1.1 calls no question unanswerable
        features["is_impossible"] = tf.zeros_like(features["is_impossible"])
    states = network.encoder(features)["sequence_output"]
    if "out_sequence_output" in data:
        check.close("sequence output", states, data["out_sequence_output"], ACTIVATIONS)
    outputs = network.training_outputs(features)
    for side in ("start", "end"):
        logits = data[f"out_train_{side}_logits"]
        compare_masked(check, outputs[f"{side}_logits"], logits)
    losses = network.example_losses(features, outputs)
    total = losses["span"]
    predictions = network(features)
    if head.has_answerability:
        for part, got in (("train", outputs), ("predict", predictions)):
            expected = data[f"out_{part}_answerable_logit"]
            check.close(
                "answerability", got["answerability_logits"], expected, ACTIVATIONS
            )
        total = total + given["answerable_weight"] * losses["answerability"]
    check.relative(
        "loss of each example", total, data["out_train_per_example_loss"], LOSSES
    )
    if head.is_joint:
        compare_masked(
            check,
            head._position_logits(head.start(states), head._mask(features)),
            data["out_predict_start_logits"],
        )
        compare_beams(check, predictions, data, len(data["out_predict_start_logits"]))
    else:
        for side in ("start", "end"):
            logits = data[f"out_predict_{side}_logits"]
            compare_masked(check, predictions[f"{side}_logits"], logits)
    with tf.GradientTape() as tape:
        loss = network.total_loss(network.losses(features))
    gradients = named_gradients(tape, loss, pretrained, heads)
    compare_run(check, settings, data, gradients, loss, "out_train_loss")


def compare_masked(check, got, expected):
    """Masked logits have fewer digits than open ones."""
    is_masked = expected < -500
    got = np.asarray(got)
    check.close("logits", got[~is_masked], expected[~is_masked], ACTIVATIONS)
    check.close("masked logits", got[is_masked], expected[is_masked], MASKED)


def compare_beams(check, got, data, rows):
    for side in ("start", "end"):
        expected = data[f"out_predict_{side}_top_index"]
        positions = np.reshape(got[f"{side}_positions"], expected.shape)
        check.equal("beams", positions, expected)
        scores = np.reshape(got[f"{side}_scores"], expected.shape)
        expected = data[f"out_predict_{side}_top_log_probs"]
        is_masked = expected < -500
        check.close(
            "beams' log probabilities",
            scores[~is_masked],
            expected[~is_masked],
            ACTIVATIONS,
        )
        scale = np.maximum(1.0, np.abs(expected[is_masked]) / 1000)
        check.close(
            "masked log probabilities",
            scores[is_masked],
            expected[is_masked],
            MASKED,
            scale,
            "of a thousandth",
        )


ALBERT_NAMES = {
    "start_and_end/kernel": "cls/squad/output_weights^T",
    "start_and_end/bias": "cls/squad/output_bias",
    "start/kernel": "start_logits/dense/kernel",
    "start/bias": "start_logits/dense/bias",
    "end_hidden/kernel": "end_logits/dense_0/kernel",
    "end_hidden/bias": "end_logits/dense_0/bias",
    "layer_norm/gamma": "end_logits/LayerNorm/gamma",
    "layer_norm/beta": "end_logits/LayerNorm/beta",
    "end/kernel": "end_logits/dense_1/kernel",
    "end/bias": "end_logits/dense_1/bias",
    "answerability_hidden/kernel": "answer_class/dense_0/kernel",
    "answerability_hidden/bias": "answer_class/dense_0/bias",
    "answerability/kernel": "answer_class/dense_1/kernel",
}


@pytest.mark.parametrize("run", ALBERT_RUNS)
def test_albert_spans(run, comparison):
    check = comparison("ALBERT question answering")
    settings, data = read_json(f"{run}.json"), Arrays(f"{run}.npz")
    pretrained = cached_network(settings["init_checkpoint"])
    config = pretrained.encoder.config
    if "start_n_top" in settings:
        tops = settings["start_n_top"], settings["end_n_top"]
        head = span_heads.AlbertConditionalHead(config, *tops)
    else:
        head = span_heads.AlbertIndependentHead(config)
    network = QuestionAnswerer(pretrained.encoder, head, "mean", 0.5)
    heads = head_variables(network, head, ALBERT_NAMES, data)
    features = inputs(data)
    if "out_sequence_output" in data:
        states = network.encoder(features)["sequence_output"]
        check.close("sequence output", states, data["out_sequence_output"], ACTIVATIONS)
    outputs = network.training_outputs(features)
    if not head.has_answerability:
        for side in ("start", "end"):
            expected = data[f"out_{side}_logits"]
            check.close("logits", outputs[f"{side}_logits"], expected, ACTIVATIONS)
    else:
        check.equal("p_mask", head._closed(features), data["in_p_mask"])
        for side in ("start", "end"):
            expected = data[f"out_train_{side}_log_probs"]
            compare_infinite(check, outputs[f"{side}_logits"], expected)
        predictions = network(features)
        compare_albert_beams(check, predictions, data)
        for part, got in (("train", outputs), ("predict", predictions)):
            expected = data[f"out_{part}_cls_logits"]
            check.close(
                "answerability", got["answerability_logits"], expected, ACTIVATIONS
            )
    with tf.GradientTape() as tape:
        loss = network.total_loss(network.losses(features))
    gradients = named_gradients(tape, loss, pretrained, heads)
    name = "out_train_loss" if head.has_answerability else "out_loss"
    compare_run(check, settings, data, gradients, loss, name)


def compare_infinite(check, got, expected):
    """Masked log probabilities are about -1e30."""
    got, is_masked = np.asarray(got), expected < -1e29
    check.close("log probabilities", got[~is_masked], expected[~is_masked], ACTIVATIONS)
    check.relative(
        "masked log probabilities", got[is_masked], expected[is_masked], 1e-6
    )


def compare_albert_beams(check, got, data):
    for side in ("start", "end"):
        expected = data[f"out_predict_{side}_top_log_probs"]
        is_masked = expected < -1e29
        scores = np.reshape(got[f"{side}_scores"], expected.shape)
        compare_infinite(check, scores, expected)
        positions = np.reshape(got[f"{side}_positions"], expected.shape)
        wanted = data[f"out_predict_{side}_top_index"]
        check.equal("beams", positions[~is_masked], wanted[~is_masked])
