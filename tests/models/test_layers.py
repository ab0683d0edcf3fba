import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from support.tiny import tiny_config
from tf_pretrain.models import layers


def _norm(x, gamma, beta):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-12) * gamma + beta


def _weights(layer, rng):
    """Random values for every weight, by name; zeros would hide mistakes."""
    values = {}
    for variable in layer.weights:
        value = rng.normal(size=variable.shape).astype("float32")
        variable.assign(value)
        values["/".join(variable.path.split("/")[1:])] = value
    return values


def test_sinusoidal_positions():
    """One product leads from each position to the one k later; the given deviation."""
    table = np.array(layers.sinusoidal(0.05)((64, 16), "float32"))
    assert np.sqrt(np.mean(table**2)) == pytest.approx(0.05, rel=1e-6)
    shift, *_ = np.linalg.lstsq(table[:-3], table[3:], rcond=None)
    np.testing.assert_allclose(table[:-3] @ shift, table[3:], atol=1e-5)
    waves = table[5, [0, 8]], table[5, [2, 10]]
    for (sine, cosine), rate in zip(waves, (1, 64 ** (-2 / 8)), strict=True):
        expected = 0.05 * 2**0.5 * np.array([np.sin(5 * rate), np.cos(5 * rate)])
        np.testing.assert_allclose([sine, cosine], expected, rtol=1e-5)
    config = dataclasses.replace(tiny_config().model, position_initializer="sinusoidal")
    embeddings = layers.Embeddings(config)
    embeddings.build(None)
    expected = layers.sinusoidal(config.initializer_range)(
        embeddings.position_embeddings.shape, "float32"
    )
    np.testing.assert_array_equal(embeddings.position_embeddings, expected)
    words, segments = embeddings.word_embeddings, embeddings.token_type_embeddings
    assert not np.isin(segments, words).any()  # not the same draws


@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_tanh", "relu"])
def test_feed_forward_matches_numpy(hidden_act):
    def gelu(x):
        if hidden_act == "relu":
            return np.maximum(x, 0)
        if hidden_act == "gelu":
            return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    rng = np.random.default_rng(0)
    config = tiny_config(model={"hidden_act": hidden_act}).model
    layer = layers.FeedForward(config, name="ffn")
    x = rng.normal(size=(2, 3, config.hidden_size)).astype("float32")
    layer.build(x.shape)
    w = _weights(layer, rng)
    inner = gelu(x @ w["intermediate/kernel"] + w["intermediate/bias"])
    update = inner @ w["output/kernel"] + w["output/bias"]
    expected = _norm(x + update, w["layer_norm/gamma"], w["layer_norm/beta"])
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)


def test_self_attention_matches_numpy():
    rng = np.random.default_rng(1)
    config = tiny_config().model
    layer = layers.SelfAttention(config, name="attention")
    x = rng.normal(size=(2, 5, config.hidden_size)).astype("float32")
    layer.build(x.shape)
    w = _weights(layer, rng)
    bias = np.zeros((2, 1, 1, 5), "float32")
    bias[1, ..., 3:] = -10000.0
    size = config.hidden_size // config.num_attention_heads

    context = np.zeros_like(x)
    for row in range(2):
        for head in range(config.num_attention_heads):
            part = slice(head * size, (head + 1) * size)
            q, k, v = (
                (x[row] @ w[f"{n}/kernel"] + w[f"{n}/bias"])[:, part]
                for n in ("query", "key", "value")
            )
            scores = q @ k.T / math.sqrt(size) + bias[row, 0]
            probs = np.exp(scores - scores.max(-1, keepdims=True))
            probs /= probs.sum(-1, keepdims=True)
            context[row, :, part] = probs @ v
    update = context @ w["output/kernel"] + w["output/bias"]
    expected = _norm(x + update, w["layer_norm/gamma"], w["layer_norm/beta"])
    rows = x.reshape(10, config.hidden_size)
    answer = np.reshape(layer(rows, bias), x.shape)
    np.testing.assert_allclose(answer, expected, rtol=1e-3, atol=1e-4)


class TestRowDropout:
    seeds = np.arange(64, dtype=np.int32) * 7919

    def _mask(self, shape=(64, 32, 16), rate=0.1, seeds=None, calls=1):
        dropout = layers.RowDropout(self.seeds if seeds is None else seeds)
        for _ in range(calls):
            dropped = dropout(tf.ones(shape), rate)
        return dropped.numpy()

    def test_rate_and_scale(self):
        dropped = self._mask()
        values = np.unique(dropped)
        np.testing.assert_allclose(values, [0.0, 1 / 0.9], rtol=1e-6)
        zeros = (dropped == 0).mean()
        bound = 5 * math.sqrt(0.1 * 0.9 / dropped.size)
        assert abs(zeros - 0.1) < bound

    def test_a_row_depends_on_its_seed_only(self):
        whole = self._mask()
        half = self._mask(shape=(32, 32, 16), seeds=self.seeds[32:])
        np.testing.assert_array_equal(whole[32:], half)

    def test_calls_rows_and_neighbours_are_independent(self):
        first, second = self._mask() == 0, self._mask(calls=2) == 0
        bound = 5 * math.sqrt(0.01 * 0.99 / first.size)
        for other in (second, np.roll(first, 1, 0), np.roll(first, 1, 1)):
            assert abs((first & other).mean() - 0.01) < bound
        assert abs((first & np.roll(first, 1, 2)).mean() - 0.01) < bound

    def test_compiles_to_the_same_bits(self):
        dropout = tf.function(
            lambda x: layers.RowDropout(self.seeds)(x, 0.3), jit_compile=True
        )
        x = tf.ones((64, 8, 4))
        expected = layers.RowDropout(self.seeds)(x, 0.3)
        np.testing.assert_array_equal(dropout(x), expected)
