"""The fine-tuning network against NumPy; against the originals see golden_checks."""

import functools

import keras
import numpy as np
import pytest

from support.tiny import cached_strategy, tiny_config, with_dropout
from support.training import endless
from tf_pretrain.errors import ConfigError
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.models.layers import RowDropout
from tf_pretrain.training.optimizers import AdamW, layerwise_multipliers
from tf_pretrain.training.trainer import Trainer

CONFIG = tiny_config(model={"use_pooler": True})
ROWS = 8


def features_of(num_outputs, seed=0):
    """Random rows; the last two count for nothing."""
    rng = np.random.default_rng(seed)
    mask = (np.arange(12) < rng.integers(4, 13, ROWS)[:, None]).astype(np.int32)
    labels = rng.integers(0, num_outputs, ROWS, np.int32)
    if num_outputs == 1:
        labels = rng.normal(size=ROWS).astype(np.float32)
    return {
        "input_ids": rng.integers(5, 50, (ROWS, 12), np.int32) * mask,
        "input_mask": mask,
        "segment_ids": (np.arange(12) >= 6).astype(np.int32) * mask,
        "labels": labels,
        "example_weights": (np.arange(ROWS) < ROWS - 2).astype(np.float32),
        "dropout_seed": rng.integers(2**31 - 1, size=ROWS, dtype=np.int32),
    }


def classifier_of(num_outputs=3, config=CONFIG, seed=0, **kwargs):
    keras.utils.set_random_seed(seed)
    return Classifier(Encoder(config.model), num_outputs, **kwargs)


def numpy_logits(classifier, features, states=None):
    if states is None:
        encoded = classifier.encoder(features)
        states = encoded["sequence_output"][:, 0]
        if classifier.head == "pooled":
            states = encoded["pooled_output"]
    kernel, bias = (w.numpy() for w in classifier.dense.weights)
    return np.asarray(states, "float64") @ kernel + bias


@pytest.mark.parametrize("head", ["first_token", "pooled"])
def test_logits_are_a_dense_layer_on_the_head_s_state(head):
    classifier, features = classifier_of(head=head), features_of(3)
    classifier.dense.bias.assign([0.1, -0.2, 0.3])
    logits = classifier(features)
    np.testing.assert_allclose(logits, numpy_logits(classifier, features), atol=1e-6)


@pytest.mark.parametrize("num_outputs", [1, 3])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_losses(num_outputs, reduction):
    classifier = classifier_of(num_outputs, loss_reduction=reduction)
    features = features_of(num_outputs)
    logits, labels = numpy_logits(classifier, features), features["labels"]
    if num_outputs == 1:
        expected = (logits[:, 0] - labels) ** 2
    else:
        log_probs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        expected = -log_probs[np.arange(ROWS), labels]
    for rows, batch in ((ROWS - 2, dict(features)), (ROWS, dict(features))):
        if rows == ROWS:
            del batch["example_weights"]
        total = classifier.total_loss(classifier.losses(batch))
        reduce = {"sum": np.sum, "mean": np.mean}[reduction]
        np.testing.assert_allclose(total, reduce(expected[:rows]), rtol=1e-5)


def test_a_regression_learns_scaled_targets_and_answers_in_their_scale():
    classifier, features = classifier_of(1, target_scale=5.0), features_of(1)
    logits = numpy_logits(classifier, features)[:, 0]
    losses = classifier.example_losses(features, classifier(features))
    expected = (logits - features["labels"] / 5) ** 2
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    scores = classifier.scores(classifier(features))
    np.testing.assert_allclose(scores, 5 * logits, rtol=1e-5)
    again = Classifier.from_config(classifier.get_config())
    assert again.target_scale == 5.0
    with pytest.raises(ConfigError, match="target_scale is 0; expected above 0"):
        classifier_of(1, target_scale=0)


def test_the_head_drops_the_state_by_row_seed():
    classifier, features = classifier_of(dropout=0.4), features_of(3)
    states = classifier.encoder(features)["sequence_output"][:, 0]
    dropped = RowDropout(features["dropout_seed"])(states, 0.4)
    expected = numpy_logits(classifier, features, dropped)
    logits = classifier(features, training=True)
    np.testing.assert_allclose(logits, expected, atol=1e-6)
    assert np.abs(logits - classifier(features)).max() > 0.01


