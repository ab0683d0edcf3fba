import dataclasses
import functools
import itertools
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from support.tiny import (
    cached_strategy,
    one_layer_config,
    random_features,
    with_dropout,
)
from support.training import assert_same_losses, fit
from tf_pretrain.errors import ConfigError
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.checkpoints import weights_sha256
from tf_pretrain.training.strategy import is_chief
from tf_pretrain.training.tensorflow_step import TensorFlowStep


def _with_train(config, **fields):
    return dataclasses.replace(
        config, train=dataclasses.replace(config.train, **fields)
    )


@functools.cache
def _watched(config, strategy="one"):
    """`fit`, computed once for all tests that compare with it, and what it asked for.

    Returns:
        losses; weights and sha256, the variables after the last step; rows, those of
        the batches whose gradients were computed; compiled, each `jit_compile` that
        `tf.function` got; trainer.
    """
    rows, compiled = set(), set()
    gradients, function = TensorFlowStep._gradients, tf.function

    def watched_gradients(self, features, shares):
        rows.add(features["input_ids"].shape[0])
        return gradients(self, features, shares)

    def watched_function(*arguments, jit_compile=None, **others):
        compiled.add(jit_compile)
        return function(*arguments, jit_compile=jit_compile, **others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TensorFlowStep, "_gradients", watched_gradients)
        patch.setattr(tf, "function", watched_function)
        losses, trainer = fit(config, strategy=strategy)
    return types.SimpleNamespace(
        losses=losses,
        weights=[v.numpy() for v in trainer.variables],
        sha256=weights_sha256(trainer),
        rows=rows,
        compiled=compiled,
        trainer=trainer,
    )


