"""Counts the tokens of the training text, for the unigram generator."""

import numpy as np

from tf_pretrain.config import DataConfig
from tf_pretrain.data import numpy_batches, record_sets

_BATCH_SIZE = 256
_MAX_BATCHES = 256  # 65,536 examples: a few million tokens are enough


def count_tokens(
    record_set: record_sets.RecordSet, data: DataConfig, tokenizer, vocab_size: int
) -> np.ndarray:
    """Counts each token of the first examples at positions that may be masked.

    Examples are taken in file order, so the counts depend on the records only.

    Returns:
        int64 [vocab_size], by token id. Special tokens other than [UNK] have 0.
    """
    counts = np.zeros(vocab_size, np.int64)
    examples = numpy_batches.evaluation_batches(
        record_set, data, tokenizer, 0, _BATCH_SIZE, _MAX_BATCHES
    )
    for features in examples:
        real = features["input_ids"][features["input_mask"] > 0]
        counts += np.bincount(real, minlength=vocab_size)
    counts[[tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id]] = 0
    return counts
