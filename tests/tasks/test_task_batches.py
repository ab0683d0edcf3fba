import dataclasses

import numpy as np
import pytest

from support.tiny import tiny_config
from tf_pretrain.config import FinetuneSettings
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.tasks import batches
from tf_pretrain.tasks.examples import Examples

SETTINGS = FinetuneSettings(batch_size=4, max_seq_length=24)
ROWS = 4 * 30  # a whole number of batches


def examples(count=ROWS, seed=0):
    """Example i has the label i, and begins with the id i + 100."""
    rng = np.random.default_rng(seed)
    ids = [
        np.append(i + 100, rng.integers(5, 50, rng.integers(1, 24))).astype(np.int32)
        for i in range(count)
    ]
    segments = [(np.arange(len(row)) > 2).astype(np.int32) for row in ids]
    return Examples(ids, segments, np.arange(count, dtype=np.int32))


def test_every_epoch_has_every_example_once():
    found = list(batches.training_batches(examples(), SETTINGS, 60, seed=1))
    labels = np.concatenate([batch["labels"] for batch in found])
    assert all(len(batch["labels"]) == 4 for batch in found)
    # A pool of batches spans the epochs' border, so only the sum is whole.
    np.testing.assert_array_equal(np.bincount(labels), np.full(ROWS, 2))
    first_pool = np.bincount(labels[: 4 * batches.POOL_BATCHES], minlength=ROWS)
    assert set(first_pool) == {1, 2}


def test_epochs_are_in_different_orders():
    stream = batches._shuffled_indices(ROWS, seed=1)
    first, second = ([next(stream) for _ in range(ROWS)] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(ROWS)) and first != second


def test_batches_are_a_function_of_seed_and_step():
    first, again, other = (
        list(batches.training_batches(examples(), SETTINGS, 60, seed))
        for seed in (1, 1, 2)
    )
    for a, b in zip(first, again, strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
    assert any(
        (a["labels"] != b["labels"]).any() for a, b in zip(first, other, strict=True)
    )
    seeds = np.concatenate([batch["dropout_seed"] for batch in first])
    assert len(set(seeds.tolist())) > 0.99 * len(seeds)
    # The order is no order of length: 60 batches in 2 pools.
    widths = [batch["input_ids"].shape[1] for batch in first]
    assert widths != sorted(widths) and set(widths) == {8, 16, 24}


def test_another_padding_gives_the_same_batches(monkeypatch):
    """JAX, which compiles every shape, pads to fewer lengths."""
    settings = dataclasses.replace(SETTINGS, max_seq_length=40)
    short = list(batches.training_batches(examples(), settings, 60, seed=1))
    monkeypatch.setattr(batches.keras.config, "backend", lambda: "jax")
    padded = list(batches.training_batches(examples(), settings, 60, seed=1))
    assert {batch["input_ids"].shape[1] for batch in padded} == {32}
    for a, b in zip(short, padded, strict=True):
        width = a["input_ids"].shape[1]
        np.testing.assert_array_equal(a["input_ids"], b["input_ids"][:, :width])
        assert not b["input_mask"][:, width:].any()
        for name in ("labels", "dropout_seed"):
            np.testing.assert_array_equal(a[name], b[name])


def test_rows_are_whole_and_padding_is_short():
    data = examples()
    lengths = data.lengths
    padding = 0
    for batch in batches.training_batches(data, SETTINGS, 60, seed=1):
        width = batch["input_ids"].shape[1]
        longest = lengths[batch["labels"]].max()
        assert (
            width % batches.LENGTH_STEP == 0 and width - longest < batches.LENGTH_STEP
        )
        for row, label in enumerate(batch["labels"]):
            length = lengths[label]
            mask = np.arange(width) < length
            np.testing.assert_array_equal(batch["input_mask"][row], mask)
            np.testing.assert_array_equal(
                batch["input_ids"][row, :length], data.input_ids[label]
            )
            np.testing.assert_array_equal(
                batch["segment_ids"][row, :length], data.segment_ids[label]
            )
            assert not batch["input_ids"][row, length:].any()
            padding += width - length
    # To the multiple of 8: 3.5 a row. Ungrouped batches of 4 would have 9.
    assert padding / (2 * ROWS) < 5


def test_without_groups_all_are_padded_to_the_limit():
    settings = dataclasses.replace(SETTINGS, group_by_length=False)
    for batch in batches.training_batches(examples(), settings, 3, seed=1):
        assert batch["input_ids"].shape == (4, 24)


@pytest.mark.parametrize("count", [1, 64, 65, 130])
def test_evaluation_has_every_example_once(count):
    data = examples(count)
    seen = np.zeros(count, int)
    for indices, features in batches.evaluation_batches(data, SETTINGS):
        seen[indices] += 1
        real = features["example_weights"] > 0
        assert len(real) == data.evaluation_rows
        np.testing.assert_array_equal(features["labels"][real], indices)
        np.testing.assert_array_equal(features["input_ids"][real, 0], indices + 100)
    assert (seen == 1).all()


def test_padding_changes_no_logit():
    """The same examples in groups, and padded to the limit among other rows."""
    config = tiny_config(model={"vocab_size": 300, "initializer_range": 0.5}).model
    network = Classifier(Encoder(config), 3)
    data = examples()
    logits = {}
    for group in (True, False):
        settings = dataclasses.replace(SETTINGS, group_by_length=group)
        found = np.zeros((ROWS, 3), np.float32)
        for indices, features in batches.evaluation_batches(data, settings):
            found[indices] = network(features)[: len(indices)]
        logits[group] = found
    assert np.abs(logits[True]).max() > 0.5
    np.testing.assert_allclose(logits[True], logits[False], rtol=0, atol=1e-6)
