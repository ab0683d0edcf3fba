"""The Transformer's parts, shared by ELECTRA, ALBERT and BERT.

Shape letters: B batch, S sequence, N heads, H head width, D hidden size, E embedding
size, V vocabulary.
"""

import keras
import numpy as np
from keras import ops

LAYER_NORM_EPSILON = 1e-12  # as the originals; float32 even under mixed precision


def activation(name):
    """The activation of the original: exact (erf) GELU, its tanh form, or ReLU."""
    if name == "gelu":
        return _gelu
    if name == "gelu_tanh":
        return lambda x: keras.activations.gelu(x, approximate=True)
    return keras.activations.relu


def _gelu(x):
    # As the originals write it. Keras uses erfc, which costs several times as much as
    # erf on TensorFlow's CPU.
    return 0.5 * x * (1.0 + ops.erf(x * 0.5**0.5))


def truncated_normal(stddev):
    """The initializer of embeddings and kernels in both original programs."""
    return keras.initializers.TruncatedNormal(stddev=stddev)


def sinusoidal(stddev):
    """Initial positions from sines and cosines (Vaswani et al., 2017, sec. 3.5).

    The wave lengths range from 2 pi to 2 pi times the number of positions, and the
    values are scaled to the standard deviation `stddev`. With them, one matrix can
    attend to the token k places before, at every position. From random vectors this
    must be learned separately for each position (docs/results.md).
    """

    def initialize(shape, dtype=None):
        positions, size = shape
        waves = (size + 1) // 2
        rates = float(positions) ** (-np.arange(waves) / waves)
        angles = np.arange(positions)[:, None] * rates
        table = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[:, :size]
        return ops.cast(table * stddev * 2**0.5, dtype)

    return initialize


def dense(config, units, dtype, name, activation=None):
    """A dense layer whose kernel is initialised as in the original programs.

    Each layer gets its own initializer object. A Keras initializer that is used twice
    returns the same values twice, and with equal query and key kernels each token would
    at first attend to itself.
    """
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=truncated_normal(config.initializer_range),
        dtype=dtype,
        name=name,
    )


def layer_norm(dtype):
    """LayerNormalization with the epsilon of the original programs."""
    return keras.layers.LayerNormalization(
        epsilon=LAYER_NORM_EPSILON, dtype=dtype, name="layer_norm"
    )


# Shifts and multipliers of the hash in `random_bits`: odd, well-mixing constants.
_ROW, _ELEMENT = -1640531535, -2048144777
_MIX = ((16, 2146121005), (15, -2073254261))


def random_bits(seeds, size, call=0):
    """Pseudo-random int32 [N, size], computed from one int32 seed for each row.

    The value is an integer hash of (seed, call, position in the row), with two
    multiply-xorshift rounds. It costs a third of a Philox draw, the compiler can fuse
    it into the surrounding arithmetic, and it is the same in TensorFlow, JAX and
    PyTorch.

    Args:
        seeds: int32 [N].
        size: Numbers for each row.
        call: An integer that separates several uses of the same seeds.
    """
    rows = _hash(seeds * _ROW + call)
    index = ops.arange(size, dtype="int32")
    return _hash(rows[:, None] + index * _ELEMENT)


def _hash(x):
    for shift, multiplier in _MIX:
        x = _xor_shift(x, shift) * multiplier
    return _xor_shift(x, 16)


def _xor_shift(x, shift):
    """x ^ (x >> shift) with a logical shift.

    An int32 shift copies the sign bit; the mask removes these copies.
    """
    shifted = ops.bitwise_right_shift(x, shift)
    return ops.bitwise_xor(x, ops.bitwise_and(shifted, 2 ** (32 - shift) - 1))


class RowDropout:
    """Dropout whose masks are computed from one seed for each row of the batch.

    A mask depends only on the row's seed, the number of dropouts before it in this
    forward pass, and the position in the row (see `random_bits`). So an example gets
    the same masks on one replica as on eight.

    Args:
        seeds: int32 [B], different for each row and step.
    """

    _CALL = 668265263  # odd, well mixed

    def __init__(self, seeds):
        self._seeds = ops.cast(seeds, "int32")
        self._calls = 0

    def __call__(self, x, rate):
        """Zeroes a share `rate` of x and scales the rest by 1 / (1 - rate).

        Args:
            x: [B, ...], or [B * S, ...] with the S tokens of each row adjacent.
        """
        if rate == 0.0:
            return x
        self._calls += 1
        call = (self._calls * self._CALL + 2**31) % 2**32 - 2**31  # as int32 wraps
        shape = ops.shape(x)
        x = ops.reshape(x, (ops.shape(self._seeds)[0], -1))
        bits = random_bits(self._seeds, ops.shape(x)[1], call)
        threshold = int(round(rate * 2**32)) - 2**31
        keep = ops.cast(bits >= threshold, x.dtype)
        return ops.reshape(x * keep * ops.cast(1.0 / (1.0 - rate), x.dtype), shape)


def no_dropout(x, rate):
    """Replaces RowDropout outside training: returns x."""
    del rate
    return x


