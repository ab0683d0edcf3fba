"""keras-hub presets: its backbones and ours give the same numbers, both ways."""

import json
import shutil

import numpy as np
import pytest

from support.lazy import Library
from support.tiny import random_features, tiny_config
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.interchange.formats import recognize
from tf_pretrain.interchange.keras_hub import names as keras_hub_names
from tf_pretrain.interchange.keras_hub import presets as keras_hub_presets
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    variable_shapes,
)

keras_hub = Library("keras_hub")

SIZES = {
    "num_layers": 4,
    "num_heads": 2,
    "hidden_dim": 16,
    "embedding_dim": 8,
    "intermediate_dim": 32,
    "max_sequence_length": 24,
}
ALBERT = {"parameter_sharing": "all", "num_hidden_layers": 4, "use_pooler": True}
GROUPS = {**ALBERT, "num_hidden_groups": 2, "inner_group_num": 2}
TANH = {"hidden_act": "gelu_tanh"}


def _fill(backbone, seed=0):
    """Noise in every variable, so that none is left at its initial value."""
    rng = np.random.default_rng(seed)
    for variable in backbone.weights:
        noise = 0.2 * rng.standard_normal(variable.shape)
        variable.assign(noise + ("gamma" in variable.path))
    return backbone


def _electra(folder, **sizes):
    cls = keras_hub.models.ElectraBackbone
    backbone = _fill(cls(vocab_size=50, **(SIZES | sizes), dtype="float32"))
    backbone.save_to_preset(str(folder))
    return backbone


def _albert(folder, **sizes):
    cls = keras_hub.models.AlbertBackbone
    backbone = _fill(cls(vocabulary_size=50, **(SIZES | sizes), dtype="float32"))
    backbone.save_to_preset(str(folder))
    return backbone


def _random(config, seed=0):
    """A model with noise for weights."""
    rng = np.random.default_rng(seed)
    weights = {
        path: (0.2 * rng.standard_normal(shape) + path.endswith("gamma")).astype("f")
        for path, shape in variable_shapes(config).items()
    }
    return Pretrained(config, weights, "a test's model")


def _albert_config(model=ALBERT, **fields):
    return tiny_config("masked_lm", "sentence_order", model={**model, **fields})


def _outputs(backbone, pretrained):
    """(keras-hub's outputs, ours) for the same padded batch."""
    features = random_features(tiny_config())
    assert features["input_mask"].min() == 0
    theirs = backbone(
        {
            "token_ids": features["input_ids"],
            "segment_ids": features["segment_ids"],
            "padding_mask": features["input_mask"],
        }
    )
    network = pretrained.build(initialize_missing=True)
    return theirs, network.encoder(features)


def _assert_close(theirs, ours, names=("sequence_output",)):
    for name in names:
        np.testing.assert_allclose(
            np.array(ours[name]), np.array(theirs[name]), atol=2e-5, err_msg=name
        )


@pytest.mark.parametrize("embedding_dim", [8, 16])
def test_electra_is_read(tmp_path, embedding_dim):
    backbone = _electra(tmp_path, embedding_dim=embedding_dim)
    pretrained = keras_hub_presets.read(tmp_path)
    _assert_close(*_outputs(backbone, pretrained))
    assert pretrained.is_replaced_token_detection
    assert pretrained.unused == ["pooled_dense/kernel", "pooled_dense/bias"]
    missing = {path.split("/")[0] for path in pretrained.missing()}
    assert missing == {"generator", "masked_lm_head", "replaced_token_head"}
    model = pretrained.config.model
    assert model.embedding_size == embedding_dim and model.vocab_size == 50
    assert model.hidden_dropout_prob == model.attention_probs_dropout_prob == 0.1


@pytest.mark.parametrize(
    "sizes", [{}, {"num_groups": 2, "num_inner_repetitions": 2}, {"dropout": 0.1}]
)
def test_albert_is_read(tmp_path, sizes):
    backbone = _albert(tmp_path, **sizes)
    pretrained = keras_hub_presets.read(tmp_path)
    _assert_close(*_outputs(backbone, pretrained), ("sequence_output", "pooled_output"))
    assert not pretrained.unused
    missing = {path.split("/")[0] for path in pretrained.missing()}
    assert missing == {"masked_lm_head", "sentence_head"}
    assert pretrained.config.model.hidden_dropout_prob == sizes.get("dropout", 0.0)


