"""Two-stage training: what is trained when, the copy between, and going on later."""

import json
import re
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from support.corpus import write_corpus
from support.tiny import (
    cached_strategy,
    one_layer_config,
    random_features,
    tiny_config,
    with_dropout,
)
from support.training import TWO_STAGE
from tf_pretrain import config as config_lib
from tf_pretrain.interchange.loading import load_pretrainer
from tf_pretrain.models.building import build_objective
from tf_pretrain.models.generator_training import TwoStage
from tf_pretrain.runs.data import Sources
from tf_pretrain.runs.pretrain import pretrain
from tf_pretrain.training import checkpoints
from tf_pretrain.training.building import build_trainer

STEPS = 5  # 0 and 1 train the generator


def _config(**model):
    return with_dropout(
        one_layer_config(objective=TWO_STAGE, train={"num_steps": STEPS}, model=model)
    )


def _weights(trainer):
    return {v.path: v.numpy() for v in trainer.network.weights}


class _Record(keras.callbacks.Callback):
    """Logs and weights after every step; checkpoints if given a folder."""

    def __init__(self, start=0, folder=None):
        super().__init__()
        self.start, self.folder = start, folder
        self.logs, self.weights = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append({name: float(value) for name, value in logs.items()})
        self.weights.append(_weights(self.model))
        if self.folder is not None:
            checkpoints.save(self.folder, self.start + batch + 1, self.model, 9, {})

    def on_epoch_end(self, epoch, logs=None):
        self.epoch = logs


def _train(trainer, start, stop, **kwargs):
    batches = [random_features(trainer.network.config, s) for s in range(start, stop)]
    dataset = tf.data.Dataset.from_tensor_slices(
        {name: np.stack([b[name] for b in batches]) for name in batches[0]}
    )
    record = _Record(start, **kwargs)
    copy = TwoStage.copy_generator
    with mock.patch.object(
        TwoStage, "copy_generator", autospec=True, side_effect=copy
    ) as copied:
        trainer.fit(
            dataset,
            steps_per_epoch=stop - start,
            callbacks=[record],
            shuffle=False,
            verbose=0,
        )
    record.copies = copied.call_count
    return record


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """(initial weights, record, folder of checkpoints of every step)."""
    folder = tmp_path_factory.mktemp("checkpoints")
    trainer = build_trainer(_config(), cached_strategy("one"))
    initial = _weights(trainer)
    return initial, _train(trainer, 0, STEPS, folder=folder), folder


def _moved(before, after, start):
    """Whether each part whose path begins with `start` has changed."""
    moved = {p: np.any(before[p] != after[p]) for p in before if p.startswith(start)}
    assert moved
    return set(moved.values())


@pytest.mark.integration
def test_first_the_generator_alone_then_the_discriminator_alone(unbroken):
    initial, record, _ = unbroken
    generator = ("generator/", "masked_lm_head/")
    discriminator = ("discriminator/", "replaced_token_head/")
    weights = [initial, *record.weights]
    # The rate of step 0 is 0. Weight decay, too, leaves alone what is frozen.
    assert _moved(weights[1], weights[2], "generator/attention") == {True}
    assert _moved(weights[0], weights[2], discriminator) == {False}
    for step in range(2, STEPS):
        assert _moved(weights[step], weights[step + 1], generator) == {False}
        assert _moved(weights[step], weights[step + 1], "discriminator/att") == {True}
    losses = [{"masked_lm", "replaced_token"} & set(logs) for logs in record.logs]
    assert losses == [{"masked_lm"}] * 2 + [{"replaced_token"}] * 3
    for logs in record.logs:
        coefficient = 1 if "masked_lm" in logs else 50
        (name,) = {"masked_lm", "replaced_token"} & set(logs)
        np.testing.assert_allclose(logs["loss"], coefficient * logs[name], rtol=1e-5)


