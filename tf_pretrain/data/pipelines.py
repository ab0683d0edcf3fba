"""Chooses the input pipeline: tf.data on TensorFlow, NumPy on other backends.

Both give the same numbers for the same arguments (tests/data/test_numpy_batches.py).
"""

import importlib

import keras


def training_batches(record_set, data, tokenizer, seed, batch_size, start_step=0):
    """Endless batches as feature dicts, beginning with batch `start_step`.

    Args:
        record_set: From `find_records`.
        data: A DataConfig.
        tokenizer: The tokenizer of the records.
        seed: The seed of order, masks and dropout.
        batch_size: Number of examples B of a batch.
        start_step: Number of the first batch.

    Returns:
        A tf.data.Dataset on TensorFlow, an iterator of dicts of NumPy arrays on other
        backends, with the features that tf_pretrain.models.objectives describes.

    Raises:
        ConfigError: If there are fewer examples than a batch.
    """
    return _pipeline().training_batches(
        record_set, data, tokenizer, seed, batch_size, start_step
    )


def evaluation_batches(record_set, data, tokenizer, seed, batch_size, num_batches):
    """The first examples in file order, masked in the same way at every call.

    No example is dropped. The last batch is filled with empty rows, whose `input_mask`
    and weights are 0. Arguments and batches are like those of `training_batches`. The
    result can be iterated several times.
    """
    return _pipeline().evaluation_batches(
        record_set, data, tokenizer, seed, batch_size, num_batches
    )


def _pipeline():
    is_tensorflow = keras.backend.backend() == "tensorflow"
    name = "batches" if is_tensorflow else "numpy_batches"
    return importlib.import_module(f"tf_pretrain.data.{name}")
