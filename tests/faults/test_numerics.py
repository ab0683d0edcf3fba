"""Injected nan: skipped and counted, then back to a checkpoint, then a report."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from support.tiny import (
    cached_strategy,
    one_layer_config,
    random_features,
    tiny_config,
)
from tf_pretrain.data.batches import untuned
from tf_pretrain.models.building import build_objective
from tf_pretrain.runs import data, pretrain
from tf_pretrain.runs.data import Sources
from tf_pretrain.training import callbacks, checkpoints, numerics, trainer
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.numerics import NumericsError, first_nonfinite

NUM_STEPS, CHECKPOINT_EVERY, MAX_SKIPPED = 12, 4, 3

pytestmark = pytest.mark.usefixtures("traced_once")


def _run(records, workdir, **train):
    config = one_layer_config(
        model={"vocab_size": 120},
        data={"max_seq_length": 24, "max_predictions_per_seq": 5},
        train={
            "num_steps": NUM_STEPS,
            "checkpoint_every": CHECKPOINT_EVERY,
            "log_every": 1,
            "max_skipped_steps": MAX_SKIPPED,
            **train,
        },
    )
    sources = Sources(records=f"{records}/train-*.tfrecord")
    return pretrain.pretrain(config, workdir, sources)


def _poison_batches(monkeypatch, is_poisoned):
    """Replaces weights of the batches of the steps (from 1) that it holds for."""
    original = data.distributed_batches

    def poisoned(strategy, record_set, config, tokenizer, start_step):
        def poison(step, features):
            bad = tf.fill(tf.shape(features["masked_lm_weights"]), np.float32("nan"))
            weights = tf.where(is_poisoned(step), bad, features["masked_lm_weights"])
            return {**features, "masked_lm_weights": weights}

        dataset = original(strategy, record_set, config, tokenizer, start_step)
        return dataset.enumerate(start_step + 1).map(poison)

    monkeypatch.setattr(data, "distributed_batches", poisoned)


def _metrics(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return {r["step"]: r for r in map(json.loads, lines)}


def _data_order(workdir):
    _, _, header = checkpoints.read_newest(workdir / "checkpoints")
    return json.loads(header["metadata"])["data_order"]


@pytest.mark.integration
def test_few_bad_batches_are_skipped_and_counted(records, tmp_path, monkeypatch):
    _poison_batches(monkeypatch, lambda s: (s == 2) | (s == 4) | (s == 5) | (s == 7))
    results = _run(records, tmp_path)
    assert results["skipped_steps"] == 4
    metrics = _metrics(tmp_path)
    got = [metrics[step]["skipped_steps"] for step in range(1, NUM_STEPS + 1)]
    assert got == [0, 1, 1, 2, 3, 3, 4, 4, 4, 4, 4, 4]
    assert np.isfinite(metrics[NUM_STEPS]["loss"])
    # None after a skipped step, the fourth.
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-00000008.safetensors", "step-00000012.safetensors"]
    assert _data_order(tmp_path) == 0


@pytest.mark.integration
def test_broken_weights_go_back_to_the_checkpoint(
    records, tmp_path, monkeypatch, capsys
):
    """Weights that become nan at step 6, as by a fault of the hardware."""
    broken = []

    def break_weights(self, batch, logs=None):
        if self.start_step + batch + 1 == 6 and not broken:
            broken.append(True)
            weight = self.model.trainable_variables[0]
            weight.assign(tf.fill(weight.shape, float("nan")))

    monkeypatch.setattr(
        callbacks.PeriodicEvaluation, "on_train_batch_end", break_weights
    )
    results = _run(records, tmp_path / "broken")
    output = capsys.readouterr().out
    assert "steps 7 to 9 had no finite loss" in output
    assert "first not finite: weight " in output
    assert "continuing at step 4" in output
    assert results["skipped_steps"] == 0 and results["step"] == NUM_STEPS
    assert _data_order(tmp_path / "broken") == 1

    # As if the good checkpoint of step 4 had been continued on the other batches.
    clean = _run(records, tmp_path / "clean")
    assert clean["weights_sha256"] != results["weights_sha256"]
    folder = tmp_path / "clean" / "checkpoints"
    (tmp_path / "clean" / "results.json").unlink()
    for step in (8, 12):
        (folder / f"step-{step:08d}.safetensors").unlink()
    _, tensors, header = checkpoints.read_newest(folder)
    metadata = json.loads(header["metadata"]) | {"data_order": 1}
    checkpoints.write(folder, 4, tensors, metadata)
    other = _run(records, tmp_path / "clean")
    assert other["weights_sha256"] == results["weights_sha256"]


@pytest.mark.integration
def test_lasting_faults_stop_the_run_with_a_report(
    records, tmp_path, monkeypatch, capsys
):
    _poison_batches(monkeypatch, lambda step: step >= 6)
    with pytest.raises(NumericsError) as caught:
        _run(records, tmp_path)
    message = str(caught.value)
    assert "steps 6 to 8 had no finite loss and gradient" in message
    assert "masked_lm nan" in message and "replaced_token 0." in message
    assert "learning rate " in message and "gradient norm nan" in message
    assert "the last finite one: none" not in message
    assert capsys.readouterr().out.count("going back") == 1
    assert checkpoints.latest_step(tmp_path / "checkpoints") == 4
    # The first steps fail: there is nothing to go back to.
    shutil.rmtree(tmp_path)
    _poison_batches(monkeypatch, lambda step: step >= 1)
    with pytest.raises(NumericsError, match="steps 1 to 3 .*last finite one: none"):
        _run(records, tmp_path)


@pytest.mark.integration
def test_float16_finds_its_loss_scale_and_continues_exactly(
    records, tmp_path, monkeypatch
):
    monkeypatch.setattr(trainer, "_INITIAL_LOSS_SCALE", 2.0**15)  # overflows
    settings = {"mixed_precision": "float16", "max_skipped_steps": 20}
    results = _run(records, tmp_path, **settings)
    metrics = _metrics(tmp_path)
    assert 0 < results["skipped_steps"] < 8
    assert metrics[1]["skipped_steps"] == 1 and metrics[1]["update_norm"] == 0.0
    assert all(np.isfinite(metrics[step]["loss"]) for step in metrics)
    assert metrics[NUM_STEPS]["update_norm"] > 0

    folder = tmp_path / "checkpoints"
    (tmp_path / "results.json").unlink()
    (folder / f"step-{NUM_STEPS:08d}.safetensors").unlink()
    _, tensors, header = checkpoints.read_newest(folder)
    assert int(header["step"]) == 8
    (scale,) = (t for name, t in tensors.items() if name.endswith("loss_scale"))
    assert scale == 2.0 ** (15 - results["skipped_steps"])
    again = _run(records, tmp_path, **settings)
    assert again["weights_sha256"] == results["weights_sha256"]
    assert again["skipped_steps"] == results["skipped_steps"]


@pytest.mark.integration
@pytest.mark.parametrize("strategy", ["one", "mirrored"])
def test_a_loss_that_is_not_finite_skips_the_step(strategy, monkeypatch):
    """Its gradient is finite; with two replicas it is one's alone."""
    strategy = cached_strategy(strategy)
    config = one_layer_config()
    model = build_trainer(config, strategy)
    network, loss_sums = model.network, model.network._loss_sums
    monkeypatch.setattr(
        network,
        "_loss_sums",
        lambda features, outputs: spoiled(features, loss_sums(features, outputs)),
    )

    def spoiled(features, sums):
        is_bad = tf.reduce_any(features["dropout_seed"] == -1)
        infinity = tf.where(is_bad, np.float32("inf"), 0.0)
        return sums | {"masked_lm": sums["masked_lm"] + infinity}

    batches = [random_features(config, seed) for seed in range(4)]
    batches[2]["dropout_seed"][0] = -1  # in the rows of the first replica
    replicas = strategy.num_replicas_in_sync
    rows = config.train.batch_size // replicas
    dataset = tf.data.Dataset.from_tensor_slices(
        {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    ).batch(rows)
    dataset = untuned(dataset)
    if replicas > 1:
        dataset = strategy.distribute_datasets_from_function(lambda _: dataset)
    seen = []

    def record(batch, logs):
        seen.append((float(logs["loss"]), checkpoints.weights_sha256(model)))

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=record)
    model.fit(
        dataset, steps_per_epoch=4, callbacks=[callback], verbose=0, shuffle=False
    )
    (_, _), (_, before), (bad, at), (_, after) = seen
    assert bad == np.inf
    assert at == before != after
    assert int(model.optimizer.skipped_steps.numpy()) == 1


