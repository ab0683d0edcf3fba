import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from support.tiny import random_features, tiny_config
from tf_pretrain.models.building import build_objective
from tf_pretrain.models.generators import corrupt
from tf_pretrain.models.losses import binary_cross_entropy, cross_entropy
from tf_pretrain.models.sizes import trained_parameters

OBJECTIVES = [
    (name, sentence)
    for name in ("replaced_token_detection", "masked_lm")
    for sentence in ("none", "sentence_order", "next_sentence")
]


def _gradient(network, features, loss_name):
    variables = network.trainable_variables
    with tf.GradientTape() as tape:
        loss = network.losses(features)[loss_name][0]
    gradients = tape.gradient(loss, [v.value for v in variables])
    return {
        v.path: 0.0 if g is None else float(tf.norm(tf.convert_to_tensor(g)))
        for v, g in zip(variables, gradients, strict=True)
    }


@pytest.mark.parametrize("name,sentence", OBJECTIVES)
def test_parameters_and_losses(name, sentence):
    config = tiny_config(name, sentence)
    network = build_objective(config)
    assert network.count_params() == trained_parameters(config)
    losses = network.losses(random_features(config))
    # Fresh weights: nearly uniform predictions.
    total, weight = losses["masked_lm"]
    assert abs(total / weight - np.log(config.model.vocab_size)) < 0.3
    if name == "replaced_token_detection":
        total, weight = losses["replaced_token"]
        assert abs(total / weight - np.log(2)) < 0.15
    if sentence != "none":
        total, weight = losses[sentence]
        assert weight == config.train.batch_size
        assert abs(total / weight - np.log(2)) < 0.15


def test_total_loss_is_weighted_as_in_the_paper():
    network = build_objective(tiny_config())
    losses = network.losses(random_features(network.config))
    masked_lm = losses["masked_lm"][0] / (losses["masked_lm"][1] + 1e-6)
    replaced = losses["replaced_token"][0] / (losses["replaced_token"][1] + 1e-6)
    np.testing.assert_allclose(
        network.total_loss(losses), masked_lm + 50 * replaced, rtol=1e-6
    )


def test_gumbel_samples_are_a_function_of_the_batch():
    """No state: twice the same, and another step's noise gives others."""
    network = build_objective(tiny_config(objective={"sampling": "gumbel"}))
    features = random_features(network.config)
    first, again = (network(features)["sampled_ids"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    noise = 1 - features["sampling_uniform"]
    other = network({**features, "sampling_uniform": noise})["sampled_ids"]
    assert np.mean(np.array(other) == np.array(first)) < 0.3
    assert len(network.non_trainable_variables) == 0


def test_weights_count_predictions():
    config = tiny_config()
    features = random_features(config)
    weights = build_objective(config).loss_weights(features)
    assert weights["masked_lm"] == features["masked_lm_weights"].sum()
    assert weights["replaced_token"] == features["input_mask"].sum()


def test_no_gradient_crosses_the_sampling():
    network = build_objective(tiny_config())
    features = random_features(network.config)
    gradients = _gradient(network, features, "replaced_token")
    assert all(
        norm == 0.0
        for path, norm in gradients.items()
        if path.startswith(("generator/", "masked_lm_head/"))
    )
    assert gradients["discriminator/embeddings/word_embeddings"] > 0
    gradients = _gradient(network, features, "masked_lm")
    assert gradients["generator/attention_0/query/kernel"] > 0
    # Tied embeddings learn from both losses; the rest of the discriminator does not.
    assert gradients["discriminator/embeddings/word_embeddings"] > 0
    assert gradients["discriminator/attention_0/query/kernel"] == 0


def test_weight_tying():
    sizes = {}
    for tying in ("none", "embeddings", "all"):
        objective = {
            "weight_tying": tying,
            "generator_hidden_size": 1.0,
        }
        config = tiny_config(objective=objective)
        config = dataclasses.replace(
            config, model=dataclasses.replace(config.model, embedding_size=16)
        )
        network = build_objective(config)
        assert network.count_params() == trained_parameters(config)
        sizes[tying] = len({id(v) for v in network.trainable_variables})
        tables = network.generator.embeddings is network.discriminator.embeddings
        assert tables == (tying != "none")
        assert (network.generator is network.discriminator) == (tying == "all")
    assert sizes["none"] > sizes["embeddings"] > sizes["all"]


def test_a_correct_sample_counts_as_original():
    features = {
        "input_ids": np.array([[9, 5, 6, 7]], np.int32),
        "masked_lm_positions": np.array([[1, 2, 0]], np.int32),
        "masked_lm_weights": np.array([[1, 1, 0]], np.float32),
    }
    ids, labels = corrupt(features, np.array([[5, 8, 3]], np.int32))
    np.testing.assert_array_equal(ids, [[9, 5, 8, 7]])
    np.testing.assert_array_equal(labels, [[0, 0, 1, 0]])


def test_temperature_sharpens_the_samples():
    config = tiny_config(objective={"temperature": 1e-6})
    network = build_objective(config)
    features = random_features(config)
    outputs = network(features)
    used = features["masked_lm_weights"] > 0
    likeliest = np.argmax(outputs["masked_lm_logits"], -1)
    np.testing.assert_array_equal(outputs["sampled_ids"].numpy()[used], likeliest[used])


def test_cross_entropies_match_numpy():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6, 5)).astype(np.float32) * 20
    ids = rng.integers(0, 5, 6).astype(np.int32)
    double = logits.astype(np.float64)
    expected = [np.logaddexp.reduce(x) - x[i] for x, i in zip(double, ids, strict=True)]
    np.testing.assert_allclose(
        cross_entropy(logits, ids), expected, rtol=1e-5, atol=1e-5
    )
    labels = rng.integers(0, 2, (6, 5))
    expected = np.logaddexp(0, double) - double * labels
    np.testing.assert_allclose(
        binary_cross_entropy(logits, labels), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("name,sentence", OBJECTIVES)
def test_fresh_weights_are_independent(name, sentence):
    """No table or kernel has the numbers of another one, at whatever scale."""
    network = build_objective(tiny_config(name, sentence))
    starts = {}
    for variable in network.trainable_variables:
        values = np.ravel(variable)[:16]
        if np.std(values) > 0:
            starts[variable.path] = values / np.linalg.norm(values)
    assert len(starts) > 12
    likeness = np.abs(
        np.stack(list(starts.values())) @ np.stack(list(starts.values())).T
    )
    np.fill_diagonal(likeness, 0)
    assert likeness.max() < 0.99, list(starts)[likeness.max(axis=0).argmax()]
