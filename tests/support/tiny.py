"""Tiny configs and random batches for tests."""

import dataclasses
import functools

import numpy as np

from tf_pretrain import config as config_lib
from tf_pretrain.training.strategy import build_strategy

# One of a kind for the whole process: the collectives of a second mirrored strategy
# would mix with the first's.
cached_strategy = functools.cache(build_strategy)


def tiny_config(name="replaced_token_detection", sentence="none", **sections):
    """A PretrainConfig of a few thousand parameters.

    `sections` update its dataclasses, say model={"hidden_size": 64}.
    """
    is_electra = name == "replaced_token_detection"
    values = {
        "model": {
            "vocab_size": 50,
            "embedding_size": 8,
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 24,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "use_pooler": sentence != "none",
            "hidden_act": "gelu" if is_electra else "gelu_tanh",
        },
        "objective": {
            "name": name,
            "sentence_objective": sentence,
            "generator_hidden_size": 0.5,
        },
        "data": {
            "max_seq_length": 16,
            "max_predictions_per_seq": 4,
            "example_format": "electra" if sentence == "none" else sentence,
        },
        "train": {
            "num_steps": 4,
            "batch_size": 8,
            "warmup_steps": 1,
            "learning_rate": 0.01,
            "jit_compile": False,
        },
    }
    for section, fields in sections.items():
        values[section].update(fields)
    return config_lib.from_dict(config_lib.PretrainConfig, values)


def one_layer_config(*arguments, model=None, **sections):
    """As `tiny_config`; half the time to trace, where layers are not the subject."""
    model = {"num_hidden_layers": 1, **(model or {})}
    return tiny_config(*arguments, model=model, **sections)


def random_features(config, seed=0, padded=True):
    """A batch as tf_pretrain.data.batches makes it, of random tokens (ids >= 5)."""
    rng = np.random.default_rng(seed)
    rows, length = config.train.batch_size, config.data.max_seq_length
    slots = config.data.num_predictions
    ids = rng.integers(5, config.model.vocab_size, (rows, length)).astype(np.int32)
    lengths = rng.integers(length // 2, length + 1, rows) if padded else [length] * rows
    mask = (np.arange(length) < np.asarray(lengths)[:, None]).astype(np.int32)
    ids = ids * mask
    positions = np.stack(
        [np.sort(rng.choice(np.arange(1, n), slots, replace=False)) for n in lengths]
    ).astype(np.int32)
    weights = np.ones((rows, slots), np.float32)
    weights[::2, -1] = 0.0  # an unused slot: position 0, id 0
    positions[::2, -1] = 0
    masked_ids = np.take_along_axis(ids, positions, 1) * (weights > 0)
    masked = ids.copy()
    row, slot = np.nonzero(weights)
    masked[row, positions[row, slot]] = 4
    features = {
        "input_ids": ids,
        "masked_input_ids": masked,
        "input_mask": mask,
        "segment_ids": (np.arange(length) >= length // 3).astype(np.int32) * mask,
        "masked_lm_positions": positions,
        "masked_lm_ids": masked_ids.astype(np.int32),
        "masked_lm_weights": weights,
        "sampling_uniform": rng.random((rows, slots), np.float32),
        "dropout_seed": rng.integers(2**31 - 1, size=rows, dtype=np.int32),
    }
    if config.objective.sentence_objective != "none":
        features["next_sentence_labels"] = rng.integers(0, 2, (rows, 1), np.int32)
    return features


def with_dropout(config, rate=0.2):
    """The same config with dropout."""
    model = dataclasses.replace(
        config.model, hidden_dropout_prob=rate, attention_probs_dropout_prob=rate
    )
    return dataclasses.replace(config, model=model)
