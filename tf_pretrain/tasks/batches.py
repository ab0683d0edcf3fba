"""Batches of feature dicts from encoded examples, grouped by length.

Training reads an endless stream, with a new order in each epoch. The stream is divided
into pools of POOL_BATCHES batches. A pool is sorted by length and divided into batches,
and the batches are shuffled. So a batch holds texts of about the same length. It is
padded to a multiple of LENGTH_STEP, so that there are few lengths, because XLA, if it
is used, compiles each length once. JAX always compiles and pads to multiples of
JAX_LENGTH_STEP, which gives a quarter as many lengths. The examples of batch s and
their dropout seeds depend on (seed, s) only, on every backend.
"""

import keras
import numpy as np

POOL_BATCHES = 50
LENGTH_STEP = 8
JAX_LENGTH_STEP = 32


def training_batches(examples, settings, num_steps, seed):
    """Yields `num_steps` batches of exactly `settings.batch_size` examples."""
    size = settings.batch_size
    grouped_lengths = _padded_lengths(examples, settings, LENGTH_STEP)
    padded_lengths = _padded_lengths(examples, settings, padding_step())
    stream = _shuffled_indices(len(examples), seed)
    step = 0
    while step < num_steps:
        rng = np.random.default_rng([seed, 1, step])
        count = min(POOL_BATCHES, num_steps - step)
        pool = np.array([next(stream) for _ in range(count * size)])
        if settings.group_by_length:
            # A stable sort: examples of equal length stay in shuffled order.
            pool = pool[np.argsort(grouped_lengths[pool], kind="stable")]
        for batch in rng.permutation(pool.reshape(count, size)):
            yield _features(
                examples,
                batch,
                padded_lengths[batch].max(),
                rng.integers(2**31 - 1, size=size, dtype=np.int32),
            )
        step += count


def evaluation_batches(examples, settings):
    """Yields (indices, features): every example once, shortest first.

    The last batch is filled with rows of `example_weights` 0, which have no index.
    """
    grouped_lengths = _padded_lengths(examples, settings, LENGTH_STEP)
    padded_lengths = _padded_lengths(examples, settings, padding_step())
    order = np.argsort(grouped_lengths, kind="stable")
    rows = examples.evaluation_rows
    for start in range(0, len(order), rows):
        indices = order[start : start + rows]
        length = padded_lengths[indices].max()
        yield indices, _features(examples, indices, length, rows=rows)


def outputs_of(function, examples, settings) -> list[dict]:
    """A network's outputs for every example, in order: {name: array}.

    Args:
        function: From a batch of features to {name: tensor [B, ...]}.
    """
    outputs = [None] * len(examples)
    for indices, features in evaluation_batches(examples, settings):
        found = {
            name: keras.ops.convert_to_numpy(value)
            for name, value in function(features).items()
        }
        for row, index in enumerate(indices):
            outputs[index] = {name: value[row] for name, value in found.items()}
    return outputs


def as_dataset(generate):
    """A tf.data.Dataset of the batches that `generate()` yields."""
    import tensorflow as tf

    from tf_pretrain.data.batches import untuned

    first = next(iter(generate()))
    signature = {
        name: tf.TensorSpec([len(value), *[None] * (value.ndim - 1)], value.dtype)
        for name, value in first.items()
    }
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return untuned(dataset.prefetch(4))


def padding_step() -> int:
    """Batches are padded to a multiple of this number of ids."""
    return JAX_LENGTH_STEP if keras.config.backend() == "jax" else LENGTH_STEP


def _padded_lengths(examples, settings, step):
    """The lengths of all examples, rounded up to a multiple of `step`: int [N]."""
    if examples.pads_fully or not settings.group_by_length:
        return np.full(len(examples), settings.max_seq_length)
    lengths = -(-examples.lengths // step) * step
    return np.minimum(lengths, settings.max_seq_length)


def _shuffled_indices(num_examples, seed):
    epoch = 0
    while True:
        yield from np.random.default_rng([seed, 0, epoch]).permutation(num_examples)
        epoch += 1


def _features(examples, indices, length, dropout_seed=None, rows=None):
    """A feature dict of the examples, padded to `length` and to `rows`."""
    rows = rows or len(indices)
    features = examples.features(indices, length, rows)
    weights = np.arange(rows) < len(indices)
    features["example_weights"] = weights.astype(np.float32)
    if dropout_seed is not None:
        features["dropout_seed"] = dropout_seed
    return features