@pytest.mark.integration
@pytest.mark.parametrize(
    "config",
    [
        tiny_config(model=TANH),
        tiny_config(model={**TANH, "embedding_size": 16}),
        tiny_config("masked_lm", "sentence_order", model=TANH),
        _albert_config(),
        _albert_config(GROUPS),
        _albert_config(embedding_size=16),
        tiny_config(model={**TANH, **GROUPS, "use_pooler": False}),
    ],
    ids=[
        "electra",
        "electra-E=H",
        "bert",
        "albert",
        "2x2",
        "albert-E=H",
        "electra-2x2",
    ],
)
def test_round_trip(tmp_path, config):
    """Weights and config come back bit for bit; keras-hub computes the same."""
    pretrained = _random(config)
    keras_hub_presets.write(pretrained, tmp_path)
    is_albert = config.model.parameter_sharing == "all"
    cls = getattr(
        keras_hub.models, "AlbertBackbone" if is_albert else "ElectraBackbone"
    )
    backbone = cls.from_preset(str(tmp_path))
    theirs, ours = _outputs(backbone, pretrained)
    _assert_close(theirs, ours, ours)
    if not config.model.use_pooler:
        first = np.array(ours["sequence_output"])[:, 0]
        pooled = np.array(theirs["pooled_output"])
        np.testing.assert_allclose(pooled, np.tanh(first), atol=2e-5)

    again = keras_hub_presets.read(tmp_path)
    assert again.config == config
    prefix = keras_hub_names.encoder_prefix(config)
    expected = {p: w for p, w in pretrained.weights.items() if p.startswith(prefix)}
    assert set(again.weights) == set(expected)
    for path, weight in expected.items():
        np.testing.assert_array_equal(again.weights[path], weight, err_msg=path)


def test_exact_gelu_is_noted(tmp_path):
    """What is written of ELECTRA differs in the GELU, by little, and says so."""
    pretrained = _random(tiny_config())
    notes = keras_hub_presets.write(pretrained, tmp_path)
    assert any("GELU" in note for note in notes)
    assert any("generator" in note for note in notes)
    backbone = keras_hub.models.ElectraBackbone.from_preset(str(tmp_path))
    theirs, ours = _outputs(backbone, pretrained)
    difference = np.array(theirs["sequence_output"]) - np.array(ours["sequence_output"])
    assert 2e-5 < np.abs(difference).max() < 5e-3
    assert keras_hub_presets.read(tmp_path).config.model.hidden_act == "gelu"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (tiny_config(model={"parameter_sharing": "attention"}), "share attention only"),
        (tiny_config(model={"hidden_act": "relu"}), "activation relu"),
        (tiny_config(model={"inner_group_num": 2}), "several blocks"),
        (_albert_config(num_hidden_layers=3, num_hidden_groups=2), "unequal size"),
    ],
)
def test_what_keras_hub_cannot_express(tmp_path, config, reason):
    with pytest.raises(InterchangeError, match=reason):
        keras_hub_presets.write(_random(config), tmp_path)
    assert not list(tmp_path.iterdir())


def test_generator_alone_is_refused(tmp_path):
    pretrained = _random(tiny_config())
    for path in list(pretrained.weights):
        if path.startswith("discriminator/attention"):
            del pretrained.weights[path]
    with pytest.raises(InterchangeError, match="lacks discriminator/attention_0"):
        keras_hub_presets.write(pretrained, tmp_path)


# What keras-hub's tokenizers do the same way: plain text in the vocabulary's case.
PLAIN = ["hello, world!", "the quick brown fox jumps.", "it's 3.5% (see p. 4)"]


def test_electra_tokenizer(tmp_path, golden):
    tokenizer = load_tokenizer(golden / "vocab" / "bert-base-uncased-vocab.txt")
    pretrained = _random(tiny_config())
    pretrained.tokenizer = tokenizer
    keras_hub_presets.write(pretrained, tmp_path)
    theirs = keras_hub.models.ElectraTokenizer.from_preset(str(tmp_path))
    again = keras_hub_presets.read(tmp_path).tokenizer
    assert again.fingerprint == tokenizer.fingerprint
    for line in [*PLAIN, "Café Society"]:
        expected = tokenizer.tokenize([line])[0]
        np.testing.assert_array_equal(theirs(line), expected)


def test_albert_tokenizer(tmp_path, golden):
    tokenizer = load_tokenizer(golden / "vocab" / "30k-clean.model", True, False)
    pretrained = _random(_albert_config())
    pretrained.tokenizer = tokenizer
    notes = keras_hub_presets.write(pretrained, tmp_path)
    assert any("lower-cases" in note for note in notes)
    theirs = keras_hub.models.AlbertTokenizer.from_preset(str(tmp_path))
    again = keras_hub_presets.read(tmp_path)
    assert again.tokenizer.fingerprint == tokenizer.fingerprint
    assert again.config.data.strip_accents is False
    for line in PLAIN:
        expected = tokenizer.tokenize([line])[0]
        np.testing.assert_array_equal(theirs(line), expected)


