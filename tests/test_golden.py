"""Both models against numbers computed by the original TensorFlow 1 programs.

Set TF_PRETRAIN_GOLDEN to check another set of the same layout.
"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tf1_names import albert_name, electra_name

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.models.objectives import build_objective
from tf_pretrain.training.optimizers import LAMB, AdamW
from tf_pretrain.training.schedules import ElectraSchedule
from tf_pretrain.training.trainer import Trainer

ACTIVATION_TOLERANCE = 2e-5  # absolute
LOSS_TOLERANCE = 1e-5  # relative
# Every golden value was computed with dropout off.
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def _checkpoint(folder):
    (index,) = folder.glob("*.index")
    return tf.train.load_checkpoint(str(index.with_suffix("")))


def _load(network, folder, name_of):
    reader = _checkpoint(folder)
    for variable in network.trainable_variables:
        value = reader.get_tensor(name_of(variable.path))
        if name_of(variable.path).endswith("output_weights"):
            value = value.T  # stored as [labels, D]
        variable.assign(value)


def _electra(folder):
    resolved = json.loads((folder / "resolved_config.json").read_text())
    hparams = json.loads((folder / "hparams.json").read_text())
    discriminator = resolved["discriminator"]
    values = {
        "model": {
            **{
                key: discriminator[key]
                for key in discriminator
                if key in config_lib.EncoderConfig.__dataclass_fields__
            },
            **NO_DROPOUT,
            "hidden_act": "gelu",
            "embedding_size": hparams["embedding_size"],
        },
        "objective": {
            key: hparams[key] for key in ("generator_hidden_size", "generator_layers")
        },
        "data": {"max_seq_length": hparams["max_seq_length"]},
    }
    network = build_objective(config_lib.from_dict(PretrainConfig, values))
    _load(network, folder, electra_name)
    return network


def _albert(folder):
    raw = json.loads((folder / "albert_config.json").read_text())
    fields = config_lib.EncoderConfig.__dataclass_fields__
    values = {
        "model": {
            **{key: value for key, value in raw.items() if key in fields},
            **NO_DROPOUT,
            "hidden_act": "gelu_tanh",
            "parameter_sharing": "all",
            "use_pooler": True,
        },
        "objective": {"name": "masked_lm", "sentence_objective": "sentence_order"},
        "data": {"max_seq_length": 8, "example_format": "sentence_order"},
    }
    network = build_objective(config_lib.from_dict(PretrainConfig, values))
    _load(network, folder, lambda path: albert_name(path, raw["inner_group_num"]))
    return network


def _features(data):
    features = {name[3:]: data[name] for name in data.files if name.startswith("in_")}
    features.setdefault("masked_input_ids", features["input_ids"])
    return {name: tf.constant(value) for name, value in features.items()}


def _assert_close(got, expected, tolerance=ACTIVATION_TOLERANCE):
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(got), expected, rtol=0, atol=tolerance
    )


def test_electra_forward(golden):
    folder = golden / "electra_pretrain"
    data = np.load(folder / "forward.npz")
    network, features = _electra(folder), _features(data)

    generated = network.generator(
        {**features, "input_ids": features["masked_input_ids"]}
    )
    _assert_close(generated["sequence_output"], data["out_gen_sequence_output"])
    outputs = network(features)
    _assert_close(outputs["masked_lm_logits"], data["out_mlm_logits"], 5e-5)
    np.testing.assert_array_equal(
        outputs["corrupted_input_ids"], data["out_corrupted_input_ids"]
    )
    np.testing.assert_array_equal(outputs["replaced_labels"], data["out_disc_labels"])
    encoded = network.discriminator(
        {**features, "input_ids": outputs["corrupted_input_ids"]}
    )
    _assert_close(encoded["sequence_output"], data["out_disc_sequence_output"])
    _assert_close(outputs["replaced_logits"], data["out_disc_logits"])

    losses = network.losses(features)
    for name, expected in (
        ("masked_lm", data["out_mlm_loss"]),
        ("replaced_token", data["out_disc_loss"]),
    ):
        total, weight = losses[name]
        loss = total / (weight + network.loss_terms[name].epsilon)
        np.testing.assert_allclose(loss, expected, rtol=LOSS_TOLERANCE)
    np.testing.assert_allclose(
        network.total_loss(losses), data["out_total_loss"], rtol=LOSS_TOLERANCE
    )


@pytest.mark.parametrize("name", ["albert_pretrain_g1", "albert_pretrain_g2i2"])
def test_albert_forward(golden, name):
    data = np.load(golden / name / "forward.npz")
    network, features = _albert(golden / name), _features(data)
    encoded = network.encoder(features)
    _assert_close(encoded["sequence_output"], data["out_sequence_output"])
    _assert_close(encoded["pooled_output"], data["out_pooled_output"])
    outputs = network(features)
    _assert_close(outputs["masked_lm_logits"], data["out_mlm_logits"], 5e-5)
    _assert_close(outputs["sentence_logits"], data["out_sop_logits"])
    losses = network.losses(features)
    total, weight = losses["masked_lm"]
    epsilon = network.loss_terms["masked_lm"].epsilon
    np.testing.assert_allclose(
        total / (weight + epsilon), data["out_mlm_loss"], rtol=LOSS_TOLERANCE
    )
    total, weight = losses["sentence_order"]
    np.testing.assert_allclose(
        total / weight, data["out_sop_loss"], rtol=LOSS_TOLERANCE
    )
    np.testing.assert_allclose(
        network.total_loss(losses), data["out_total_loss"], rtol=LOSS_TOLERANCE
    )


@pytest.mark.parametrize(
    "name", ["electra_pretrain", "albert_pretrain_g1", "albert_pretrain_g2i2"]
)
def test_train_step(golden, name):
    """Gradients, and one update from the checkpoint with its optimizer slots."""
    folder = golden / name
    step = json.loads((folder / "train_step.json").read_text())
    features = _features(np.load(folder / "forward.npz"))
    if name == "electra_pretrain":
        network, name_of = _electra(folder), electra_name
    else:
        network = _albert(folder)
        inner = network.config.model.inner_group_num

        def name_of(path):
            return albert_name(path, inner)

    trainer = Trainer(network)
    rate = step["learning_rate_used"]
    settings = step["optimizer"]
    optimizer = (LAMB if settings.get("name") == "lamb" else AdamW)(
        rate, weight_decay=settings["weight_decay_rate"]
    )
    trainer.compile(optimizer=optimizer)
    reader = _checkpoint(folder)

    def reference(variable, suffix=""):
        value = reader.get_tensor(name_of(variable.path) + suffix)
        is_transposed = name_of(variable.path).endswith("output_weights")
        return value.T if is_transposed else value

    for variable in network.trainable_variables:
        index = optimizer._get_variable_index(variable)
        optimizer._m[index].assign(reference(variable, "/adam_m"))
        optimizer._v[index].assign(reference(variable, "/adam_v"))

    weights = network.loss_weights(features)
    shares = {
        key: term.coefficient / (weights[key] + term.epsilon)
        for key, term in network.loss_terms.items()
    }
    gradients, _ = trainer._gradients(features, shares)
    before = {v.path: v.numpy() for v in network.trainable_variables}
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        expected = step["gradients"][name_of(variable.path)]
        gradient = gradient.numpy()
        if name_of(variable.path).endswith("output_weights"):
            gradient = gradient.T
        first = np.ravel(gradient)[: len(expected["first"])]
        # The key biases' true gradient is 0: what is left there is rounding.
        scale = max(expected["l2"], 1e-2)
        assert abs(np.linalg.norm(gradient) - expected["l2"]) < 1e-4 * scale
        np.testing.assert_allclose(first, expected["first"], atol=1e-4 * scale)

    norm, _ = optimizer.clip_and_apply(gradients, network.trainable_variables)
    # Not `gradient_global_norm`: in the ALBERT sets that figure is up to 0.15 % off
    # the norm of the set's own gradients.
    expected = np.sqrt(sum(g["l2"] ** 2 for g in step["gradients"].values()))
    np.testing.assert_allclose(norm, expected, rtol=1e-5)
    for variable in network.trainable_variables:
        expected = step["after_step"][name_of(variable.path)]
        after = variable.numpy()
        change = np.linalg.norm(after - before[variable.path])
        np.testing.assert_allclose(change, expected["delta_l2"], rtol=1e-3, atol=1e-6)
        if name_of(variable.path).endswith("output_weights"):
            after = after.T
        first = np.ravel(after)[: len(expected["first"])]
        np.testing.assert_allclose(first, expected["first"], rtol=0, atol=2e-5)
    losses = network.losses(features)
    np.testing.assert_allclose(
        network.total_loss(losses), step["losses_after_step"]["total_loss"], rtol=1e-4
    )


def test_schedule_of_train_step(golden):
    step = json.loads((golden / "electra_pretrain" / "train_step.json").read_text())
    settings = step["optimizer"]
    schedule = ElectraSchedule(
        settings["learning_rate"], settings["num_train_steps"], settings["warmup_steps"]
    )
    rate = schedule(step["global_step_before"])
    np.testing.assert_allclose(rate, step["learning_rate_used"], rtol=1e-6)
