"""TFRecords to batches: batch s is a function of (seed, s) and of nothing else.

Epoch e reads the shards in an order drawn from (seed, e) and shuffles them in blocks
drawn the same way; batch s masks, samples and drops out with numbers drawn
from (seed, s). So a run that continues at step s sees what an unbroken run would have
seen, whatever the number of replicas, workers or threads.
"""

import numpy as np
import tensorflow as tf

from tf_pretrain.config import ConfigError, DataConfig
from tf_pretrain.data import masking, records
from tf_pretrain.data.record_sets import RecordSet

_INTERLEAVED_SHARDS = 16
_SEED_STRIDE = 1_000_003  # keeps neighbouring seeds apart
_FLOAT_FEATURES = ("masked_lm_weights", "sampling_uniform")
_TRAINING_STREAM, _EVALUATION_STREAM = 0, 1  # keep their random numbers apart


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
        num_pipelines, pipeline: Workers that share the global batch, and which of
            them this is; it yields only its own rows.
        replicas_per_pipeline: Local replicas; each takes one element in turn.

    Returns:
        Elements for one replica, of B / (num_pipelines * replicas_per_pipeline) rows,
        with the features that tf_pretrain.models.objectives describes.

    Raises:
        ConfigError: If there are fewer examples than a batch, or B does not divide.
    """
    if record_set.num_examples < batch_size:
        raise ConfigError(
            f"{record_set.num_examples} examples are too few for a batch of "
            f"{batch_size}; give more text or a smaller train.batch_size"
        )
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
    featurize = _Featurizer(data, tokenizer, (seed, _TRAINING_STREAM), batch_size)

    def one_replica(step, serialized, replica):
        start = first_row + replica * rows
        return featurize(step, serialized[start : start + rows], start)

    def local_replicas(step, serialized):
        replicas = [
            one_replica(step, serialized, r) for r in range(replicas_per_pipeline)
        ]
        return tf.nest.map_structure(lambda *x: tf.stack(x), *replicas)

    # One batch ahead is enough on the host, and each in flight costs memory.
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
    """The first examples in file order, masked the same way at every call.

    No example is dropped: the last batch is filled up with empty rows, whose
    `input_mask` and weights are 0.
    """
    num_batches = min(num_batches, -(-record_set.num_examples // batch_size))
    featurize = _Featurizer(
        data, tokenizer, (seed, _EVALUATION_STREAM), batch_size, allow_empty=True
    )
    empty = tf.data.Dataset.from_tensors(featurize.empty_example()).repeat()
    return untuned(
        tf.data.Dataset.range(len(record_set.files))
        .flat_map(record_set.read_file)
        .concatenate(empty)
        .batch(batch_size, drop_remainder=True)
        .take(num_batches)
        .enumerate()
        .map(lambda step, serialized: featurize(step, serialized, 0))
        .prefetch(1)
    )


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset without tf.data's tuning, which fixed buffers do not need.

    The tuner of an iterator sleeps for longer and longer, up to a minute, and deleting
    the iterator can have to wait until it wakes (docs/performance.md).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _epoch(record_set, seed, epoch, block_size):
    """All examples once, in an order that is a function of (seed, epoch).

    Shards are read in random order, several at a time, and shuffled in blocks. (The
    buffer of `Dataset.shuffle` would mix a little better, but takes no seed that
    depends on the epoch.)
    """

    def shuffled(values, number):
        # Number 0 is the order of the shards; block b has number b + 1.
        seeds = tf.stack([seed + _SEED_STRIDE * number, epoch])
        return tf.data.Dataset.from_tensor_slices(
            tf.random.experimental.stateless_shuffle(values, seed=seeds)
        )

    return (
        shuffled(tf.range(len(record_set.files), dtype=tf.int64), np.int64(0))
        .interleave(
            record_set.read_file,
            cycle_length=_INTERLEAVED_SHARDS,
            block_length=16,
            num_parallel_calls=2,
            deterministic=True,
        )
        .batch(block_size)
        .enumerate(1)
        .flat_map(lambda number, block: shuffled(block, number))
    )


class _Featurizer:
    """Serialized examples of one batch -> features, with the batch's random numbers.

    With `allow_empty` a row may be all zeros. Values that make no example raise
    ValueError, in the graph InvalidArgumentError; see `record_sets` for which.
    """

    def __init__(self, data, tokenizer, stream, batch_size, allow_empty=False):
        self._data = data
        self._stream = stream
        self._batch_size = batch_size
        self._settings = masking.MaskingSettings.from_config(data, tokenizer)
        self._spec = records.feature_spec(data)
        self._allow_empty = allow_empty
        self._vocab_size = tokenizer.vocab_size

    def empty_example(self) -> bytes:
        """A serialized row of zeros."""
        zeros = {
            name: np.zeros((1, *spec.shape), spec.dtype.as_numpy_dtype)
            for name, spec in self._spec.items()
        }
        return records.encode_examples(zeros)[0]

    def __call__(self, step, serialized, first_row):
        """Features of the rows first_row, first_row + 1, ... of batch `step`."""
        parsed = tf.io.parse_example(serialized, self._spec)
        names, shapes = list(parsed), self._shapes(serialized.shape[0])

        def numpy_features(step, *values):
            parsed = dict(zip(names, values, strict=True))
            features = self._features(int(step), parsed, first_row)
            return [features[name] for name in shapes]

        types = [tf.float32 if name in _FLOAT_FEATURES else tf.int32 for name in shapes]
        values = tf.numpy_function(numpy_features, [step, *parsed.values()], types)
        return {
            name: tf.ensure_shape(value, shape)
            for (name, shape), value in zip(shapes.items(), values, strict=True)
        }

    def _shapes(self, rows):
        """{feature: shape} of what a batch holds."""
        length, slots = self._data.max_seq_length, self._data.num_predictions
        by_token = ("input_ids", "masked_input_ids", "input_mask", "segment_ids")
        by_slot = ("masked_lm_positions", "masked_lm_ids", *_FLOAT_FEATURES)
        shapes = dict.fromkeys(by_token, (rows, length))
        shapes |= dict.fromkeys(by_slot, (rows, slots))
        if "next_sentence_labels" in self._spec:
            shapes["next_sentence_labels"] = (rows, 1)
        return shapes | {"dropout_seed": (rows,)}

    def _features(self, step, parsed, first_row):
        """NumPy: masks the rows, or restores the text of rows masked when built."""
        self._check(parsed)
        parsed = {
            name: value.astype(np.int32) if value.dtype == np.int64 else value
            for name, value in parsed.items()
        }
        batch_size, slots = self._batch_size, self._data.num_predictions
        rows = slice(first_row, first_row + len(parsed["input_ids"]))
        rng = np.random.default_rng([*self._stream, step])
        # Numbers are drawn for the whole batch, so that a row's do not depend on
        # which worker computes it.
        noise = masking.draw_noise(rng, batch_size, self._data.max_seq_length, slots)
        features = {
            "sampling_uniform": rng.random((batch_size, slots), np.float32)[rows],
            "dropout_seed": rng.integers(2**31 - 1, size=batch_size, dtype=np.int32)[
                rows
            ],
        }
        if self._data.masking == "static":
            masked = {
                "masked_input_ids": parsed["input_ids"],
                "input_ids": _restore(parsed),
            }
        else:
            masked = masking.mask_tokens(
                noise.rows(rows),
                parsed["input_ids"],
                parsed["input_mask"],
                self._settings,
            )
        return {**parsed, **features, **masked}

    def _check(self, parsed):
        faults = records.find_faults(parsed, self._data, self._vocab_size)
        if self._allow_empty:
            faults.pop(records.NO_TOKEN, None)
        if faults:
            raise ValueError(f"bad records: {'; '.join(faults)}")


def _restore(parsed):
    """The text [B, S] before the masks of static records were put in."""
    input_ids = parsed["input_ids"].copy()
    row, slot = np.nonzero(parsed["masked_lm_weights"])
    position = parsed["masked_lm_positions"][row, slot]
    input_ids[row, position] = parsed["masked_lm_ids"][row, slot]
    return input_ids
