import numpy as np
import pytest

from tf_pretrain.models import heads


def test_scatter_and_gather_match_the_original(golden):
    data = np.load(golden / "electra_masking" / "scatter_gather.npz")
    positions, updates = data["in_positions"], data["in_updates"]
    ids, written = heads.scatter_ids(
        data["in_sequence"], positions, updates, np.ones(positions.shape, np.float32)
    )
    np.testing.assert_array_equal(ids, data["out_scatter_int"])
    np.testing.assert_array_equal(written, data["out_scatter_mask"])
    gathered = heads.gather_positions(data["in_vectors"], positions)
    np.testing.assert_array_equal(gathered, data["out_gather_float"])


def test_unused_slots_write_nothing():
    ids, written = heads.scatter_ids(
        np.array([[7, 8, 9]], np.int32),
        np.array([[2, 1]], np.int32),
        np.array([[5, 6]], np.int32),
        np.array([[1.0, 0.0]], np.float32),
    )
    np.testing.assert_array_equal(ids, [[7, 8, 5]])
    np.testing.assert_array_equal(written, [[0, 0, 1]])


def _softmax(logits):
    mass = np.exp(logits - logits.max(-1, keepdims=True))
    return mass / mass.sum(-1, keepdims=True)


@pytest.mark.parametrize("size", [5, 128, 300])
def test_sampling_inverts_the_distribution_function(size):
    rng = np.random.default_rng(size)
    logits = rng.normal(size=(400, size)).astype(np.float32) * 3
    uniform = rng.random(400, np.float32)
    expected = [
        np.searchsorted(np.cumsum(p), u, side="right")
        for p, u in zip(_softmax(logits.astype(np.float64)), uniform, strict=True)
    ]
    got = np.asarray(heads.sample_categorical(logits, uniform))
    # float32 sums may move a draw that falls on a boundary to the neighbour.
    assert (got != expected).mean() < 0.01


def test_sampling_ends_of_the_range():
    logits = np.array([[-np.inf, 0.0, 0.0, -np.inf]] * 2, np.float32)
    uniform = np.array([0.0, np.nextafter(np.float32(1), np.float32(0))], np.float32)
    np.testing.assert_array_equal(heads.sample_categorical(logits, uniform), [1, 2])


@pytest.mark.parametrize("kind", ["categorical", "gumbel"])
def test_samples_have_the_softmax_frequencies(kind):
    probs = np.array([0.5, 0.3, 0.15, 0.05])
    draws = 20000
    logits = np.log(np.tile(probs, (draws, 1))).astype(np.float32)
    uniform = np.random.default_rng(0).random(draws, np.float32)
    samples = getattr(heads, f"sample_{kind}")(logits, uniform)
    counts = np.bincount(np.asarray(samples), minlength=4)
    chi2 = ((counts - draws * probs) ** 2 / (draws * probs)).sum()
    assert chi2 < 16.3  # 3 degrees of freedom, p = 0.001
