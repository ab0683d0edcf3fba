"""Networks with the weights of the set's original checkpoints."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from tf_pretrain.interchange.pretrained import Pretrained
from tf_pretrain.interchange.tf1 import checkpoint as tf1
from tf_pretrain.interchange.tf1 import names as tf1_names

from .files import GOLDEN, Arrays, found

ELECTRA_SETS = [path.split("/")[0] for path in found("*/resolved_config.json")]
ALBERT_SETS = [path.split("/")[0] for path in found("*/albert_config.json")]


def read_checkpoint(path) -> Pretrained:
    """An original checkpoint (prefix or folder inside the set), with dropout off.

    Every golden number was computed without dropout.
    """
    pretrained = tf1.read(GOLDEN / path)
    model = dataclasses.replace(
        pretrained.config.model,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    pretrained.config = dataclasses.replace(pretrained.config, model=model)
    return pretrained


@functools.lru_cache(maxsize=8)
def cached_network(path):
    """The network of a checkpoint, for checks that do not change its weights."""
    return read_checkpoint(path).build()


def original_name(path, config):
    """The original's name of our variable, and whether it is stored transposed."""
    program = tf1_names.program_of(config)
    return tf1_names.name_of(path, config, program), tf1_names.is_transposed(path)


def forward_pass(name):
    """Inputs as a network takes them, and all arrays, of a set's `forward.npz`."""
    data = Arrays(f"{name}/forward.npz")
    features = data.with_prefix("in_")
    features.setdefault("masked_input_ids", features["input_ids"])
    return {key: tf.constant(value) for key, value in features.items()}, data


def compare_gradients(check, gradients, expected, global_norm):
    """Compares dense gradients with the figures that a set has of them.

    Args:
        check: A Comparison.
        gradients: {name in the original: array as the original lays it out}.
        expected: {name: {"l2", "sum", "first"}}.
        global_norm: Of all gradients. The true gradient of a key's bias is 0; what is
            left of it is rounding, of the size of 1e-6 of the global norm.
    """
    assert gradients.keys() == expected.keys()
    floor = 1e-3 * global_norm
    for name, gradient in gradients.items():
        values, figures = np.ravel(gradient).astype("float64"), expected[name]
        norm = max(figures["l2"], floor)
        first = values[: len(figures["first"])]
        of_norm = {"scale": norm, "unit": "of its norm"}
        check.close("gradients: first values", first, figures["first"], 1e-5, **of_norm)
        got_norm = np.linalg.norm(values)
        check.close("gradients: norm", got_norm, figures["l2"], 1e-5, **of_norm)
        sum_scale = norm * np.sqrt(values.size)
        check.close(
            "gradients: sum",
            values.sum(),
            figures["sum"],
            1e-5,
            scale=sum_scale,
            unit="of its norm x sqrt(size)",
        )
