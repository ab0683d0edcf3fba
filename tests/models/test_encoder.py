import keras
import numpy as np
import pytest
import tensorflow as tf

from support.tiny import random_features, tiny_config, with_dropout
from tf_pretrain.models import sizes
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder


def _encode(encoder, features, **kwargs):
    return encoder(features, **kwargs)["sequence_output"].numpy()


@pytest.mark.parametrize("sharing", ["none", "all", "attention", "ffn"])
@pytest.mark.parametrize("groups,inner", [(1, 1), (2, 1), (2, 2)])
def test_parameter_count_is_the_formula(sharing, groups, inner):
    config = tiny_config(
        model={
            "num_hidden_layers": 4,
            "parameter_sharing": sharing,
            "num_hidden_groups": groups,
            "inner_group_num": inner,
            "use_pooler": True,
        }
    ).model
    expected = sizes.parameter_counts(config)["total"]
    assert Encoder(config).count_params() == expected


@pytest.mark.parametrize("sharing", ["all", "attention", "ffn"])
def test_sharing_equals_unshared_layers_with_the_same_weights(sharing):
    sections = {"num_hidden_layers": 4, "num_hidden_groups": 2}
    shared = Encoder(
        tiny_config(model={**sections, "parameter_sharing": sharing}).model
    )
    plain = Encoder(tiny_config(model={"num_hidden_layers": 4}).model)
    for part, units in (
        ("attention", shared.attention),
        ("feed_forward", shared.feed_forward),
    ):
        for layer, unit in enumerate(getattr(plain, part)):
            # Layers 0, 1 are group 0 and layers 2, 3 group 1 where `part` is shared.
            index = layer // 2 if len(units) == 2 else layer
            unit.set_weights(units[index].get_weights())
    plain.embeddings.set_weights(shared.embeddings.get_weights())
    plain.embeddings_project.set_weights(shared.embeddings_project.get_weights())
    features = random_features(tiny_config())
    np.testing.assert_allclose(
        _encode(shared, features), _encode(plain, features), atol=1e-6
    )


def test_keras_saves_encoders_and_classifiers(tmp_path):
    config = tiny_config(model={"parameter_sharing": "ffn", "use_pooler": True})
    features = random_features(config)
    encoder = Encoder(config.model)
    encoder.save(tmp_path / "encoder.keras")
    again = keras.saving.load_model(tmp_path / "encoder.keras")
    assert again.config == config.model
    np.testing.assert_array_equal(_encode(again, features), _encode(encoder, features))
    classifier = Classifier(encoder, 3, head="pooled", loss_reduction="mean")
    classifier.save(tmp_path / "classifier.keras")
    again = keras.saving.load_model(tmp_path / "classifier.keras")
    np.testing.assert_array_equal(again(features), classifier(features))
    assert again.loss_terms == classifier.loss_terms


def test_padding_changes_no_output():
    config = tiny_config()
    encoder = Encoder(config.model)
    short = random_features(config, padded=False)
    longer = {
        name: np.pad(short[name], ((0, 0), (0, 6)))
        for name in ("input_ids", "input_mask", "segment_ids")
    }
    length = config.data.max_seq_length
    np.testing.assert_allclose(
        _encode(encoder, longer)[:, :length], _encode(encoder, short), atol=1e-6
    )


def test_defaults_are_one_segment_without_padding():
    config = tiny_config()
    encoder = Encoder(config.model)
    features = random_features(config, padded=False)
    ids = features["input_ids"]
    whole = {
        "input_ids": ids,
        "input_mask": np.ones_like(ids),
        "segment_ids": np.zeros_like(ids),
    }
    np.testing.assert_array_equal(
        _encode(encoder, {"input_ids": ids}), _encode(encoder, whole)
    )


def test_too_long_input_is_refused():
    encoder = Encoder(tiny_config().model)
    with pytest.raises(ValueError, match="length 25.*24 positions"):
        encoder({"input_ids": np.zeros((1, 25), np.int32)})


def test_dropout_only_in_training():
    config = with_dropout(tiny_config())
    encoder = Encoder(config.model)
    features = random_features(config)
    plain = _encode(encoder, features)
    np.testing.assert_array_equal(plain, _encode(encoder, features))
    dropped = _encode(encoder, features, training=True)
    assert np.abs(plain - dropped).max() > 0.1
    np.testing.assert_array_equal(dropped, _encode(encoder, features, training=True))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_close_to_float32(dtype):
    config = tiny_config()
    encoder = Encoder(config.model)
    mixed = Encoder(config.model, dtype=dtype)
    mixed.set_weights(encoder.get_weights())
    features = random_features(config)
    got = tf.cast(mixed(features)["sequence_output"], tf.float32)
    real = features["input_mask"] > 0
    expected = _encode(encoder, features)
    np.testing.assert_allclose(got.numpy()[real], expected[real], atol=0.1)
    assert np.abs(got.numpy() - expected)[real].max() > 1e-4  # not float32 again
    assert mixed.variables[0].dtype == "float32"
