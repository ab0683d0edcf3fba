"""Both models from their original checkpoints: every activation, logit and loss."""

import contextlib
import dataclasses
from unittest import mock

import numpy as np
import pytest
from keras import ops

from tf_pretrain import config as config_lib
from tf_pretrain.models.layers import FeedForward
from tf_pretrain.models.objectives import cross_entropy

from .files import read_json
from .originals import ALBERT_SETS, ELECTRA_SETS, cached_network, forward_pass

FILES = (
    "*/forward.npz",
    "*/albert_config.json",
    "*/resolved_config.json",
    "*/hparams.json",
    "*/vocab.txt",
)
ACTIVATIONS = 2e-5  # absolute
LOSSES = 1e-5  # relative


@contextlib.contextmanager
def recorded_feed_forward(outputs):
    """Appends what each feed-forward block returns: each layer's output [B * S, D]."""
    original = FeedForward.call

    def call(self, x, dropout=None):
        outputs.append(original(self, x, dropout=dropout))
        return outputs[-1]

    with mock.patch.object(FeedForward, "call", call):
        yield


def encode(encoder, features):
    """The encoder's outputs and what happens inside it."""
    attention, outputs = [], []

    def no_dropout(x, rate):  # is shown the probabilities, alone of rank 4
        attention.extend([x] * (len(x.shape) == 4))
        return x

    with recorded_feed_forward(outputs):
        encoded = encoder(features, dropout=no_dropout)
    embedded = encoder.embeddings(features["input_ids"], features["segment_ids"])
    projected = embedded
    if encoder.embeddings_project is not None:
        projected = encoder.embeddings_project(embedded)
    batch, length = features["input_ids"].shape
    outputs = ops.reshape(ops.stack(outputs), (len(outputs), batch, length, -1))
    return {
        "word_embeddings": ops.take(
            encoder.embeddings.word_embeddings, features["input_ids"], axis=0
        ),
        "embeddings": embedded,
        "embeddings_projected": projected,
        "all_layers": outputs,
        "all_inner_layers": outputs,
        "attention_probs": ops.stack(attention),
        **encoded,
    }


def compare_inside(check, got, data, prefix):
    """Compares what the set has of one encoder: attention, for one, may be absent."""
    for key, value in got.items():
        if prefix + key in data:
            what = key.replace("_", " ")
            check.close(what, value, data[prefix + key], ACTIVATIONS)


def compare_loss(check, what, network, losses, name, expected):
    total, weight = losses[name]
    loss = total / network.loss_terms[name].divisor(weight)
    check.relative(what, loss, expected, LOSSES)


def compare_parts(check, what, got, expected):
    """Losses of single slots or rows: one near 0 is as exact as its logits."""
    scale = np.maximum(1.0, np.abs(expected))
    check.close(what, got, expected, LOSSES, scale, "of max(1, loss)")


@pytest.mark.parametrize("name", ELECTRA_SETS)
def test_electra_forward_pass(name, comparison):
    check = comparison("ELECTRA forward pass")
    network = cached_network(name)
    features, data = forward_pass(name)
    outputs = network(features)
    corrupted_ids = outputs["corrupted_input_ids"]
    for scope, encoder, input_ids in (
        ("gen", network.generator, features["masked_input_ids"]),
        ("disc", network.discriminator, corrupted_ids),
    ):
        got = encode(encoder, {**features, "input_ids": input_ids})
        compare_inside(check, got, data, f"out_{scope}_")

    logits = outputs["masked_lm_logits"]
    check.close("masked-LM logits", logits, data["out_mlm_logits"], ACTIVATIONS)
    check.equal("masked-LM predictions", ops.argmax(logits, -1), data["out_mlm_preds"])
    per_slot = network.evaluation(features)["masked_lm_loss"]
    compare_parts(check, "loss of each slot", per_slot, data["out_mlm_per_slot_loss"])
    check.equal("corrupted ids", corrupted_ids, data["out_corrupted_input_ids"])
    check.equal("labels", outputs["replaced_labels"], data["out_disc_labels"])

    logits = outputs["replaced_logits"]
    check.close("discriminator logits", logits, data["out_disc_logits"], ACTIVATIONS)
    probs = ops.sigmoid(logits)
    check.close("discriminator probs", probs, data["out_disc_probs"], ACTIVATIONS)
    check.equal("discriminator predictions", logits > 0, data["out_disc_preds"])
    rows = [
        network.losses({k: v[i : i + 1] for k, v in features.items()})["replaced_token"]
        for i in range(len(logits))
    ]
    divisor = network.loss_terms["replaced_token"].divisor
    per_example = ops.stack([total / divisor(weight) for total, weight in rows])
    expected = data["out_disc_per_example_loss"]
    compare_parts(check, "discriminator loss of each row", per_example, expected)

    losses = network.losses(features)
    compare_loss(
        check, "masked-LM loss", network, losses, "masked_lm", data["out_mlm_loss"]
    )
    compare_loss(
        check,
        "discriminator loss",
        network,
        losses,
        "replaced_token",
        data["out_disc_loss"],
    )
    total = network.total_loss(losses)
    check.relative("total loss", total, data["out_total_loss"], LOSSES)
    assert not data.unread


@pytest.mark.parametrize("name", ELECTRA_SETS)
def test_electra_config(name, comparison):
    """Both networks' sizes follow from the settings as the original derives them."""
    resolved = read_json(f"{name}/resolved_config.json")
    check = comparison("ELECTRA config")
    network = cached_network(name)
    ours = dataclasses.asdict(network.discriminator.config)
    assert ours["embedding_size"] == resolved["embedding_size"]
    generator = dataclasses.asdict(config_lib.generator_config(network.config))
    for got, key in ((ours, "discriminator"), (generator, "generator")):
        for field, value in resolved[key].items():
            if "dropout" not in field:  # off in the network
                check.equal("sizes of both networks", got[field], value)


@pytest.mark.parametrize("name", ALBERT_SETS)
def test_albert_forward_pass(name, comparison):
    check = comparison("ALBERT forward pass")
    network = cached_network(name)
    features, data = forward_pass(name)
    got = encode(network.encoder, features)
    compare_inside(check, got, data, "out_")

    outputs = network(features)
    logits = outputs["masked_lm_logits"]
    check.close("masked-LM logits", logits, data["out_mlm_logits"], ACTIVATIONS)
    per_slot = network.evaluation(features)["masked_lm_loss"]
    compare_parts(check, "loss of each slot", per_slot, data["out_mlm_per_slot_loss"])
    logits = outputs["sentence_logits"]
    check.close("sentence-order logits", logits, data["out_sop_logits"], ACTIVATIONS)
    log_probs = ops.log_softmax(logits)
    expected = data["out_sop_log_probs"]
    check.close("sentence-order log probs", log_probs, expected, ACTIVATIONS)
    per_example = cross_entropy(logits, features["next_sentence_labels"][:, 0])
    expected = data["out_sop_per_example_loss"]
    compare_parts(check, "sentence-order loss of each row", per_example, expected)

    losses = network.losses(features)
    compare_loss(
        check, "masked-LM loss", network, losses, "masked_lm", data["out_mlm_loss"]
    )
    compare_loss(
        check,
        "sentence-order loss",
        network,
        losses,
        "sentence_order",
        data["out_sop_loss"],
    )
    total = network.total_loss(losses)
    check.relative("total loss", total, data["out_total_loss"], LOSSES)
    assert not data.unread