class Embeddings(keras.layers.Layer):
    """Sum of word, position and segment embeddings, normalised (Devlin et al., 2019).

    The tables have width E. It differs from the hidden size in ALBERT (Lan et al.,
    2019, sec. 3.1) and in ELECTRA-Small (Clark et al., 2020, appendix A). ELECTRA's
    two networks share one instance, LayerNorm included.

    Call: input_ids, segment_ids int32 [B, S] -> [B, S, E].
    """

    def __init__(self, config, dtype=None, name="embeddings"):
        # No autocast: the gradient of a frequent token is the sum of hundreds of rows,
        # and a sum in bfloat16 would lose most of them.
        super().__init__(dtype=dtype, name=name, autocast=False)
        self.config = config
        self.layer_norm = layer_norm(dtype)

    def build(self, input_shape):
        config = self.config
        positions = truncated_normal
        if config.position_initializer == "sinusoidal":
            positions = sinusoidal
        # One initializer for each: used twice, it would return the same values twice.
        for name, size, initializer in (
            ("word_embeddings", config.vocab_size, truncated_normal),
            ("position_embeddings", config.max_position_embeddings, positions),
            ("token_type_embeddings", config.type_vocab_size, truncated_normal),
        ):
            table = self.add_weight(
                name=name,
                shape=(size, config.embedding_size),
                initializer=initializer(config.initializer_range),
            )
            setattr(self, name, table)
        self.layer_norm.build((None, None, config.embedding_size))

    def call(self, input_ids, segment_ids, dropout=no_dropout):
        length = ops.shape(input_ids)[1]  # a tensor in a graph of any length
        x = ops.take(self.word_embeddings, input_ids, axis=0)
        x = x + self.position_embeddings[:length]
        # The table has two rows only: a product is faster than a gather, both forwards
        # and backwards.
        segments = ops.one_hot(segment_ids, self.config.type_vocab_size, dtype=x.dtype)
        x = x + ops.matmul(segments, ops.cast(self.token_type_embeddings, x.dtype))
        x = self.layer_norm(ops.cast(x, self.compute_dtype))
        return dropout(x, self.config.hidden_dropout_prob)


class SelfAttention(keras.layers.Layer):
    """LayerNorm(x + W_o attention(x)): every token attends to all real tokens.

    Vaswani et al. (2017), sec. 3.2, in the post-norm form of BERT, ELECTRA and ALBERT.
    The softmax is computed in float32.

    Call: x [B * S, D], attention_bias [B, 1, 1, S] (0 or -10000) -> [B * S, D].
    """

    def __init__(self, config, dtype=None, name=None):
        # No autocast: the bias of -10000 stays float32 under mixed precision.
        super().__init__(dtype=dtype, name=name, autocast=False)
        self.config = config
        self.query, self.key, self.value, self.output_dense = (
            dense(config, config.hidden_size, dtype, name)
            for name in ("query", "key", "value", "output")
        )
        self.layer_norm = layer_norm(dtype)

    def build(self, input_shape):
        for layer in (self.query, self.key, self.value, self.output_dense):
            layer.build(input_shape)
        self.layer_norm.build(input_shape)

    def _query_key_value(self, x, length):
        """[B * S, D] -> three of [B, S, N, H], the query scaled.

        One product with the three kernels side by side is faster on a CPU than three
        products, forwards and backwards. The variables remain separate, as in every
        checkpoint format.
        """
        parts = (self.query, self.key, self.value)
        kernel = ops.concatenate([part.kernel for part in parts], axis=1)
        bias = ops.concatenate([part.bias for part in parts], axis=0)
        x = ops.cast(x, self.compute_dtype)
        x = ops.matmul(x, ops.cast(kernel, x.dtype)) + ops.cast(bias, x.dtype)
        num_heads = self.config.num_attention_heads
        head_size = self.config.hidden_size // num_heads
        x = ops.reshape(x, (-1, length, 3, num_heads, head_size))
        query, key, value = (x[:, :, i] for i in range(len(parts)))
        return query * ops.cast(head_size**-0.5, x.dtype), key, value

    def call(self, x, attention_bias, dropout=no_dropout):
        config = self.config
        length = ops.shape(attention_bias)[3]
        query, key, value = self._query_key_value(x, length)
        scores = ops.einsum("bqnh,bknh->bnqk", query, key)
        scores = ops.cast(scores, "float32") + attention_bias
        probs = ops.cast(ops.softmax(scores), x.dtype)
        probs = dropout(probs, config.attention_probs_dropout_prob)
        context = ops.einsum("bnqk,bknh->bqnh", probs, value)
        context = ops.reshape(context, (-1, config.hidden_size))
        update = dropout(self.output_dense(context), config.hidden_dropout_prob)
        return self.layer_norm(x + update)


class FeedForward(keras.layers.Layer):
    """LayerNorm(x + W_2 act(W_1 x + b_1) + b_2) (Vaswani et al., 2017, sec. 3.3).

    Call: x [B * S, D] -> [B * S, D].
    """

    def __init__(self, config, dtype=None, name=None):
        super().__init__(dtype=dtype, name=name)
        self.config = config
        self.activation = activation(config.hidden_act)
        self.intermediate = dense(
            config, config.intermediate_size, dtype, "intermediate"
        )
        self.output_dense = dense(config, config.hidden_size, dtype, "output")
        self.layer_norm = layer_norm(dtype)

    def build(self, input_shape):
        self.intermediate.build(input_shape)
        self.output_dense.build((*input_shape[:-1], self.config.intermediate_size))
        self.layer_norm.build(input_shape)

    def call(self, x, dropout=no_dropout):
        update = self.output_dense(self.activation(self.intermediate(x)))
        return self.layer_norm(x + dropout(update, self.config.hidden_dropout_prob))
