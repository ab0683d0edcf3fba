"""Batches from TFRecords with tf.data; batch s depends on (seed, s) and nothing else.

Epoch e reads the shards in an order drawn from (seed, e), and shuffles them in blocks
with numbers drawn in the same way. The masks, samples and dropout of batch s use
numbers drawn from (seed, s). So a run that continues at step s sees what an
uninterrupted run would have seen, whatever the number of replicas, workers or threads.

`numpy_batches.py` makes the same batches without TensorFlow.
"""

import numpy as np
import tensorflow as tf

from tf_pretrain.config import DataConfig
from tf_pretrain.data import example_order, records
from tf_pretrain.data.example_parsing import FeatureSpec
from tf_pretrain.data.featurizer import (
    EVALUATION_STREAM,
    FLOAT_FEATURES,
    TRAINING_STREAM,
    Featurizer,
)
from tf_pretrain.data.record_sets import RecordSet
from tf_pretrain.errors import ConfigError

_FILE_STRIDE = 1 << 40  # larger than the number of records of any file


def training_batches(
    record_set: RecordSet,
    data: DataConfig,
    tokenizer,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    num_pipelines: int = 1,
    pipeline: int = 0,
    replicas_per_pipeline: int = 1,
) -> tf.data.Dataset:
    """An endless dataset of feature dicts, starting with batch `start_step`.

    Args:
        batch_size: Global batch size B.
        num_pipelines, pipeline: The number of workers that share the global batch, and
            the number of this worker. It yields only its own rows.
        replicas_per_pipeline: The number of local replicas. Each takes one element in
            turn.

    Returns:
        Elements for one replica, of B / (num_pipelines * replicas_per_pipeline) rows,
        with the features that tf_pretrain.models.objectives describes.

    Raises:
        ConfigError: If there are fewer examples than a batch, or B is not divisible.
    """
    record_set.require_batch(batch_size)
    num_replicas = num_pipelines * replicas_per_pipeline
    if batch_size % num_replicas:
        raise ConfigError(
            f"train.batch_size {batch_size} is not a multiple of the {num_replicas} "
            "replicas"
        )
    rows = batch_size // num_replicas
    # A batch may span two epochs: position counts examples, not batches.
    first_epoch, skipped = divmod(start_step * batch_size, record_set.num_examples)
    stream = (
        tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
        .flat_map(lambda epoch: _epoch(record_set, seed, epoch, data.shuffle_buffer))
        .skip(skipped)
        .batch(batch_size, drop_remainder=True)
        .enumerate(start_step)
    )
    first_row = pipeline * replicas_per_pipeline * rows
    featurizer = Featurizer(data, tokenizer, (seed, TRAINING_STREAM), batch_size)
    featurize = _GraphFeaturizer(featurizer, data)

    def one_replica(step, serialized, replica):
        start = first_row + replica * rows
        return featurize(step, serialized[start : start + rows], start)

    def local_replicas(step, serialized):
        replicas = [
            one_replica(step, serialized, r) for r in range(replicas_per_pipeline)
        ]
        return tf.nest.map_structure(lambda *x: tf.stack(x), *replicas)

    # One batch ahead is enough on the host. Each further batch would cost memory.
    batches = stream.map(local_replicas, num_parallel_calls=2, deterministic=True)
    return untuned(batches.unbatch().prefetch(2 * replicas_per_pipeline))


