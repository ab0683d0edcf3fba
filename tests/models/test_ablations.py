"""The papers' ablations: what is predicted where, and which gradient goes where."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, log_softmax, softmax

from support.corpus import build_tiny_records
from support.tiny import random_features, tiny_config
from support.training import TWO_STAGE, assert_same_losses, fit
from tf_pretrain.data import record_sets, records, unigrams
from tf_pretrain.data.batches import parsing_spec
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange.huggingface import folder as huggingface
from tf_pretrain.interchange.pretrained import InterchangeError, Pretrained
from tf_pretrain.interchange.tf1 import checkpoint as tf1
from tf_pretrain.models import ablations
from tf_pretrain.models.building import build_objective
from tf_pretrain.models.sizes import trained_parameters
from tf_pretrain.training.evaluation import Evaluator, intrinsic_scores

RTD = "replaced_token_detection"
ABLATIONS = {
    "electra 15 %": (RTD, {"discriminator_positions": "masked"}),
    "replace mlm": ("replace_mlm", {}),
    "all-tokens mlm": ("all_tokens_mlm", {}),
    "two-stage": (RTD, TWO_STAGE),
    "adversarial": (RTD, {"generator_training": "adversarial"}),
    "uniform": (RTD, {"generator": "uniform"}),
    "unigram": (RTD, {"generator": "unigram"}),
    "replace mlm, uniform": ("replace_mlm", {"generator": "uniform"}),
    "all-tokens mlm, one network": (
        "all_tokens_mlm",
        {"weight_tying": "all", "generator_hidden_size": 1.0},
    ),
}


def _build(name, objective=None, **kwargs):
    config = tiny_config(name, objective=objective or {}, **kwargs)
    network = build_objective(config)
    # Biases start at zero, where a mistake may not show.
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        value = variable.numpy()
        variable.assign(value + rng.normal(0, 0.1, value.shape))
    return network, random_features(config)


def _run(network, features):
    return {name: np.asarray(value) for name, value in network(features).items()}


def _gradients(network, features, loss_name):
    """{path: gradient of the weighted sum, zeros where there is none}."""
    variables = network.trainable_variables
    with tf.GradientTape() as tape:
        loss = network.losses(features)[loss_name][0]
    gradients = tape.gradient(loss, [v.value for v in variables])
    return {
        v.path: np.zeros(v.shape) if g is None else tf.convert_to_tensor(g).numpy()
        for v, g in zip(variables, gradients, strict=True)
    }


def _parts(gradients):
    """Top-level parts of the model that a gradient reaches."""
    return {path.split("/")[0] for path, g in gradients.items() if np.any(g)}


def _mean_loss(network, features, name):
    weighted_sum, weight = network.losses(features)[name]
    return float(weighted_sum / weight), float(weight)


def _slots(features):
    """Row, slot and position of every slot in use."""
    row, slot = np.nonzero(features["masked_lm_weights"])
    return row, slot, features["masked_lm_positions"][row, slot]


def _corrupted(features, sampled_ids):
    ids = features["input_ids"].copy()
    row, slot, position = _slots(features)
    ids[row, position] = sampled_ids[row, slot]
    return ids


@pytest.mark.parametrize("ablation", ABLATIONS)
@pytest.mark.parametrize(
    "sentence",
    ["none", pytest.param("sentence_order", marks=pytest.mark.integration)],
)
def test_any_encoder_trains_under_any_objective(ablation, sentence):
    name, objective = ABLATIONS[ablation]
    sharing = {"parameter_sharing": "all" if sentence != "none" else "attention"}
    config = tiny_config(name, sentence, objective=objective, model=sharing)
    network = build_objective(config)
    count = sum(np.prod(v.shape) for v in network.trainable_variables)
    assert count == trained_parameters(config)
    features = random_features(config)
    losses = network.losses(features)
    assert set(losses) == set(network.loss_terms)
    assert (sentence in losses) == (sentence != "none")
    assert np.isfinite(float(network.total_loss(losses)))
    assert set(Evaluator(network, jit_compile=False)([features])) >= {
        "masked_lm_accuracy"
    }
    reached = set()
    for loss in losses:
        reached |= _parts(_gradients(network, features, loss))
    assert reached == {v.path.split("/")[0] for v in network.trainable_variables}


def test_electra_15_percent_counts_the_chosen_tokens_alone():
    network, features = _build(RTD, {"discriminator_positions": "masked"})
    outputs = _run(network, features)
    row, _, position = _slots(features)
    logits = outputs["replaced_logits"][row, position].astype(np.float64)
    labels = outputs["replaced_labels"][row, position]
    assert 0 < labels.sum() < features["input_mask"].sum()
    mean, weight = _mean_loss(network, features, "replaced_token")
    assert weight == len(row) < features["input_mask"].sum()
    np.testing.assert_allclose(
        mean, np.mean(np.logaddexp(0, logits) - logits * labels), rtol=1e-5
    )
    assert network.loss_terms["replaced_token"].coefficient == 50.0
    assert network.loss_terms["masked_lm"].coefficient == 1.0


def test_replace_mlm_reads_samples_and_predicts_the_masked_tokens():
    network, features = _build("replace_mlm", {"generator_weight": 0.7})
    outputs = _run(network, features)
    corrupted = _corrupted(features, outputs["sampled_ids"])
    np.testing.assert_array_equal(outputs["corrupted_input_ids"], corrupted)

    # Masked LM with the same weights, given that text in place of the masked one.
    plain = build_objective(tiny_config("masked_lm"))
    own = {v.path: v for v in network.trainable_variables}
    for variable in plain.trainable_variables:
        variable.assign(own[variable.path])
    expected = plain.losses({**features, "masked_input_ids": corrupted})["masked_lm"]
    got = network.losses(features)
    np.testing.assert_allclose(got["masked_lm"], expected, rtol=1e-5)

    # The generator is a masked LM on [MASK], and learns beside it.
    logits = log_softmax(outputs["generator_logits"].astype(np.float64), -1)
    row, slot, _ = _slots(features)
    ids = features["masked_lm_ids"][row, slot]
    np.testing.assert_allclose(
        got["generator"][0], -logits[row, slot, ids].sum(), rtol=1e-5
    )
    total = (got["masked_lm"][0] + 0.7 * got["generator"][0]) / len(row)
    np.testing.assert_allclose(network.total_loss(got), total, rtol=1e-4)


def test_replace_mlm_gradients():
    network, features = _build("replace_mlm", {"weight_tying": "none"})
    main = _parts(_gradients(network, features, "masked_lm"))
    assert main == {"encoder", "masked_lm_head"}
    assert _parts(_gradients(network, features, "generator")) == {
        "generator",
        "generator_head",
    }


def test_all_tokens_mlm_predicts_every_token_with_a_copy_gate():
    network, features = _build("all_tokens_mlm")
    outputs = _run(network, features)
    ids, read = features["input_ids"], outputs["corrupted_input_ids"]
    np.testing.assert_array_equal(read, _corrupted(features, outputs["sampled_ids"]))
    copy = expit(outputs["copy_logits"].astype(np.float64))[..., None]
    vocabulary = np.arange(network.config.model.vocab_size)
    p = copy * (read[..., None] == vocabulary)
    p += (1 - copy) * softmax(outputs["token_logits"].astype(np.float64), -1)
    np.testing.assert_allclose(p.sum(-1), 1.0)

    real = features["input_mask"] > 0
    losses = -np.log(np.take_along_axis(p, ids[..., None], -1)[..., 0])
    mean, weight = _mean_loss(network, features, "all_tokens_mlm")
    assert weight == real.sum()
    np.testing.assert_allclose(mean, losses[real].mean(), rtol=1e-5)
    terms = network.loss_terms
    assert set(terms) == {"all_tokens_mlm", "generator"}
    assert {term.coefficient for term in terms.values()} == {1.0}

    # Held-out scores are those of the mixture at the masked positions.
    row, slot, position = _slots(features)
    results = network.evaluation(features)
    np.testing.assert_allclose(
        results["masked_lm_loss"].numpy()[row, slot], losses[row, position], rtol=1e-4
    )
    np.testing.assert_array_equal(
        results["masked_lm_correct"].numpy()[row, slot],
        p.argmax(-1)[row, position] == ids[row, position],
    )


def test_all_tokens_mlm_gradients():
    network, features = _build("all_tokens_mlm", {"weight_tying": "none"})
    main = _parts(_gradients(network, features, "all_tokens_mlm"))
    assert main == {"encoder", "masked_lm_head", "copy_gate"}
    generator = _parts(_gradients(network, features, "generator"))
    assert generator == {"generator", "generator_head"}


def test_copy_loss_and_its_gradient_are_those_of_the_plain_formula():
    rng = np.random.default_rng(0)
    logits = tf.constant(rng.normal(0, 3, (6, 7)))
    gate = tf.constant(rng.normal(0, 3, 6))
    ids = np.array([0, 1, 2, 3, 4, 5], np.int32)
    read = np.array([0, 1, 6, 3, 5, 0], np.int32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([logits, gate])
        copy = tf.sigmoid(gate)
        p = (1 - copy) * tf.gather(tf.nn.softmax(logits), ids, batch_dims=1)
        expected = -tf.math.log(p + copy * tf.cast(read == ids, tf.float64))
        got = ablations.copy_loss(logits, gate, read, ids)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    for source in (logits, gate):
        np.testing.assert_allclose(
            tape.gradient(got, source), tape.gradient(expected, source), atol=1e-6
        )


def test_copy_loss_of_a_saturated_gate_is_finite():
    logits, ids = np.zeros((2, 5), np.float32), np.array([1, 1], np.int32)
    read = np.array([1, 2], np.int32)
    for gate in (-200.0, 200.0):
        losses = ablations.copy_loss(logits, np.full(2, gate, np.float32), read, ids)
        expected = [np.log(5), np.log(5)] if gate < 0 else [0, np.log(5) + 200]
        np.testing.assert_allclose(losses, expected, atol=1e-5)


def _adversarial_oracle(network, features):
    """Rewards, baselines and advantages at the slots in use, in float64."""
    outputs = _run(network, features)
    row, slot, position = _slots(features)
    logits = outputs["replaced_logits"][row, position].astype(np.float64)
    labels = outputs["replaced_labels"][row, position]
    right = np.where(labels == 1, expit(logits), expit(-logits))
    rewards = -np.log(right)
    gates = outputs["baseline_logits"][row, slot].astype(np.float64)
    return outputs, row, slot, rewards, gates, right


def test_adversarial_generator_ascends_the_discriminators_loss():
    temperature = 2.0
    network, features = _build(
        RTD, {"generator_training": "adversarial", "temperature": temperature}
    )
    outputs, row, slot, rewards, gates, right = _adversarial_oracle(network, features)
    advantages = rewards + np.log(expit(gates))
    assert np.ptp(advantages) > 0.05

    # REINFORCE: the logits z descend along -(R - b) d log softmax(z / T)[sample] / dz.
    logits = outputs["generator_logits"][row, slot].astype(np.float64) / temperature
    sampled = np.eye(logits.shape[-1])[outputs["sampled_ids"][row, slot]]
    by_logit = advantages[:, None] * (softmax(logits, -1) - sampled) / temperature
    gradients = _gradients(network, features, "generator_reward")
    np.testing.assert_allclose(
        gradients["masked_lm_head/output_bias"], by_logit.sum(0), atol=1e-5
    )
    # To the generator alone; the discriminator's share are the tied embeddings.
    reached = {path for path, g in gradients.items() if np.any(g)}
    assert all(
        path.startswith(("generator/", "masked_lm_head/", "discriminator/embeddings/"))
        for path in reached
    )
    assert "generator/attention_0/query/kernel" in reached
    assert set(network.loss_terms) == {"replaced_token", "generator_reward", "baseline"}
    weights = network.loss_weights(features)
    assert weights["generator_reward"] == weights["baseline"] == len(row)


def test_adversarial_baseline_learns_the_reward_alone():
    network, features = _build(RTD, {"generator_training": "adversarial"})
    _, _, _, _, gates, right = _adversarial_oracle(network, features)
    expected = -right * np.log(expit(gates)) - (1 - right) * np.log(expit(-gates))
    mean, _ = _mean_loss(network, features, "baseline")
    np.testing.assert_allclose(mean, expected.mean(), rtol=1e-5)
    gradients = _gradients(network, features, "baseline")
    assert _parts(gradients) == {"baseline"}
    np.testing.assert_allclose(  # zero where sigmoid(gate) = exp(-R)
        gradients["baseline/bias"], (expit(gates) - right).sum(), rtol=1e-4
    )
    # The discriminator still minimises what the generator maximises.
    reached = _parts(_gradients(network, features, "replaced_token"))
    assert reached == {"discriminator", "replaced_token_head"}


@pytest.mark.integration
def test_reinforce_is_unbiased():
    """Over all samples of one slot, weighted by their probability."""
    objective = {"generator_training": "adversarial", "weight_tying": "none"}
    network, features = _build(RTD, objective, train={"batch_size": 1})
    features["masked_lm_weights"][:] = [[1, 0, 0, 0]]
    features["masked_lm_positions"][:, 0] = 3
    size = network.config.model.vocab_size
    expected_rewards, estimate = np.zeros(size), np.zeros(size)
    for token in range(size):
        features["sampled_ids"] = np.full((1, 4), token, np.int32)
        outputs, row, slot, rewards, _, _ = _adversarial_oracle(network, features)
        p = softmax(outputs["generator_logits"][0, 0].astype(np.float64))
        expected_rewards[token] = rewards[0]
        gradients = _gradients(network, features, "generator_reward")
        estimate += p[token] * gradients["masked_lm_head/output_bias"]
    # d E[R] / dz = p (R - E[R]), whatever the baseline.
    exact = p * (expected_rewards - p @ expected_rewards)
    np.testing.assert_allclose(estimate, -exact, atol=1e-7)


def test_generator_without_a_network():
    network, features = _build(RTD, {"generator": "uniform"})
    assert {v.path.split("/")[0] for v in network.trainable_variables} == {
        "discriminator",
        "replaced_token_head",
    }
    assert set(network.loss_terms) == {"replaced_token"}
    size = network.config.model.vocab_size
    wanted = np.arange(features["sampling_uniform"].size) % size
    features["sampling_uniform"].flat = (wanted + 0.5) / size
    np.testing.assert_array_equal(
        _run(network, features)["sampled_ids"].ravel(), wanted
    )
    loss = Evaluator(network, jit_compile=False)([features])["masked_lm_loss"]
    np.testing.assert_allclose(loss, np.log(size), rtol=1e-6)


def test_unigram_generator_draws_by_frequency():
    network, features = _build(RTD, {"generator": "unigram"})
    size = network.config.model.vocab_size
    counts = np.random.default_rng(0).integers(0, 1000, size)
    network.token_generator.set_counts(counts)
    outputs = _run(network, features)
    edges = np.cumsum((counts + 1) / (counts + 1).sum())
    expected = np.searchsorted(edges, features["sampling_uniform"], side="right")
    np.testing.assert_array_equal(outputs["sampled_ids"], expected)
    np.testing.assert_allclose(
        softmax(outputs["generator_logits"][0, 0]),
        (counts + 1) / (counts + 1).sum(),
        rtol=1e-5,
    )


def test_unigram_generator_needs_its_counts():
    config = tiny_config(objective={"generator": "unigram"})
    with pytest.raises(ConfigError, match="set_counts"):
        fit(config, num_steps=1, num_batches=1)


@pytest.mark.parametrize("masking", ["dynamic", "static"])
def test_token_counts_are_those_of_the_text(tmp_path, masking):
    data, tokenizer = build_tiny_records(tmp_path, masking=masking)
    record_set = record_sets.find_records(f"{tmp_path}/train-*.tfrecord")
    got = unigrams.count_tokens(record_set, data, tokenizer, tokenizer.vocab_size + 2)
    expected = np.zeros(tokenizer.vocab_size + 2, int)
    spec = parsing_spec(records.feature_spec(data))
    for serialized in tf.data.TFRecordDataset(list(record_set.files)):
        parsed = tf.io.parse_single_example(serialized, spec)
        ids = parsed["input_ids"].numpy()
        if masking == "static":
            used = parsed["masked_lm_weights"].numpy() > 0
            ids[parsed["masked_lm_positions"].numpy()[used]] = parsed[
                "masked_lm_ids"
            ].numpy()[used]
        for token in ids[parsed["input_mask"].numpy() > 0]:
            expected[token] += token not in (tokenizer.cls_id, tokenizer.sep_id)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", [RTD, "replace_mlm"])
@pytest.mark.parametrize("tying", ["none", "embeddings", "all"])
def test_weight_tying(name, tying):
    sizes = {"generator_hidden_size": 1.0} if tying == "all" else {}
    network, features = _build(name, {"weight_tying": tying, **sizes})
    main = "discriminator" if name == RTD else "encoder"
    generator_loss = "masked_lm" if name == RTD else "generator"
    paths = {v.path for v in network.trainable_variables}
    own = {path for path in paths if path.startswith("generator/")}
    assert bool(own) == (tying != "all")
    assert any("/embeddings/" in path for path in own) == (tying == "none")

    gradients = _gradients(network, features, generator_loss)
    reached = {p.removeprefix(f"{main}/") for p in gradients if np.any(gradients[p])}
    reached = {p for p in reached if f"{main}/{p}" in paths}
    if tying == "none":
        assert not reached
    elif tying == "embeddings":
        assert reached == {p for p in reached if p.startswith("embeddings/")} != set()
    else:
        assert "attention_1/query/kernel" in reached
    # And never from the main network's loss to a generator of its own.
    gradients = _gradients(
        network, features, "replaced_token" if name == RTD else "masked_lm"
    )
    assert not any(np.any(gradients[path]) for path in own)


@pytest.mark.parametrize(
    "objective,message",
    [
        ({"name": "masked_lm", "generator": "uniform"}, "means nothing"),
        ({"name": "masked_lm", "discriminator_positions": "masked"}, "means nothing"),
        ({"name": "replace_mlm", "discriminator_positions": "masked"}, "means nothing"),
        ({"name": "all_tokens_mlm", **TWO_STAGE}, "means nothing"),
        ({**TWO_STAGE, "weight_tying": "embeddings"}, "weight_tying 'none'"),
        ({**TWO_STAGE, "generator_hidden_size": 0.5}, "generator_hidden_size"),
        ({**TWO_STAGE, "generator_steps": 0}, "generator_steps is 0"),
        ({**TWO_STAGE, "generator_steps": 4}, "leaves none"),
        ({"generator_steps": 2}, "generator_steps is 2"),
        (
            {"generator": "unigram", "generator_training": "adversarial"},
            "not a network",
        ),
        (
            {
                "generator_training": "adversarial",
                "weight_tying": "all",
                "generator_hidden_size": 1.0,
            },
            "two networks",
        ),
        ({"generator": "unigramm"}, "generator is 'unigramm'"),
    ],
)
def test_meaningless_settings(objective, message):
    with pytest.raises(ConfigError, match=message):
        tiny_config(objective=objective)


@pytest.mark.integration
def test_two_replicas_equal_one():
    name, objective = ABLATIONS["adversarial"]
    config = tiny_config(name, objective=objective)
    one, _ = fit(config, num_steps=2)
    two, _ = fit(config, num_steps=2, strategy="mirrored")
    assert_same_losses(one, two, 1e-4)


@pytest.mark.parametrize("ablation", ["replace mlm", "all-tokens mlm", "adversarial"])
def test_formats_of_released_programs_refuse_unreleased_objectives(ablation, tmp_path):
    name, objective = ABLATIONS[ablation]
    config = tiny_config(name, objective=objective)
    weights = {v.path: v.numpy() for v in build_objective(config).trainable_variables}
    for writer in (tf1, huggingface):
        with pytest.raises(InterchangeError, match="no released program"):
            writer.write(Pretrained(config, weights, "a run"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_one_sentence_classifier_is_scored_on_every_task():
    config = tiny_config("masked_lm", "sentence_order")
    network = build_objective(config)
    heldout = {
        "sentence_order": [random_features(config, 1)],
        "next_sentence": [random_features(config, 2), random_features(config, 3)],
    }
    scores = intrinsic_scores(network, heldout, jit_compile=False)
    for name, examples in heldout.items():
        answers = [np.argmax(network(x)["sentence_logits"], -1) for x in examples]
        labels = [x["next_sentence_labels"][:, 0] for x in examples]
        expected = np.mean(np.concatenate(answers) == np.concatenate(labels))
        np.testing.assert_allclose(scores[f"{name}_accuracy"], expected, rtol=1e-6)
    assert 0 < scores["next_sentence_accuracy"] != scores["sentence_order_accuracy"]

    plain = tiny_config("masked_lm")
    heldout = {name: [random_features(plain)] for name in heldout}
    scores = intrinsic_scores(build_objective(plain), heldout, jit_compile=False)
    assert set(scores) == {"masked_lm_accuracy"}