def test_foreign_tokenizers(tmp_path, golden):
    """Casing of a preset made with keras-hub."""
    vocabulary = golden / "vocab" / "bert-base-uncased-vocab.txt"
    _electra(tmp_path / "electra")
    pieces = vocabulary.read_text(encoding="utf-8").split("\n")[:-1]
    saved = keras_hub.models.ElectraTokenizer(pieces, lowercase=True)
    saved.save_to_preset(str(tmp_path / "electra"))
    tokenizer = keras_hub_presets.read(tmp_path / "electra").tokenizer
    assert tokenizer.lower_case and not tokenizer.strip_accents

    _albert(tmp_path / "albert")
    model = (golden / "vocab" / "30k-clean.model").read_bytes()
    saved = keras_hub.models.AlbertTokenizer(model)
    saved.save_to_preset(str(tmp_path / "albert"))
    pretrained = keras_hub_presets.read(tmp_path / "albert")
    assert pretrained.tokenizer.lower_case and pretrained.tokenizer.strip_accents
    assert any("lower-cased" in note for note in pretrained.notes)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preset")
    _electra(folder)
    return folder


def _damaged(preset, tmp_path, **changes):
    """A copy of the preset with changed entries of its config."""
    folder = tmp_path / "damaged"
    shutil.copytree(preset, folder)
    values = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        (values if key in values else values["config"])[key] = value
    (folder / "config.json").write_text(json.dumps(values))
    return folder


def test_recognizes(preset, tmp_path):
    assert recognize(preset) == "keras_hub"
    assert recognize(tmp_path) is None
    (tmp_path / "config.json").write_text('{"model_type": "electra"}')
    assert recognize(tmp_path) == "huggingface"


@pytest.mark.parametrize(
    "changes",
    [
        {"class_name": "GPT2Backbone", "registered_name": "keras_hub>GPT2Backbone"},
        {"class_name": "Lambda", "registered_name": "Lambda", "module": "keras.layers"},
        {"registered_name": "evil>ElectraBackbone"},
    ],
)
def test_other_classes_are_refused(preset, tmp_path, monkeypatch, changes):
    """Before anything is deserialised."""
    folder = _damaged(preset, tmp_path, **changes)
    assert recognize(folder) == "keras_hub"

    def forbidden(*args, **kwargs):
        raise AssertionError("deserialised")

    monkeypatch.setattr("keras.saving.deserialize_keras_object", forbidden)
    with pytest.raises(InterchangeError, match="config.json names the class"):
        keras_hub_presets.read(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_dim": {"class_name": "Lambda"}}, "hidden_dim is .*expected a number"),
        ({"num_layers": -1}, "num_layers is -1"),
        ({"activation": "relu"}, r"\['activation'\] are unknown or missing"),
        ({"num_heads": 3}, "num_attention_heads 3"),
        ({"num_layers": 3}, "holds 73 tensors, but .* has 57"),
        ({"num_layers": 5}, "model.weights.h5 cannot be read"),
        ({"intermediate_dim": 40}, "model.weights.h5 cannot .*40.*32"),
    ],
)
def test_configs_that_do_not_fit(preset, tmp_path, changes, message):
    with pytest.raises(InterchangeError, match=message):
        keras_hub_presets.read(_damaged(preset, tmp_path, **changes))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_weights(preset, tmp_path, share):
    folder = _damaged(preset, tmp_path)
    file = folder / "model.weights.h5"
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InterchangeError, match="damaged/model.weights.h5"):
        keras_hub_presets.read(folder)


def test_projection_that_is_no_identity(tmp_path):
    _albert(tmp_path, embedding_dim=16)
    with pytest.raises(InterchangeError, match="kernel is not that of an identity"):
        keras_hub_presets.read(tmp_path)


def test_settings_that_contradict(tmp_path):
    keras_hub_presets.write(_random(tiny_config()), tmp_path)
    settings = json.loads((tmp_path / "pretrain_config.json").read_text())
    settings["model"]["num_attention_heads"] = 4
    (tmp_path / "pretrain_config.json").write_text(json.dumps(settings))
    with pytest.raises(InterchangeError, match="num_heads is 2, but .* 4"):
        keras_hub_presets.read(tmp_path)
