"""Prediction heads, and the gather, scatter and sampling between them.

Shape letters are those of layers.py, and P is the number of prediction slots of an
example.
"""

import keras
from keras import ops

from tf_pretrain.models import layers

_SAMPLING_BLOCK = 128


def gather_positions(x, positions):
    """Rows of x [B, S, D] at positions int [B, P] -> [B, P, D]."""
    return ops.take_along_axis(x, positions[:, :, None], axis=1)


def scatter_ids(input_ids, positions, ids, weights):
    """Writes ids [B, P] into input_ids [B, S] at positions, where weights are > 0.

    As in the released ELECTRA code, position 0 is never written (unused slots point
    there), and a position that occurs more than once receives the floor of the mean
    of its ids.

    Returns:
        The new ids int32 [B, S], and a mask int32 [B, S] that is 1 where one was
        written.
    """
    length = input_ids.shape[1]
    used = ops.logical_and(weights > 0, positions > 0)
    hit = ops.logical_and(
        positions[:, :, None] == ops.arange(length, dtype=positions.dtype),
        used[:, :, None],
    )
    hit = ops.cast(hit, "int32")  # [B, P, S]
    count = ops.sum(hit, axis=1)
    total = ops.sum(hit * ids[:, :, None], axis=1)
    written = ops.cast(count > 0, "int32")
    mean = ops.floor_divide(total, ops.maximum(count, 1))
    return written * mean + (1 - written) * input_ids, written


def sample_categorical(logits, uniform):
    """Draws from softmax(logits) by inverting the distribution function.

    The result is exact up to float32 rounding. The vocabulary is divided into blocks.
    One pass sums each block, and then only the chosen block is summed piece by piece,
    so a sample costs about one softmax. Each sample needs one uniform number, given as
    an argument. So the result is the same on every backend and any number of replicas.

    Args:
        logits: [..., V], any float type; computed in float32.
        uniform: float32 [...], in [0, 1).

    Returns:
        int32 [...], each in 0..V-1.
    """
    size = logits.shape[-1]
    logits = ops.cast(logits, "float32")
    mass = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
    padding = -size % _SAMPLING_BLOCK
    mass = ops.pad(mass, [(0, 0)] * (len(logits.shape) - 1) + [(0, padding)])
    mass = ops.reshape(mass, (*ops.shape(mass)[:-1], -1, _SAMPLING_BLOCK))

    blocks = ops.cumsum(ops.sum(mass, axis=-1), axis=-1)
    target = uniform * blocks[..., -1]
    # Rounding may put the target past the end; then take the last block with mass.
    block = ops.sum(ops.cast(blocks <= target[..., None], "int32"), axis=-1)
    block = ops.minimum(block, blocks.shape[-1] - 1)
    before = ops.concatenate(
        [ops.zeros_like(blocks[..., :1]), blocks[..., :-1]], axis=-1
    )
    before = ops.take_along_axis(before, block[..., None], axis=-1)
    inside = ops.take_along_axis(mass, block[..., None, None], axis=-2)[..., 0, :]
    inside = before + ops.cumsum(inside, axis=-1)
    index = ops.sum(ops.cast(inside <= target[..., None], "int32"), axis=-1)
    sampled = block * _SAMPLING_BLOCK + ops.minimum(index, _SAMPLING_BLOCK - 1)
    return ops.minimum(sampled, size - 1)


def sample_gumbel(logits, uniform):
    """Draws from softmax(logits) as argmax of logits plus Gumbel noise.

    The released ELECTRA code samples in this way. It needs V random numbers for each
    sample, which are computed here from the one that `sample_categorical` takes.

    Args:
        logits: [..., V].
        uniform: float32 [...], in [0, 1).

    Returns:
        int32 [...].
    """
    shape = ops.shape(logits)
    seeds = ops.cast(ops.reshape(uniform, (-1,)) * 2.0**24, "int32")
    bits = layers.random_bits(seeds, shape[-1])
    # The upper 24 bits, which are as many as a float32 in [0, 1) holds.
    noise = ops.bitwise_and(ops.bitwise_right_shift(bits, 8), 2**24 - 1)
    noise = ops.reshape(ops.cast(noise, "float32") * 2.0**-24, shape)
    gumbel = -ops.log(-ops.log(noise + 1e-9) + 1e-9)
    return ops.cast(ops.argmax(ops.cast(logits, "float32") + gumbel, -1), "int32")


class MaskedLMHead(keras.layers.Layer):
    """Vocabulary logits at the masked positions, tied to the word embeddings.

    A dense layer to width E, activation, LayerNorm, the product with the word table,
    and a bias (Devlin et al., 2019; the same in ELECTRA and ALBERT). The positions are
    gathered first, so the product with the vocabulary is computed for masked tokens
    only.

    Call: sequence_output [B, S, D], positions [B, P], word_embeddings [V, E]
    -> float32 [B, P, V].
    """

    def __init__(self, config, embedding_size, dtype=None, name="masked_lm_head"):
        super().__init__(dtype=dtype, name=name)
        self.config = config
        self.embedding_size = embedding_size
        self.activation = layers.activation(config.hidden_act)
        self.dense = layers.dense(config, embedding_size, dtype, "dense")
        self.layer_norm = layers.layer_norm(dtype)

    def build(self, *input_shapes):
        self.dense.build((None, None, self.config.hidden_size))
        self.layer_norm.build((None, None, self.embedding_size))
        self.output_bias = self.add_weight(
            name="output_bias", shape=(self.config.vocab_size,), initializer="zeros"
        )
        self.built = True

    def call(self, sequence_output, positions, word_embeddings):
        x = gather_positions(sequence_output, positions)
        x = self.layer_norm(self.activation(self.dense(x)))
        table = ops.cast(word_embeddings, x.dtype)
        logits = ops.matmul(x, ops.transpose(table))
        return ops.cast(logits, "float32") + ops.cast(self.output_bias, "float32")


class ReplacedTokenHead(keras.layers.Layer):
    """A logit for every token: was it replaced? (Clark et al., 2020, sec. 3.1)

    Call: sequence_output [B, S, D] -> float32 [B, S].
    """

    def __init__(self, config, dtype=None, name="replaced_token_head"):
        super().__init__(dtype=dtype, name=name)
        self.config = config
        self.activation = layers.activation(config.hidden_act)
        self.dense = layers.dense(config, config.hidden_size, dtype, "dense")
        # Glorot uniform: the released code passes no initializer here.
        self.prediction = keras.layers.Dense(1, dtype=dtype, name="prediction")

    def build(self, input_shape=None):
        shape = (None, None, self.config.hidden_size)
        self.dense.build(shape)
        self.prediction.build(shape)
        self.built = True

    def call(self, sequence_output):
        x = self.prediction(self.activation(self.dense(sequence_output)))
        return ops.cast(ops.squeeze(x, axis=-1), "float32")


class SentenceHead(keras.layers.Layer):
    """Two logits on the pooled output: sentence order or next sentence.

    Label 1 means swapped (sentence order) or unrelated (next sentence). There is no
    dropout (Lan et al., 2019, sec. 3.1, and the released code).

    Call: pooled_output [B, D] -> float32 [B, 2].
    """

    def __init__(self, config, dtype=None, name="sentence_head"):
        super().__init__(dtype=dtype, name=name)
        self.config = config
        self.dense = layers.dense(config, 2, dtype, "dense")

    def build(self, input_shape=None):
        self.dense.build((None, self.config.hidden_size))
        self.built = True

    def call(self, pooled_output):
        return ops.cast(self.dense(pooled_output), "float32")