def test_update_norm_is_how_far_the_weights_moved(records, tmp_path, monkeypatch):
    weights = []

    def keep(self, batch, logs=None):
        weights.append([np.array(v) for v in self.model.trainable_variables])

    monkeypatch.setattr(callbacks.PeriodicEvaluation, "on_train_batch_end", keep)
    _run(records, tmp_path, log_every=3)
    metrics = _metrics(tmp_path)
    assert [*metrics] == [1, 3, 6, 9, 12]
    for step in (3, 6, 9, 12):
        pairs = zip(weights[step - 1], weights[step - 2], strict=True)
        moved = np.concatenate([(new - old).ravel() for new, old in pairs])
        expected = np.linalg.norm(moved.astype(np.float64))
        np.testing.assert_allclose(metrics[step]["update_norm"], expected, rtol=1e-5)


@pytest.fixture
def network():
    return build_objective(tiny_config())


def _features():
    return {k: tf.constant(v) for k, v in random_features(tiny_config()).items()}


def test_report_names_a_weight_or_a_feature(network):
    features = _features()
    assert "nothing" in first_nonfinite(network, features)
    weights = features["masked_lm_weights"]
    bad = features | {"masked_lm_weights": weights * float("nan")}
    assert first_nonfinite(network, bad) == "feature masked_lm_weights of the batch"
    weight = network.trainable_variables[3]
    weight.assign(tf.fill(weight.shape, float("inf")))
    assert first_nonfinite(network, bad) == f"weight {weight.path}"


def test_report_names_the_first_layer(network):
    kernels = [
        v for v in network.encoder.trainable_variables if "feed_forward_1" in v.path
    ]
    kernel = next(v for v in kernels if v.path.endswith("kernel"))
    kernel.assign(tf.fill(kernel.shape, 3e38))
    found = first_nonfinite(network, _features())
    assert found.startswith("output of layer ") and "feed_forward_1" in found
    # The wrappers that watched are gone.
    assert "call" not in vars(network.encoder)
    layer = next(iter(network._flatten_layers(include_self=False)))
    assert "call" not in vars(layer)


def test_losses_are_read_once_in_so_many_steps():
    callback = numerics.StopWhenNonFinite(100, 3)
    good = {"loss": 1.0, "gradient_norm": 2.0, "learning_rate": 0.1}
    bad = good | {"gradient_norm": float("inf")}
    for batch, logs in enumerate([good, bad, bad, good, bad, bad]):
        callback.on_train_batch_end(batch, logs)
    callback.on_train_batch_end(6, bad)
    callback.on_train_batch_end(7, good)
    with pytest.raises(NumericsError, match="steps 105 to 107 .*one: 2") as caught:
        callback.on_train_batch_end(8, good)
    assert caught.value.first_step == 104
