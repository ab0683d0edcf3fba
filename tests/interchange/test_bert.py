"""BERT of every format: what it computes, against transformers and keras-hub."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from support.tiny import random_features, tiny_config
from support.weights import assert_same, random_pretrained
from tf_pretrain.interchange import formats, loading
from tf_pretrain.interchange.huggingface import folder as huggingface
from tf_pretrain.interchange.keras_hub import presets
from tf_pretrain.interchange.pretrained import InterchangeError
from tf_pretrain.interchange.tf1 import checkpoint as tf1
from tf_pretrain.training.optimizers import AdamW
from tf_pretrain.training.trainer import Trainer

TOLERANCE = 2e-5
HEADS = ("masked_lm_head", "sentence_head")


def bert_config(sentence="next_sentence", **model):
    sizes = {"embedding_size": 16, "projection_initializer": "truncated_normal"}
    return tiny_config("masked_lm", sentence, model=sizes | model)


def heads_of(paths):
    return {path.split("/")[0] for path in paths}


def features_of(config):
    features = random_features(config)
    return features | {"masked_input_ids": features["input_ids"]}


def close(got, expected):
    np.testing.assert_allclose(np.array(got), np.array(expected), 0, TOLERANCE)


@pytest.mark.parametrize(
    ("name", "missing", "unused", "objective"),
    [
        ("BertForPreTraining", set(), [], "next_sentence"),
        ("BertModel", set(HEADS), [], "next_sentence"),
        ("BertForMaskedLM", set(), [], "none"),
        ("BertForNextSentencePrediction", {HEADS[0]}, [], "next_sentence"),
        (
            "BertForSequenceClassification",
            set(HEADS),
            ["classifier.bias", "classifier.weight"],
            "next_sentence",
        ),
    ],
)
@pytest.mark.parametrize("act", ["gelu", "gelu_new"])
def test_saved_by_transformers(name, missing, unused, objective, act, tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    model = getattr(transformers, name)(
        transformers.BertConfig(
            vocab_size=50,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=24,
            hidden_act=act,
        )
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.2)
    model.save_pretrained(tmp_path / "theirs")
    assert formats.recognize(tmp_path / "theirs") == "huggingface"
    pretrained = huggingface.read(tmp_path / "theirs")
    assert heads_of(pretrained.missing()) == missing
    assert pretrained.unused == unused
    assert pretrained.config.objective.sentence_objective == objective

    network = pretrained.build(initialize_missing=True)
    features = features_of(pretrained.config)
    names = {
        "input_ids": "input_ids",
        "attention_mask": "input_mask",
        "token_type_ids": "segment_ids",
    }
    batch = {theirs: torch.tensor(features[ours]) for theirs, ours in names.items()}
    with torch.no_grad():
        expected = model(**batch, output_hidden_states=True)
    encoded, outputs = network.encoder(features), network(features)
    close(encoded["sequence_output"], expected.hidden_states[-1])
    if name == "BertModel":
        close(encoded["pooled_output"], expected.pooler_output)
    if name in ("BertForPreTraining", "BertForMaskedLM"):
        logits = expected.get("prediction_logits", expected.get("logits")).numpy()
        positions = features["masked_lm_positions"][:, :, None]
        close(outputs["masked_lm_logits"], np.take_along_axis(logits, positions, 1))
    if name == "BertForPreTraining":
        close(outputs["sentence_logits"], expected.seq_relationship_logits)
    if name == "BertForNextSentencePrediction":
        close(outputs["sentence_logits"], expected.logits)


@pytest.mark.parametrize(
    ("sentence", "keep", "name"),
    [
        ("next_sentence", lambda path: True, "BertForPreTraining"),
        ("none", lambda path: True, "BertForMaskedLM"),
        ("next_sentence", lambda path: path.startswith("encoder/"), "BertModel"),
    ],
)
def test_written_for_transformers(sentence, keep, name, tmp_path, caplog):
    transformers = pytest.importorskip("transformers")
    pretrained = random_pretrained(bert_config(sentence), keep=keep)
    huggingface.write(pretrained, tmp_path)
    logging.getLogger("transformers").addHandler(caplog.handler)
    cls = getattr(transformers, name)
    model, info = cls.from_pretrained(tmp_path, output_loading_info=True)
    logging.getLogger("transformers").removeHandler(caplog.handler)
    assert not any(info.values()), info
    assert model.config.architectures == [name] and model.config.model_type == "bert"
    again = huggingface.read(tmp_path)
    assert again.config.model == pretrained.config.model
    assert_same(again.weights, pretrained.weights)


@pytest.mark.parametrize("has_heads", [False, True])
def test_original_checkpoint(has_heads, tmp_path):
    """With the names of google-research/bert, spelled out here."""
    pretrained = random_pretrained(
        bert_config(), keep=lambda path: has_heads or path.startswith("encoder/")
    )
    original = {
        "encoder/embeddings/word_embeddings": "bert/embeddings/word_embeddings",
        "encoder/embeddings/position_embeddings": "bert/embeddings/position_embeddings",
        "encoder/embeddings/token_type_embeddings": (
            "bert/embeddings/token_type_embeddings"
        ),
        "encoder/embeddings/layer_norm/gamma": "bert/embeddings/LayerNorm/gamma",
        "encoder/embeddings/layer_norm/beta": "bert/embeddings/LayerNorm/beta",
        "encoder/pooler/kernel": "bert/pooler/dense/kernel",
        "encoder/pooler/bias": "bert/pooler/dense/bias",
    }
    for i in range(2):
        start = f"bert/encoder/layer_{i}"
        for ours, theirs in (
            ("attention_{}/query", "attention/self/query"),
            ("attention_{}/key", "attention/self/key"),
            ("attention_{}/value", "attention/self/value"),
            ("attention_{}/output", "attention/output/dense"),
            ("attention_{}/layer_norm", "attention/output/LayerNorm"),
            ("feed_forward_{}/intermediate", "intermediate/dense"),
            ("feed_forward_{}/output", "output/dense"),
            ("feed_forward_{}/layer_norm", "output/LayerNorm"),
        ):
            is_norm = ours.endswith("layer_norm")
            for name in ("gamma", "beta") if is_norm else ("kernel", "bias"):
                path = f"encoder/{ours.format(i)}/{name}"
                original[path] = f"{start}/{theirs}/{name}"
    if has_heads:
        transform = "cls/predictions/transform"
        original |= {
            "masked_lm_head/dense/kernel": f"{transform}/dense/kernel",
            "masked_lm_head/dense/bias": f"{transform}/dense/bias",
            "masked_lm_head/layer_norm/gamma": f"{transform}/LayerNorm/gamma",
            "masked_lm_head/layer_norm/beta": f"{transform}/LayerNorm/beta",
            "masked_lm_head/output_bias": "cls/predictions/output_bias",
            "sentence_head/dense/kernel": "cls/seq_relationship/output_weights",
            "sentence_head/dense/bias": "cls/seq_relationship/output_bias",
        }
    tf1.write(pretrained, tmp_path)
    reader = tf.train.load_checkpoint(str(tmp_path / "model.ckpt-0"))
    assert set(reader.get_variable_to_shape_map()) == {
        *original.values(),
        "global_step",
    }
    for ours, theirs in original.items():
        value, expected = reader.get_tensor(theirs), pretrained.weights[ours]
        is_turned = theirs == "cls/seq_relationship/output_weights"  # [2, H]
        np.testing.assert_array_equal(value, expected.T if is_turned else expected)
    assert (tmp_path / "bert_config.json").is_file()
    again = formats.read(tmp_path)
    assert again.config.model == pretrained.config.model
    assert again.config.objective.sentence_objective == "next_sentence"
    assert heads_of(again.missing()) == (set() if has_heads else set(HEADS))
    assert_same(again.weights, pretrained.weights)
    (tmp_path / "bert_config.json").unlink()
    with pytest.raises(InterchangeError, match="needs its bert_config.json beside it"):
        formats.read(tmp_path)


def test_the_optimizer_comes_along(tmp_path):
    pretrained = random_pretrained(bert_config(), moments=True)
    tf1.write(pretrained, tmp_path)
    again = formats.read(tmp_path)
    for key in ("m", "v"):
        assert_same(again.moments[key], pretrained.moments[key])
    trainer = Trainer(again.build())
    trainer.compile(optimizer=AdamW(1e-4))
    assert loading.initialize(trainer, again, again.config, False, True) == 7
    index = trainer.optimizer._get_variable_index(trainer.network.encoder.pooler.kernel)
    np.testing.assert_array_equal(
        trainer.optimizer._m[index], pretrained.moments["m"]["encoder/pooler/kernel"]
    )


def test_all_the_way_round_is_bit_identical(tmp_path):
    pretrained = random_pretrained(bert_config())
    (tmp_path / "0").mkdir()
    tf1.write(pretrained, tmp_path / "0")
    for i, to in enumerate(("keras", "huggingface", "keras", "tf1")):
        formats.convert(tmp_path / str(i), tmp_path / str(i + 1), to)
    before, after = (
        {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
        for reader in (
            tf.train.load_checkpoint(str(tmp_path / i / "model.ckpt-0")) for i in "04"
        )
    )
    assert_same(after, before)


def test_keras_hub(tmp_path):
    """A backbone of keras-hub is read, and one that is written is the same again."""
    import keras_hub

    backbone = keras_hub.models.BertBackbone(50, 2, 2, 16, 32, max_sequence_length=24)
    rng = np.random.default_rng(0)
    for variable in backbone.weights:
        variable.assign(variable + rng.normal(0, 0.2, variable.shape))
    backbone.save_to_preset(str(tmp_path / "theirs"))
    pretrained = formats.read(tmp_path / "theirs")
    assert pretrained.unused == [] and heads_of(pretrained.missing()) == set(HEADS)
    features = random_features(pretrained.config)
    theirs = backbone(
        {
            "token_ids": features["input_ids"],
            "segment_ids": features["segment_ids"],
            "padding_mask": features["input_mask"],
        }
    )
    encoder = loading.load_encoder(tmp_path / "theirs")
    ours = encoder(features)
    close(ours["sequence_output"], theirs["sequence_output"])
    close(ours["pooled_output"], theirs["pooled_output"])

    (tmp_path / "ours").mkdir()
    notes = presets.write(pretrained, tmp_path / "ours")
    assert notes == []
    again = keras_hub.models.Backbone.from_preset(str(tmp_path / "ours"))
    assert type(again) is keras_hub.models.BertBackbone
    for a, b in zip(again.weights, backbone.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("model", "message"),
    [({"hidden_act": "gelu"}, "its hidden_act is 'gelu', not 'gelu_tanh'")],
)
def test_what_the_original_program_cannot_hold(model, message, tmp_path):
    with pytest.raises(InterchangeError, match=message):
        tf1.write(random_pretrained(bert_config(**model)), tmp_path)
