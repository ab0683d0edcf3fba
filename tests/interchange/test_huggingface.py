"""Folders of Hugging Face's classes: what they compute, against transformers."""

import json
import logging

import numpy as np
import pytest

from support.lazy import Library
from support.tiny import random_features, tiny_config
from tf_pretrain.interchange.formats import recognize
from tf_pretrain.interchange.huggingface import folder as huggingface
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    variable_shapes,
)
from tf_pretrain.interchange.tf1 import checkpoint as tf1

torch, transformers = Library("torch"), Library("transformers")

TOLERANCE = 2e-5
GROUPS = {
    "parameter_sharing": "all",
    "num_hidden_layers": 4,
    "num_hidden_groups": 2,
    "inner_group_num": 2,
}
SHARED = {"parameter_sharing": "all"}
WIDE = {"embedding_size": 16}  # E = H


def albert_config(sentence="sentence_order", **model):
    return tiny_config("masked_lm", sentence, model=model)


def random_pretrained(config, seed=0):
    """Noise in every tensor, LayerNorm and biases included."""
    rng = np.random.default_rng(seed)
    weights = {
        path: rng.normal(path.endswith("/gamma"), 0.2, shape).astype(np.float32)
        for path, shape in variable_shapes(config).items()
    }
    return Pretrained(config, weights, "noise")


def load(cls, folder, caplog):
    """A transformers model; fails on any warning or difference in names."""
    # Its loggers do not pass on to the root's, where caplog listens.
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        model, info = cls.from_pretrained(folder, output_loading_info=True)
    finally:
        logger.removeHandler(caplog.handler)
    assert not any(info.values()), info
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    return model.eval()


def run(model, features, ids="input_ids"):
    names = {
        "input_ids": ids,
        "attention_mask": "input_mask",
        "token_type_ids": "segment_ids",
    }
    batch = {theirs: torch.tensor(features[ours]) for theirs, ours in names.items()}
    with torch.no_grad():
        return model(**batch, output_hidden_states=True)


def at(logits, positions):
    """Rows of torch [B, S, V] at positions [B, P]."""
    return np.take_along_axis(logits.numpy(), positions[:, :, None], 1)


def assert_close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE)


def assert_same(got, expected):
    """Bit for bit."""
    assert set(got) == set(expected)
    for path, value in expected.items():
        np.testing.assert_array_equal(got[path], value, err_msg=path)