def test_the_head_s_mask_comes_after_the_encoder_s():
    classifier = classifier_of(config=with_dropout(CONFIG, 0.4), dropout=0.4)
    features = features_of(3)
    dropout = RowDropout(features["dropout_seed"])
    states = classifier.encoder(features, dropout=dropout)["sequence_output"][:, 0]
    expected = numpy_logits(classifier, features, dropout(states, 0.4))
    logits = classifier(features, training=True)
    np.testing.assert_allclose(logits, expected, atol=1e-5)


@pytest.mark.parametrize("head, limit", [("first_token", 0.55), ("pooled", 0.0455)])
def test_initial_kernels(head, limit):
    """Glorot: sqrt(6 / (16 + 3)) = 0.56; truncated at two deviations of 0.02."""
    kernel = classifier_of(head=head).dense.kernel.numpy()
    largest = np.abs(kernel).max()
    # TensorFlow's truncated normal widens its deviation to have 0.02 after the cut.
    assert 0.6 * limit < largest < limit * 1.03


@functools.cache
def test_other_optimizers_are_refused():
    scaled = Trainer(classifier_of(), loss_scaling=True)
    with pytest.raises(ConfigError, match="expected a tf_pretrain.AdamW or LAMB"):
        scaled.compile(optimizer="adam")
    trainer = Trainer(classifier_of())
    with pytest.raises(ConfigError, match="steps_per_execution"):
        trainer.compile(optimizer=AdamW(0.01), steps_per_execution=4)


def fit(strategy_name, reduction, accumulation_steps=1):
    """Logs and weights after some steps; dropout on."""
    strategy = cached_strategy(strategy_name)
    dataset = endless([features_of(3, seed) for seed in range(3)], strategy)
    with strategy.scope():
        classifier = classifier_of(
            config=with_dropout(CONFIG), loss_reduction=reduction
        )
        trainer = Trainer(classifier, accumulation_steps=accumulation_steps)
        trainer.compile(optimizer=AdamW(0.01, clip_norm=None), jit_compile=False)
    recorded = []

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            recorded.append(dict(logs))

    trainer.fit(
        dataset, steps_per_epoch=3, verbose=0, shuffle=False, callbacks=[Record()]
    )
    return recorded, [v.numpy() for v in classifier.trainable_variables]


@pytest.mark.integration
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_replicas_and_micro_batches_change_nothing(reduction):
    """The second replica has rows that count for nothing, the first has none."""
    logs, weights = fit("one", reduction)
    assert logs[0]["loss"] == pytest.approx(logs[0]["classification"], rel=1e-6)
    for others in (fit("mirrored", reduction), fit("one", reduction, 2)):
        for log, other in zip(logs, others[0], strict=True):
            np.testing.assert_allclose(
                list(other.values()), list(log.values()), rtol=1e-4
            )
        for weight, other in zip(weights, others[1], strict=True):
            np.testing.assert_allclose(other, weight, atol=2e-5)


def test_the_sum_is_the_mean_times_the_rows_that_count():
    (summed, *_), _ = fit("one", "sum")
    (mean, *_), _ = fit("one", "mean")
    for name in ("loss", "gradient_norm"):
        np.testing.assert_allclose(summed[name], (ROWS - 2) * mean[name], rtol=1e-5)


def test_layerwise_rates_reach_every_variable():
    config = tiny_config()
    classifier = classifier_of(config=config)
    layers = config.model.num_hidden_layers
    optimizer = AdamW(learning_rate_multipliers=layerwise_multipliers(layers, 0.5))
    optimizer.build(classifier.trainable_variables)
    factors = {
        v.path: factor
        for v, factor in zip(
            classifier.trainable_variables, optimizer._multipliers, strict=True
        )
    }
    assert factors["task_specific/kernel"] == 1.0
    assert factors["encoder/embeddings/word_embeddings"] == 0.5 ** (layers + 2)


@pytest.mark.parametrize(
    "model, kwargs, message",
    [
        ({}, {"head": "pooled"}, "the encoder has no pooler"),
        ({}, {"head": "cls"}, "head is 'cls'; expected one of"),
        ({}, {"loss_reduction": "max"}, "loss_reduction is 'max'"),
    ],
)
def test_settings_that_cannot_be_used(model, kwargs, message):
    with pytest.raises(ConfigError, match=message):
        classifier_of(config=tiny_config(model=model), **kwargs)
