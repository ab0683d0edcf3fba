"""What Keras lacks for models on strings: lists as tensors, names as labels, and a
vocabulary inside a config.
"""

import base64
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tf_pretrain.data.tokenization import Tokenizer, load_tokenizer
from tf_pretrain.errors import UserError

# Keras reads these batches unchanged, and generators too.
BATCHES = (tf.data.Dataset, tf.distribute.DistributedDataset, keras.utils.PyDataset)


def string_tensor(texts, where):
    """A string tensor of a list or an array, neither of which Keras accepts."""
    if isinstance(texts, tf.Tensor) and texts.dtype == tf.string:
        return texts
    if isinstance(texts, str | bytes):
        raise UserError(f"{where} is one string; expected a list of strings")
    texts = list(texts)
    for row, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            raise UserError(
                f"{where}[{row}] is {text!r}; expected a string. Pairs are a tuple of "
                "two lists: (first texts, second texts)"
            )
    return tf.constant(texts, tf.string, [len(texts)])


def string_labels(dataset):
    """All labels of a dataset of (texts, labels) if they are strings, else None.

    Raises:
        UserError: If the dataset may have no end.
    """
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) < 2 or spec[1].dtype != tf.string:
        return None
    if dataset.cardinality() < 0:  # infinite or unknown
        raise UserError(
            "the dataset has strings as labels and an unknown size, so that it cannot "
            "be read once to find the classes; set class_names="
        )
    labels = dataset.map(lambda texts, labels, *weights: labels)
    return np.concatenate([np.ravel(batch) for batch in labels.as_numpy_iterator()])


def as_tensor(weights):
    """Sample weights, which Keras takes as an array, but not as a list."""
    return weights if weights is None else tf.convert_to_tensor(weights)


def pack_tokenizer(tokenizer: Tokenizer) -> dict:
    """A tokenizer as values that JSON holds."""
    return {
        "content": base64.b64encode(tokenizer.content).decode(),
        "lower_case": tokenizer.lower_case,
        "strip_accents": tokenizer.strip_accents,
    }


def unpack_tokenizer(values: dict) -> Tokenizer:
    """The tokenizer that `pack_tokenizer` packed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vocabulary")
        path.write_bytes(base64.b64decode(values["content"]))
        return load_tokenizer(path, values["lower_case"], values["strip_accents"])