@pytest.mark.parametrize(
    "name,sentence",
    [("replaced_token_detection", "none"), ("masked_lm", "sentence_order")],
)
def test_two_replicas_equal_one(name, sentence):
    # Rows are padded unevenly and dropout is on: neither may make a difference.
    config = with_dropout(one_layer_config(name, sentence))
    one, two = _watched(config), _watched(config, "mirrored")
    assert two.trainer.distribute_strategy.num_replicas_in_sync == 2
    assert_same_losses(one.losses, two.losses)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_accumulated_micro_batches_equal_the_big_batch():
    config = with_dropout(one_layer_config())
    whole, cut = _watched(config), _watched(_with_train(config, accumulation_steps=4))
    assert whole.rows == {config.train.batch_size}
    assert cut.rows == {config.train.batch_size // 4}
    assert_same_losses(whole.losses, cut.losses, tolerance=2e-5)


@pytest.mark.parametrize(
    "name,sentence",
    [("replaced_token_detection", "none"), ("masked_lm", "sentence_order")],
)
def test_the_compiled_step_is_the_same(name, sentence):
    config = with_dropout(one_layer_config(name, sentence))
    plain, compiled = _watched(config), _watched(_with_train(config, jit_compile=True))
    assert True not in plain.compiled
    assert True in compiled.compiled
    assert_same_losses(plain.losses, compiled.losses, tolerance=1e-4)


@pytest.mark.integration
def test_same_seed_same_weights():
    config = with_dropout(one_layer_config())
    first, (second, trainer) = _watched(config), fit(config)
    assert first.losses == second
    assert first.sha256 == weights_sha256(trainer)
    _, other = fit(dataclasses.replace(config, seed=1), traced=trainer)
    assert weights_sha256(other) != first.sha256


def test_one_batch_is_learned():
    config = _with_train(one_layer_config(), num_steps=60, warmup_steps=5)
    losses, _ = fit(config, num_steps=60, num_batches=1)
    assert losses[-1]["masked_lm"] < 0.7 * losses[0]["masked_lm"]
    assert losses[0]["learning_rate"] == 0.0  # the step taken at step t uses rate(t)


@pytest.mark.integration
@pytest.mark.parametrize("accumulation_steps", [1, 2])
def test_what_no_loss_depends_on_stays(accumulation_steps, monkeypatch):
    """LAMB would take a tenth of it away in each step, for its decay."""
    config = _with_train(
        one_layer_config("masked_lm", model={"use_pooler": True}),
        optimizer="lamb",
        learning_rate=0.1,
        accumulation_steps=accumulation_steps,
    )
    before = build_trainer(config, cached_strategy("one")).network.encoder
    _, trainer = fit(config)
    after = trainer.network.encoder
    np.testing.assert_array_equal(after.pooler.kernel, before.pooler.kernel)
    kernels = [e.feed_forward[0].output_dense.kernel for e in (before, after)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3

    monkeypatch.setattr(type(trainer.network), "unused_variables", [])
    with pytest.raises(ValueError, match="no loss depends on encoder/pooler/kernel"):
        fit(config)


def _without_random_numbers(config, seed=0):
    features = random_features(config, seed)
    del features["sampling_uniform"], features["dropout_seed"]
    return features


@pytest.mark.integration
@pytest.mark.parametrize("strategy", ["one", "mirrored"])
def test_batches_without_random_numbers(strategy):
    """A user's own: drawn by step and replica, the same with the same seed."""
    config = with_dropout(one_layer_config())
    first, trainer = fit(config, 5, strategy, 1, _without_random_numbers)
    # Two replicas take long to trace; on one, a second trace draws the same, too.
    traced = trainer if strategy == "mirrored" else None
    again, _ = fit(config, 5, strategy, 1, _without_random_numbers, traced)
    assert first == again
    # One batch, but other samples in every step.
    assert len({losses["fake_rate"] for losses in first}) > 1


def test_random_numbers_differ_from_step_to_step():
    config = one_layer_config()
    trainer = build_trainer(config, cached_strategy("one"))
    batch = {
        name: tf.constant(value)
        for name, value in _without_random_numbers(config).items()
    }
    first = trainer._with_random_numbers(batch)
    trainer.train_step(batch)
    second = trainer._with_random_numbers(batch)
    for name in ("dropout_seed", "sampling_uniform"):
        assert np.unique(first[name]).size == np.size(first[name])
        assert not np.intersect1d(first[name], second[name]).size
    given = trainer._with_random_numbers(second)
    assert given.keys() == second.keys()
    assert all(given[name] is second[name] for name in second)


@pytest.mark.integration
def test_losses_of_an_epoch_are_its_mean():
    config = one_layer_config()
    trainer = build_trainer(config, cached_strategy("one"))
    steps = []

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(float(logs["masked_lm"]))

    batches = [random_features(config, seed) for seed in range(4)]
    dataset = tf.data.Dataset.from_tensor_slices(
        {name: np.stack([b[name] for b in batches]) for name in batches[0]}
    ).repeat()
    history = trainer.fit(
        dataset,
        epochs=2,
        steps_per_epoch=4,
        callbacks=[Record()],
        verbose=0,
        shuffle=False,
    ).history
    expected = [np.mean(steps[:4]), np.mean(steps[4:])]
    np.testing.assert_allclose(history["masked_lm"], expected, rtol=1e-6)


@pytest.mark.integration
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_follows_float32(precision):
    # With a weight of 50 a gradient overflows float16, and a step is left out.
    config = one_layer_config(objective={"discriminator_weight": 5.0})
    reference = _watched(config).losses
    mixed, trainer = fit(_with_train(config, mixed_precision=precision))
    assert trainer.optimizer.skipped_steps.numpy() == 0
    for a, b in zip(reference, mixed, strict=True):
        np.testing.assert_allclose(a["loss"], b["loss"], rtol=0.01)
    # Rounded to 8 or 11 bits somewhere; in float32 they would be equal.
    assert reference[-1]["loss"] != pytest.approx(mixed[-1]["loss"], rel=1e-6)
    assert (trainer.loss_scale is not None) == (precision == "float16")


def test_float16_survives_an_overflow():
    config = _with_train(one_layer_config(), mixed_precision="float16", num_steps=100)
    _, trainer = fit(config, num_steps=1)
    before = weights_sha256(trainer)
    skipped = trainer.optimizer.skipped_steps.numpy()
    trainer.loss_scale.assign(1e38)  # overflows float16
    features = {
        name: tf.constant(value) for name, value in random_features(config).items()
    }
    batches = itertools.repeat(features)
    logs = trainer.train_function(batches)
    assert not np.isfinite(logs["gradient_norm"])
    assert weights_sha256(trainer) == before
    assert trainer.loss_scale.numpy() < 1e38
    assert trainer.optimizer.skipped_steps.numpy() == skipped + 1
    for _ in range(20):  # clipped to 2^24, then halved until it fits
        logs = trainer.train_function(batches)
    assert np.isfinite(logs["gradient_norm"])
    assert weights_sha256(trainer) != before


def test_micro_batches_are_of_a_replicas_share():
    config = one_layer_config(train={"batch_size": 12, "accumulation_steps": 4})
    build_trainer(config, cached_strategy("one"))
    with pytest.raises(ConfigError, match="not a multiple of 2 replicas x 4"):
        build_trainer(config, cached_strategy("mirrored"))


@pytest.mark.parametrize(
    "task,jobs,expected",
    [
        (("worker", 0), ("worker",), True),
        (("worker", 1), ("worker",), False),
        (("worker", 0), ("chief", "worker"), False),
        (("chief", 0), ("chief", "worker"), True),
    ],
)
def test_one_process_writes(task, jobs, expected):
    hosts = {job: [f"{job}{i}:1" for i in range(2 - len(jobs) // 2)] for job in jobs}
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(hosts), task_type=task[0], task_id=task[1]
    )
    strategy = types.SimpleNamespace(cluster_resolver=resolver)
    assert is_chief(strategy) is expected
