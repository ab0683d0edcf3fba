"""Keras' fit, evaluate and predict on strings, against the parts they are made of."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from support.paths import VOCABULARIES
from support.tiny import cached_strategy
from tf_pretrain.config import EncoderConfig
from tf_pretrain.data.batches import untuned
from tf_pretrain.data.text_features import encode_pairs
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.tasks.text_classifier import TextClassifier
from tf_pretrain.training.optimizers import AdamW

VOCAB = VOCABULARIES / "bert-base-uncased-vocab.txt"
TEXTS = [f"good movie {i}" if i % 2 else f"a bad film {i} again" for i in range(21)]
LABELS = np.arange(21) % 2


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(VOCAB)


def build(tokenizer, num_outputs, reduction="mean", dropout=0.1):
    keras.utils.set_random_seed(0)
    config = EncoderConfig(
        vocab_size=tokenizer.vocab_size,
        embedding_size=16,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        initializer_range=0.3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    classifier = Classifier(
        Encoder(config), num_outputs, loss_reduction=reduction, dropout=dropout
    )
    model = TextClassifier(classifier, tokenizer, 16)
    model.compile(optimizer=AdamW(3e-3))
    return model


def logits_of(model, tokenizer, texts_a, texts_b=None):
    """By the NumPy route, one text at a time."""
    rows = []
    for ids, segments in zip(
        *encode_pairs(tokenizer, texts_a, texts_b, 16), strict=True
    ):
        features = {"input_ids": ids[None], "segment_ids": segments[None]}
        rows.append(model.network(features)[0].numpy())
    return np.array(rows)


def test_learns_and_predicts_strings(tokenizer):
    model = build(tokenizer, 2)
    model.fit(TEXTS, LABELS, batch_size=8, epochs=5, verbose=0)
    logits = logits_of(model, tokenizer, TEXTS)
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    expected = exponentials / exponentials.sum(-1, keepdims=True)
    predicted = model.predict(TEXTS, batch_size=8, verbose=0)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)
    assert (predicted.argmax(-1) == LABELS).mean() == 1.0


def test_lists_to_validate_on(tokenizer):
    model = build(tokenizer, 2)
    history = model.fit(TEXTS, LABELS, validation_data=(TEXTS, LABELS), verbose=0)
    expected = model.evaluate(TEXTS, LABELS, verbose=0, return_dict=True)
    assert history.history["val_accuracy"] == [pytest.approx(expected["accuracy"])]


@pytest.mark.integration
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_loss_is_that_of_validation(tokenizer, reduction):
    """Without dropout and at rate 0 the epoch's loss is val_loss, the last batch of 5
    texts included."""
    model = build(tokenizer, 2, reduction, dropout=0.0)
    model.compile(optimizer=AdamW(0.0, weight_decay=0.0))
    weights = np.linspace(0.5, 2.0, len(TEXTS)).astype("float32")
    for sample_weight in (None, weights):
        data = (TEXTS, LABELS, *([] if sample_weight is None else [weights]))
        history = model.fit(
            *data[:2],
            sample_weight=sample_weight,
            validation_data=data,
            batch_size=8,
            verbose=0,
        ).history
        assert history["loss"] == pytest.approx(history["val_loss"], rel=1e-5)
        name = "classification"
        assert history[name] == pytest.approx(history[f"val_{name}"], rel=1e-5)


@pytest.mark.parametrize("length,message", [(17, "16 positions"), (1, "at least 3")])
def test_lengths_that_cannot_be(tokenizer, length, message):
    network = build(tokenizer, 2).network
    with pytest.raises(UserError, match=message):
        TextClassifier(network, tokenizer, length)


@pytest.mark.integration
def test_two_replicas_equal_one(tokenizer):
    """The last batch has 5 texts, 3 of them on the first replica."""
    histories = []
    for name in ("one", "mirrored"):
        with cached_strategy(name).scope():
            model = build(tokenizer, 2, "sum", dropout=0.0)
        data = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(8)
        data = untuned(data)  # or deleting its iterators waits for the tuner
        fitted = model.fit(data, validation_data=data, epochs=2, verbose=0)
        histories.append(fitted.history)
    one, two = histories
    for name in one:
        assert two[name] == pytest.approx(one[name], rel=1e-4), name


def test_export_answers_strings(tokenizer, tmp_path):
    model = build(tokenizer, 2)
    model.class_names = ["bad", "good"]
    model.export(tmp_path / "saved")
    loaded = tf.saved_model.load(tmp_path / "saved")
    got = loaded.signatures["serving_default"](sentence=tf.constant(TEXTS))
    expected = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(got["probabilities"], expected, atol=1e-6)
    names = [model.class_names[i] for i in expected.argmax(-1)]
    assert [name.decode() for name in got["label"].numpy()] == names


@pytest.mark.integration
def test_what_users_give_keras(tokenizer):
    """Weights as a list, labels as a column, early stopping on the accuracy."""
    model = build(tokenizer, 2)
    stopping = keras.callbacks.EarlyStopping(monitor="val_accuracy", mode="max")
    weights = [1.0] * len(TEXTS)
    labels = LABELS[:, None]
    settings = {"batch_size": 8, "verbose": 0}
    model.fit(
        TEXTS,
        labels,
        sample_weight=weights,
        validation_data=(TEXTS, labels),
        callbacks=[stopping],
        **settings,
    )
    settings |= {"return_dict": True}
    plain = model.evaluate(TEXTS, LABELS, **settings)
    assert plain == model.evaluate(TEXTS, labels, sample_weight=weights, **settings)
    for name in ("loss", "metrics"):
        with pytest.raises(UserError, match=f"{name} is .*has its own"):
            model.compile(optimizer=AdamW(1e-3), **{name: ["accuracy"]})


def test_another_backend_is_refused(tokenizer, monkeypatch):
    network = build(tokenizer, 2).network
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UserError, match="KERAS_BACKEND is 'jax'"):
        TextClassifier(network, tokenizer, 16)


def test_evaluate_means_over_all_rows(tokenizer):
    """21 rows in batches of 8: the last batch has 5."""
    model = build(tokenizer, 2)
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(8)
    got = model.evaluate(dataset, verbose=0, return_dict=True)
    logits = logits_of(model, tokenizer, TEXTS)
    losses = np.log(np.exp(logits).sum(-1)) - logits[np.arange(21), LABELS]
    assert got["loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert got["classification"] == got["loss"]
    assert got["accuracy"] == pytest.approx((logits.argmax(-1) == LABELS).mean())


@pytest.mark.integration
def test_evaluate_on_whole_batches_and_with_weights(tokenizer):
    """Batches of a known size; rows of weight 0 do not count."""
    model = build(tokenizer, 2)
    texts, labels = TEXTS[:16], LABELS[:16]
    settings = {"batch_size": 8, "verbose": 0, "return_dict": True}
    plain = model.evaluate(texts, labels, **settings)
    right = logits_of(model, tokenizer, texts).argmax(-1) == labels
    assert plain["accuracy"] == pytest.approx(right.mean())
    weights = np.arange(16) % 4 == 0
    got = model.evaluate(texts, labels, sample_weight=weights, **settings)
    assert got["accuracy"] == pytest.approx(right[weights].mean())

    # Training too: half of the rows with the weight 0 are as good as none.
    half = build(tokenizer, 2)
    half.network.set_weights(model.network.get_weights())
    kept = [text for text, weight in zip(texts, weights, strict=True) if weight]
    for network, x, y, w in (
        (model, texts, labels, weights.astype("float32")),
        (half, kept, labels[weights], None),
    ):
        network.network.dropout = 0.0
        network.fit(x, y, sample_weight=w, batch_size=16, shuffle=False, verbose=0)
    for a, b in zip(
        model.network.get_weights(), half.network.get_weights(), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.integration
def test_regression_on_pairs(tokenizer):
    model = build(tokenizer, 1)
    pairs = (TEXTS, TEXTS[::-1])
    scores = LABELS.astype("float32")
    model.fit(pairs, scores, batch_size=8, verbose=0)
    expected = logits_of(model, tokenizer, *pairs)[:, 0]
    np.testing.assert_allclose(model.predict(pairs, verbose=0), expected, atol=1e-5)
    got = model.evaluate(pairs, scores, verbose=0, return_dict=True)
    assert got["loss"] == pytest.approx(np.mean((expected - scores) ** 2), rel=1e-4)
    network = Classifier(model.network.encoder, 1, target_scale=5.0, dropout=0.1)
    network.set_weights(model.network.get_weights())
    scaled = TextClassifier(network, tokenizer, 16)
    scaled.compile(optimizer=AdamW(3e-3))
    got = scaled.evaluate(pairs, 5 * scores, verbose=0, return_dict=True)
    assert got["loss"] == pytest.approx(np.mean((expected - scores) ** 2), rel=1e-4)
    predicted = scaled.predict(pairs, verbose=0)
    np.testing.assert_allclose(predicted, 5 * expected, atol=1e-4)
