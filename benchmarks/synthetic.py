"""Batches of random tokens, where the text does not matter."""

import numpy as np


def random_batch(config, seed=0) -> dict[str, np.ndarray]:
    """Features of one batch without padding, as tf_pretrain.data.batches makes them."""
    rng = np.random.default_rng(seed)
    rows, length = config.train.batch_size, config.data.max_seq_length
    slots = config.data.num_predictions
    ids = rng.integers(5, config.model.vocab_size, (rows, length), np.int32)
    order = rng.permuted(np.tile(np.arange(1, length), (rows, 1)), axis=1)
    positions = np.sort(order[:, :slots], axis=1).astype(np.int32)
    masked = ids.copy()
    np.put_along_axis(masked, positions, 4, axis=1)
    features = {
        "input_ids": ids,
        "masked_input_ids": masked,
        "input_mask": np.ones((rows, length), np.int32),
        "segment_ids": np.zeros((rows, length), np.int32),
        "masked_lm_positions": positions,
        "masked_lm_ids": np.take_along_axis(ids, positions, 1),
        "masked_lm_weights": np.ones((rows, slots), np.float32),
        "sampling_uniform": rng.random((rows, slots), np.float32),
        "dropout_seed": rng.integers(2**31 - 1, size=rows, dtype=np.int32),
    }
    if config.objective.sentence_objective != "none":
        features["next_sentence_labels"] = rng.integers(0, 2, (rows, 1), np.int32)
    return features