def evaluation_batches(
    record_set: RecordSet,
    data: DataConfig,
    tokenizer,
    seed: int,
    batch_size: int,
    num_batches: int,
) -> tf.data.Dataset:
    """The first examples in file order, masked in the same way at every call.

    No example is dropped. The last batch is filled with empty rows, whose `input_mask`
    and weights are 0.
    """
    num_batches = min(num_batches, -(-record_set.num_examples // batch_size))
    featurizer = Featurizer(
        data, tokenizer, (seed, EVALUATION_STREAM), batch_size, allow_empty=True
    )
    featurize = _GraphFeaturizer(featurizer, data)
    empty = tf.data.Dataset.from_tensors(featurize.empty_example()).repeat()
    return untuned(
        tf.data.Dataset.range(len(record_set.files))
        .flat_map(lambda index: _read_file(record_set, index))
        .concatenate(empty)
        .batch(batch_size, drop_remainder=True)
        .take(num_batches)
        .enumerate()
        .map(lambda step, serialized: featurize(step, serialized, 0))
        .prefetch(1)
    )


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset without tf.data's tuning, which buffers of fixed size do not need.

    The tuner of an iterator sleeps for longer and longer, up to a minute, and deleting
    the iterator may have to wait until it wakes (docs/performance.md).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _epoch(record_set, seed, epoch, block_size):
    """All examples once, in an order that depends on (seed, epoch) only.

    Shards are read in random order, several at a time, and shuffled in blocks. (The
    buffer of `Dataset.shuffle` would mix a little better, but does not accept a seed
    that depends on the epoch.)
    """

    def shuffled(values, number):
        seeds = tf.stack(example_order.shuffle_seed(seed, epoch, number))
        return tf.data.Dataset.from_tensor_slices(
            tf.random.experimental.stateless_shuffle(values, seed=seeds)
        )

    return (
        shuffled(tf.range(len(record_set.files), dtype=tf.int64), np.int64(0))
        .interleave(
            lambda index: _read_file(record_set, index),
            cycle_length=example_order.INTERLEAVED_SHARDS,
            block_length=example_order.INTERLEAVED_EXAMPLES,
            num_parallel_calls=2,
            deterministic=True,
        )
        .batch(block_size)
        .enumerate(1)
        .flat_map(lambda number, block: shuffled(block, number))
    )


def _read_file(record_set, index):
    """The serialized examples of file `index`, an int64 scalar tensor.

    Iterating fails with FailedPreconditionError if the file has fewer records than
    `counts` says.
    """
    count = tf.gather(tf.constant(record_set.counts, tf.int64), index)
    dataset = (
        tf.data.TFRecordDataset(tf.gather(tf.constant(record_set.files), index))
        .take(count)
        .apply(tf.data.experimental.assert_cardinality(count))
    )
    if not record_set.left_out:
        return dataset
    left_out = [file * _FILE_STRIDE + number for file, number in record_set.left_out]
    keys = tf.constant(sorted(left_out), tf.int64)

    def is_kept(number, serialized):
        key = index * _FILE_STRIDE + number
        place = tf.searchsorted(keys, [key])[0]
        return tf.gather(keys, tf.minimum(place, len(left_out) - 1)) != key

    return dataset.enumerate().filter(is_kept).map(lambda _, example: example)


def parsing_spec(spec: dict[str, FeatureSpec]) -> dict[str, tf.io.FixedLenFeature]:
    """The same for `tf.io.parse_example`."""
    return {
        name: tf.io.FixedLenFeature([length], tf.as_dtype(dtype))
        for name, (length, dtype) in spec.items()
    }


class _GraphFeaturizer:
    """Turns serialized examples of one batch into features, as graph operations.

    Invalid values raise InvalidArgumentError when the batch is read.
    """

    def __init__(self, featurizer, data):
        self._featurizer = featurizer
        self._spec = records.feature_spec(data)

    def empty_example(self) -> bytes:
        """A serialized row of zeros."""
        zeros = {
            name: np.zeros((1, length), dtype)
            for name, (length, dtype) in self._spec.items()
        }
        return records.encode_examples(zeros)[0]

    def __call__(self, step, serialized, first_row):
        """Features of the rows first_row, first_row + 1, ... of batch `step`."""
        parsed = tf.io.parse_example(serialized, parsing_spec(self._spec))
        names, shapes = list(parsed), self._featurizer.shapes(serialized.shape[0])

        def numpy_features(step, *values):
            parsed = dict(zip(names, values, strict=True))
            self._featurizer.check(parsed)
            return list(self._featurizer(int(step), parsed, first_row).values())

        types = [tf.float32 if name in FLOAT_FEATURES else tf.int32 for name in shapes]
        values = tf.numpy_function(numpy_features, [step, *parsed.values()], types)
        return {
            name: tf.ensure_shape(value, shape)
            for (name, shape), value in zip(shapes.items(), values, strict=True)
        }