def noisy(model, seed=1):
    """Fills a transformers model with noise; LayerNorm's weights stay around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.2
            parameter.copy_(noise + (parameter.mean() > 0.5))
    return model.eval()


def check_electra(network, features, discriminator, generator):
    outputs = network(features)
    theirs = run(discriminator, features | _corrupted(outputs))
    assert_close(outputs["replaced_logits"], theirs.logits)
    encoded = network.discriminator(features | _corrupted(outputs))
    assert_close(encoded["sequence_output"], theirs.hidden_states[-1])
    theirs = run(generator, features, "masked_input_ids").logits
    assert_close(
        outputs["masked_lm_logits"], at(theirs, features["masked_lm_positions"])
    )


def _corrupted(outputs):
    return {"input_ids": np.array(outputs["corrupted_input_ids"])}


def check_albert(network, features, model):
    outputs = network(features)
    theirs = run(model, features, "masked_input_ids")
    masked = features | {"input_ids": features["masked_input_ids"]}
    encoded = network.encoder(masked)
    assert_close(encoded["sequence_output"], theirs.hidden_states[-1])
    assert_close(
        outputs["masked_lm_logits"],
        at(theirs.prediction_logits, features["masked_lm_positions"]),
    )
    assert_close(outputs["sentence_logits"], theirs.sop_logits)


ELECTRAS = {
    "projected": tiny_config(),
    "wide": tiny_config(model=WIDE),
    "untied": tiny_config(objective={"weight_tying": "none"}),
    "one network": tiny_config(
        objective={
            "weight_tying": "all",
            "generator_hidden_size": 1.0,
            "generator_layers": 1.0,
        }
    ),
}
ALBERTS = {
    "shared": albert_config(**SHARED),
    "wide": albert_config(**SHARED, **WIDE),
    "groups": albert_config(**GROUPS),
    "relu": albert_config(**SHARED, hidden_act="relu"),
    "own layers": albert_config(hidden_act="gelu"),
}


@pytest.mark.parametrize("name", ELECTRAS)
def test_electra_written(name, tmp_path, caplog):
    config = ELECTRAS[name]
    pretrained = random_pretrained(config)
    huggingface.write(pretrained, tmp_path)
    check_electra(
        pretrained.build(),
        random_features(config),
        load(transformers.ElectraForPreTraining, tmp_path, caplog),
        load(transformers.ElectraForMaskedLM, tmp_path / "generator", caplog),
    )
    assert recognize(tmp_path) == "huggingface"
    again = huggingface.read(tmp_path)
    assert_same(again.weights, pretrained.weights)
    assert again.config.objective == config.objective
    assert again.config.model == config.model
    assert not again.missing() and not again.unused and not again.notes


@pytest.mark.parametrize("name", ALBERTS)
def test_albert_written(name, tmp_path, caplog):
    config = ALBERTS[name]
    pretrained = random_pretrained(config)
    huggingface.write(pretrained, tmp_path)
    network, features = pretrained.build(), random_features(config)
    model = load(transformers.AlbertForPreTraining, tmp_path, caplog)
    check_albert(network, features, model)
    theirs = run(model.albert, features, "masked_input_ids").pooler_output
    masked = features | {"input_ids": features["masked_input_ids"]}
    assert_close(network.encoder(masked)["pooled_output"], theirs)
    again = huggingface.read(tmp_path)
    assert_same(again.weights, pretrained.weights)
    assert not again.missing() and not again.unused and not again.notes


@pytest.mark.parametrize(
    ("model", "cls"),
    [
        ({"hidden_act": "gelu"}, "ElectraForMaskedLM"),
        ({"hidden_act": "gelu_tanh"}, "AlbertForMaskedLM"),
        ({"hidden_act": "gelu", **GROUPS}, "AlbertForMaskedLM"),
    ],
)
def test_masked_lm_without_pooler(model, cls, tmp_path, caplog):
    config = tiny_config("masked_lm", model=model)
    pretrained, features = random_pretrained(config), random_features(config)
    huggingface.write(pretrained, tmp_path)
    theirs = load(getattr(transformers, cls), tmp_path, caplog)
    assert_close(
        pretrained.build()(features)["masked_lm_logits"],
        at(
            run(theirs, features, "masked_input_ids").logits,
            features["masked_lm_positions"],
        ),
    )
    assert_same(huggingface.read(tmp_path).weights, pretrained.weights)


def test_pooler_without_sentence_head(tmp_path):
    """As the released albert-base-v2: the file holds more than its class takes."""
    config = tiny_config("masked_lm", model={**SHARED, "use_pooler": True})
    pretrained = random_pretrained(config)
    huggingface.write(pretrained, tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["architectures"] == ["AlbertForMaskedLM"]
    again = huggingface.read(tmp_path)
    assert_same(again.weights, pretrained.weights)
    assert again.config.objective.sentence_objective == "none"


@pytest.mark.parametrize(
    ("config", "cls"),
    [(tiny_config(), "ElectraModel"), (albert_config(**SHARED), "AlbertModel")],
)
def test_encoder_without_heads(config, cls, tmp_path, caplog):
    pretrained = random_pretrained(config)
    for path in list(pretrained.weights):
        if not path.startswith(("encoder/", "discriminator/")):
            del pretrained.weights[path]
    huggingface.write(pretrained, tmp_path)
    assert not (tmp_path / "generator").exists()
    features = random_features(config)
    theirs = run(load(getattr(transformers, cls), tmp_path, caplog), features)
    again = huggingface.read(tmp_path)
    assert_same(again.weights, pretrained.weights)
    encoder = again.build(initialize_missing=True).encoder
    assert_close(encoder(features)["sequence_output"], theirs.last_hidden_state)


SIZES = {
    "vocab_size": 50,
    "embedding_size": 8,
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
}


def theirs(name, **config):
    """A transformers model full of noise."""
    family = "Electra" if name.startswith("Electra") else "Albert"
    config_class = getattr(transformers, f"{family}Config")
    return noisy(getattr(transformers, name)(config_class(**SIZES | config)))


@pytest.mark.parametrize(
    ("name", "config", "missing", "unused"),
    [
        ("ElectraForPreTraining", {"hidden_act": "gelu_new"}, {"generator"}, []),
        ("ElectraForMaskedLM", {}, set(), []),
        ("ElectraModel", {"embedding_size": 16}, {"generator"}, []),
        (
            "ElectraForTokenClassification",
            {},
            {"generator"},
            ["classifier.bias", "classifier.weight"],
        ),
        ("AlbertForPreTraining", {"num_hidden_groups": 2}, set(), []),
        ("AlbertForMaskedLM", {"inner_group_num": 2}, set(), []),
        ("AlbertModel", {"hidden_act": "relu"}, {"masked_lm_head"}, []),
        (
            "AlbertForSequenceClassification",
            {},
            {"masked_lm_head"},
            ["classifier.bias", "classifier.weight"],
        ),
    ],
)
def test_saved_by_transformers(name, config, missing, unused, tmp_path):
    model = theirs(name, **config)
    model.save_pretrained(tmp_path)
    assert recognize(tmp_path) == "huggingface"
    pretrained = huggingface.read(tmp_path)
    assert {p.split("/")[0] for p in pretrained.missing()} >= missing
    assert bool(pretrained.missing()) == bool(missing)
    assert pretrained.unused == unused

    network = pretrained.build(initialize_missing=True)
    features = random_features(pretrained.config)
    features = {k: v for k, v in features.items() if k != "sampling_uniform"}
    features["masked_input_ids"] = features["input_ids"]
    features["sampled_ids"] = features["masked_lm_ids"]  # nothing is replaced
    expected = run(model, features)
    got = network.encoder(features)
    assert_close(got["sequence_output"], expected.hidden_states[-1])
    if name == "AlbertModel":
        assert_close(got["pooled_output"], expected.pooler_output)
    outputs = network(features)
    if name == "ElectraForPreTraining":
        assert_close(outputs["replaced_logits"], expected.logits)
    if name == "AlbertForPreTraining":
        assert_close(outputs["sentence_logits"], expected.sop_logits)
        expected["logits"] = expected.prediction_logits
    if "masked_lm_head" not in missing and "logits" in expected and not unused:
        if name != "ElectraForPreTraining":
            logits = at(expected["logits"], features["masked_lm_positions"])
            assert_close(outputs["masked_lm_logits"], logits)


def test_saved_again_by_transformers_the_tensors_are_the_same(tmp_path):
    """What transformers wrote comes back from us bit for bit."""
    model = theirs("AlbertForPreTraining", num_hidden_groups=2)
    model.save_pretrained(tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    huggingface.write(huggingface.read(tmp_path / "theirs"), tmp_path / "ours")
    again = transformers.AlbertForPreTraining.from_pretrained(tmp_path / "ours")
    expected = model.state_dict()
    for key, value in again.state_dict().items():
        assert torch.equal(value, expected[key]), key
    for key in ("num_hidden_groups", "hidden_act", "num_attention_heads"):
        assert getattr(again.config, key) == getattr(model.config, key)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (albert_config(parameter_sharing="attention"), "no class shares attention"),
        (tiny_config("masked_lm", "next_sentence"), "no class .* next-sentence head"),
        (tiny_config(model=SHARED), "ELECTRA classes have no shared layers"),
        (tiny_config(sentence="sentence_order"), "ELECTRA classes have no .*sentence"),
        (tiny_config(model={"hidden_act": "relu"}), "masked-LM head .* exact GELU"),
        (
            albert_config(**SHARED, num_hidden_layers=18, num_hidden_groups=14),
            "14 groups over 18 layers: .* layer 9",
        ),
    ],
)
def test_what_no_class_can_hold(config, message, tmp_path):
    with pytest.raises(InterchangeError, match=message):
        huggingface.write(random_pretrained(config), tmp_path)


def test_half_of_a_head_is_not_written(tmp_path):
    pretrained = random_pretrained(albert_config(**SHARED))
    del pretrained.weights["sentence_head/dense/bias"]
    with pytest.raises(InterchangeError, match="lacks 1 .sentence_head/dense/bias"):
        huggingface.write(pretrained, tmp_path)


def golden_batch(data, ids):
    return {
        "input_ids": data[ids],
        "input_mask": data["in_input_mask"],
        "segment_ids": data["in_segment_ids"],
    }


def test_golden_electra_in_transformers(golden, tmp_path, caplog):
    """The original program's checkpoint and numbers, by way of this project."""
    folder = golden / "electra_pretrain"
    data = np.load(folder / "forward.npz")
    pretrained = tf1.read(folder)
    huggingface.write(pretrained, tmp_path)
    generator = load(transformers.ElectraForMaskedLM, tmp_path / "generator", caplog)
    got = run(generator, golden_batch(data, "in_masked_input_ids"))
    assert_close(got.hidden_states[-1], data["out_gen_sequence_output"])
    assert_close(at(got.logits, data["in_masked_lm_positions"]), data["out_mlm_logits"])
    discriminator = load(transformers.ElectraForPreTraining, tmp_path, caplog)
    got = run(discriminator, golden_batch(data, "out_corrupted_input_ids"))
    assert_close(got.hidden_states[-1], data["out_disc_sequence_output"])
    assert_close(got.logits, data["out_disc_logits"])
    assert_same(huggingface.read(tmp_path).weights, pretrained.weights)


@pytest.mark.parametrize("name", ["albert_pretrain_g1", "albert_pretrain_g2i2"])
def test_golden_albert_in_transformers(name, golden, tmp_path, caplog):
    data = np.load(golden / name / "forward.npz")
    pretrained = tf1.read(golden / name)
    huggingface.write(pretrained, tmp_path)
    model = load(transformers.AlbertForPreTraining, tmp_path, caplog)
    got = run(model, golden_batch(data, "in_input_ids"))
    assert_close(got.hidden_states[-1], data["out_sequence_output"])
    assert_close(got.sop_logits, data["out_sop_logits"])
    logits = at(got.prediction_logits, data["in_masked_lm_positions"])
    assert_close(logits, data["out_mlm_logits"])
    assert_same(huggingface.read(tmp_path).weights, pretrained.weights)
