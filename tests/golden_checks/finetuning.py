"""Fine-tuning: logits, losses and gradients of both heads, and the texts' features."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tf_pretrain.data.text_features import encode_pairs
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.models.classifier import Classifier

from .files import SENTENCEPIECE, WORDPIECE, Arrays, found, read_json, read_json_lines
from .originals import cached_network, compare_gradients, original_name

FILES = ("finetune/*.npz", "finetune/*.json", "finetune/*_features.jsonl")
ACTIVATIONS = 2e-5  # absolute
LOSSES = 1e-5  # relative
ELECTRA_RUNS = [path.removesuffix(".npz") for path in found("finetune/electra_*.npz")]
ALBERT_RUNS = [path.removesuffix(".npz") for path in found("finetune/albert_*.npz")]


def encoder_inputs(data):
    names = ("input_ids", "input_mask", "segment_ids")
    return {name: tf.constant(data[f"in_{name}"]) for name in names}


def compare_losses(check, classifier, features, logits, expected):
    losses = classifier.example_losses(features, logits)
    unit = "of max(1, loss)"
    scale = np.maximum(1.0, np.abs(expected))
    check.close("loss of each example", losses, expected, LOSSES, scale, unit)


def named_gradients(tape, loss, network, heads):
    """{original's name: gradient}; `heads`: (original's name, variable, transposed)."""
    variables = network.encoder.trainable_variables
    named = [(*original_name(v.path, network.config), v) for v in variables]
    named += [(name, is_transposed, v) for name, v, is_transposed in heads]
    gradients = tape.gradient(loss, [v.value for *_, v in named])
    arrays = {}
    for (name, is_transposed, _), gradient in zip(named, gradients, strict=True):
        if gradient is None:  # of a pooler that is not used
            continue
        dense = tf.convert_to_tensor(gradient).numpy()
        arrays[name] = dense.T if is_transposed else dense
    return arrays


def compare_run(check, settings, data, gradients, loss, name="out_loss"):
    check.relative("loss", loss, data[name], LOSSES)
    expected, norm = settings["gradients"], settings["gradient_global_norm"]
    expected = {key: value for key, value in expected.items() if value is not None}
    compare_gradients(check, gradients, expected, norm)
    got = np.sqrt(sum(np.square(g, dtype="float64").sum() for g in gradients.values()))
    check.relative("gradients: global norm", got, norm, 1e-5)
    assert not data.unread


@pytest.mark.parametrize("run", ELECTRA_RUNS)
def test_electra_finetuning(run, comparison):
    """One classifier a task on a shared encoder; rows count for their own task."""
    check = comparison("ELECTRA fine-tuning")
    settings, data = read_json(f"{run}.json"), Arrays(f"{run}.npz")
    network = cached_network(settings["init_checkpoint"])
    features = encoder_inputs(data)
    loss, heads = 0.0, []
    with tf.GradientTape() as tape:
        for index, task in enumerate(settings["task_names"]):
            classifier, head = electra_classifier(network.encoder, data, task)
            heads += head
            is_classification = f"out_{task}_logits" in data
            labels = "label_ids" if is_classification else "targets"
            own = {
                **features,
                "labels": tf.constant(data[f"in_{task}_{labels}"]),
                "example_weights": tf.cast(data["in_task_id"] == index, tf.float32),
            }
            loss += classifier.total_loss(classifier.losses(own))

            logits = classifier(own)
            expected = data[f"out_{task}_per_example_loss"]
            compare_losses(check, classifier, own, logits, expected)
            predictions = data[f"out_{task}_predictions"]
            if is_classification:
                expected = data[f"out_{task}_logits"]
                check.close("logits", logits, expected, ACTIVATIONS)
                check.equal("predictions", ops.argmax(logits, -1), predictions)
            else:
                check.close("regression", logits[:, 0], predictions, ACTIVATIONS)
    gradients = named_gradients(tape, loss, network, heads)
    compare_run(check, settings, data, gradients, loss)


def electra_classifier(encoder, data, task):
    scope = f"task_specific/{task}/dense"
    kernel, bias = data[f"head|{scope}/kernel"], data[f"head|{scope}/bias"]
    classifier = Classifier(encoder, len(bias), head="first_token")
    classifier.dense.set_weights([kernel, bias])
    return classifier, [
        (f"{scope}/kernel", classifier.dense.kernel, False),
        (f"{scope}/bias", classifier.dense.bias, False),
    ]


@pytest.mark.parametrize("run", ALBERT_RUNS)
def test_albert_finetuning(run, comparison):
    check = comparison("ALBERT fine-tuning")
    settings, data = read_json(f"{run}.json"), Arrays(f"{run}.npz")
    network = cached_network(settings["init_checkpoint"])
    features = {**encoder_inputs(data), "labels": tf.constant(data["in_labels"])}
    num_labels = settings["num_labels"]
    classifier = Classifier(
        network.encoder, num_labels, head="pooled", loss_reduction="mean"
    )
    kernel, bias = data["head|output_weights"].T, data["head|output_bias"]
    classifier.dense.set_weights([kernel, bias])
    with tf.GradientTape() as tape:
        loss = classifier.total_loss(classifier.losses(features))

    logits = classifier(features)
    expected = data["out_per_example_loss"]
    compare_losses(check, classifier, features, logits, expected)
    if num_labels == 1:
        for name in ("logits", "predictions"):
            expected = data[f"out_{name}"]
            check.close("regression", logits[:, 0], expected, ACTIVATIONS)
        check.close("regression", logits, data["out_probabilities"], ACTIVATIONS)
    else:
        check.close("logits", logits, data["out_logits"], ACTIVATIONS)
        probabilities = ops.softmax(logits)
        expected = data["out_probabilities"]
        check.close("probabilities", probabilities, expected, ACTIVATIONS)
        predictions = data["out_predictions"]
        check.equal("predictions", ops.argmax(logits, -1), predictions)
    heads = [
        ("output_weights", classifier.dense.kernel, True),
        ("output_bias", classifier.dense.bias, False),
    ]
    gradients = named_gradients(tape, loss, network, heads)
    compare_run(check, settings, data, gradients, loss)


@pytest.mark.parametrize("path", found("finetune/*_features.jsonl"))
def test_features_of_texts(path, comparison):
    """Ids and segments of real rows at each length: truncation of pairs."""
    check = comparison("fine-tuning features")
    family = path.split("/")[1].split("_")[0]
    tokenizer = load_tokenizer(SENTENCEPIECE if family == "albert" else WORDPIECE)
    groups = {}
    for row in read_json_lines(path):
        has_pair = row["text_b"] is not None
        groups.setdefault((has_pair, row["max_seq_length"]), []).append(row)
    for (has_pair, max_seq_length), rows in groups.items():
        input_ids, segment_ids = encode_pairs(
            tokenizer,
            [row["text_a"] for row in rows],
            [row["text_b"] for row in rows] if has_pair else None,
            max_seq_length,
        )
        for row, ids, segments in zip(rows, input_ids, segment_ids, strict=True):
            check.equal(f"{family.upper()} ids", ids, row["input_ids"])
            check.equal(f"{family.upper()} segments", segments, row["segment_ids"])