def test_losses_of_an_epoch_are_means_over_the_steps_that_have_them(unbroken):
    _, record, _ = unbroken
    for name in ("masked_lm", "replaced_token"):
        values = [logs[name] for logs in record.logs if name in logs]
        assert record.epoch[name] == pytest.approx(np.mean(values))


def test_the_discriminator_begins_as_a_copy_of_the_generator(unbroken):
    _, record, _ = unbroken
    copied, after = record.weights[1], record.weights[2]
    rate = record.logs[2]["learning_rate"]
    assert record.copies == 1
    count = 0
    for path, value in after.items():
        if path.startswith("discriminator/"):
            source = copied[path.replace("discriminator/", "generator/")]
            # One step of Adam without bias correction moves a weight by at most
            # (1 - beta_1) / sqrt(1 - beta_2) = 3.2 rates, and the decay.
            assert np.abs(value - source).max() < 3.3 * rate
            count += 1
    assert count == sum(path.startswith("generator/") for path in after)


def test_copy_takes_everything_but_the_pooler():
    config = tiny_config(objective=TWO_STAGE, sentence="sentence_order")
    network = build_objective(config)
    pooler = network.discriminator.pooler.kernel.numpy()
    network.copy_generator()
    features = random_features(config)
    np.testing.assert_array_equal(
        network.discriminator(features)["sequence_output"],
        network.generator(features)["sequence_output"],
    )
    np.testing.assert_array_equal(network.discriminator.pooler.kernel, pooler)


def test_equal_sizes_where_heads_are_not_64_wide():
    config = tiny_config(objective=TWO_STAGE)
    assert config.model.num_attention_heads == 2
    assert config_lib.generator_config(config) == config.model


@pytest.fixture(scope="module")
def another():
    """A trainer that goes on from checkpoints; which one it had before is no matter."""
    return build_trainer(_config(), cached_strategy("one"))


@pytest.mark.integration
@pytest.mark.parametrize("start", [1, 2, 4])  # before, at and after the copy
def test_going_on_gives_the_same_bits(unbroken, another, start, tmp_path):
    _, record, folder = unbroken
    for path in folder.iterdir():
        if int(re.search(r"\d+", path.name)[0]) <= start:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert checkpoints.restore(tmp_path, another)[0] == start
    rest = _train(another, start, STEPS)
    assert rest.copies == (start <= 2)
    assert rest.logs == record.logs[start:]
    for path, value in rest.weights[-1].items():
        np.testing.assert_array_equal(value, record.weights[-1][path], err_msg=path)


@pytest.mark.integration
@pytest.mark.parametrize("ablation", ["two-stage", "unigram"])
def test_whole_run(tmp_path, ablation):
    objective = TWO_STAGE if ablation == "two-stage" else {"generator": "unigram"}
    config = one_layer_config(
        objective=objective,
        model={"vocab_size": 120, "max_position_embeddings": 32},
        data={"max_seq_length": 32, "heldout_fraction": 0.2},
        train={"log_every": 3, "checkpoint_every": 2, "eval_steps": 1},
    )
    text = write_corpus(tmp_path / "text.txt")
    workdir = tmp_path / "run"
    results = pretrain(config, workdir, Sources(str(text)))
    assert results["step"] == 4
    assert "replaced_token_accuracy" in results["eval"]
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    lines = [json.loads(line) for line in lines]
    logged = {line["step"]: set(line) for line in lines if "eval" not in line}
    if ablation == "two-stage":
        assert "masked_lm" in logged[1] and "replaced_token" in logged[3]
    else:
        counts = checkpoints.read_newest(workdir / "checkpoints")[1]
        counts = counts["model/token_generator/token_counts"]
        assert counts.sum() > 1000
        loaded = load_pretrainer(workdir).network.token_generator
        np.testing.assert_array_equal(loaded.token_counts, counts)
    # Killed after the last checkpoint: the digest is over both networks again.
    (workdir / "results.json").unlink()
    again = pretrain(config, workdir, Sources(str(text)))
    assert again["weights_sha256"] == results["weights_sha256"]
    assert again["eval"] == results["eval"]
