"""Turns sentences into features: as they are written, and with masked words.

Shape letters are those of `models.objectives`: B texts, S tokens of the longest, P
slots.
"""

import dataclasses

import numpy as np

from tf_pretrain.data import examples, masking
from tf_pretrain.errors import UserError

_SLOT_FEATURES = (
    "masked_lm_positions",
    "masked_lm_ids",
    "masked_lm_weights",
    "sampling_uniform",
)


def tokenize(tokenizer, sentence: str) -> np.ndarray:
    """The ids of a sentence, int32 [n]; "[MASK]" in it becomes the mask token."""
    parts = sentence.split(tokenizer.special_pieces[-1])
    ids, splits = tokenizer.tokenize(parts)
    return np.insert(ids, splits[1:-1], tokenizer.mask_id).astype(np.int32)


def as_written(tokenizer, texts, max_length) -> dict[str, np.ndarray]:
    """Features of texts in which nothing is predicted.

    Args:
        texts: B tuples of one or two segments, each int32 ids.
        max_length: Largest number of tokens of a text, special tokens included.

    Raises:
        UserError: If a text has no tokens or too many.
    """
    rows = [examples.Example(text[0], (*text[1:], text[0][:0])[0]) for text in texts]
    for row in rows:
        special = 3 if len(row.segment_b) else 2
        count = len(row.segment_a) + len(row.segment_b)
        if not len(row.segment_a):
            raise UserError("the text is empty; give a sentence")
        if count + special > max_length:
            raise UserError(
                f"the text has {count} pieces; at most {max_length - special} fit "
                "into the network"
            )
    length = 3 + max(len(r.segment_a) + len(r.segment_b) for r in rows)
    features = examples.pack_examples(
        rows, min(length, max_length), tokenizer.cls_id, tokenizer.sep_id
    )
    del features["next_sentence_labels"]  # the label is unknown
    no_slot = np.zeros((len(rows), 1), np.int32)
    return features | {
        "masked_input_ids": features["input_ids"],
        "masked_lm_positions": no_slot,
        "masked_lm_ids": no_slot,
        "masked_lm_weights": no_slot.astype(np.float32),
        "sampling_uniform": no_slot.astype(np.float32),
    }


def with_masks(features, data, tokenizer, seed: int) -> dict[str, np.ndarray]:
    """The features of `as_written` with words to predict, all of which are masked.

    If the texts have [MASK], these are predicted. Otherwise as many words as in
    training are chosen, by the rules of `data`, a DataConfig. All of them become
    [MASK], while training keeps some and replaces some by random words.
    """
    input_ids = features["input_ids"]
    rng = np.random.default_rng(seed)
    rows, length = input_ids.shape
    is_mask = input_ids == tokenizer.mask_id
    slots = max(data.num_predictions, is_mask.sum(axis=1).max())
    if is_mask.any():
        masked = _slots_of(is_mask, input_ids, slots)
    else:
        settings = dataclasses.replace(
            masking.MaskingSettings.from_config(data, tokenizer),
            mask_token_prob=1.0,
            random_token_prob=0.0,
        )
        noise = masking.draw_noise(rng, rows, length, slots)
        masked = masking.mask_tokens(noise, input_ids, features["input_mask"], settings)
    masked["sampling_uniform"] = rng.random((rows, slots), np.float32)
    # Each slot costs logits of the whole vocabulary.
    used = int(masked["masked_lm_weights"].sum(axis=1).max())
    for name in _SLOT_FEATURES:
        masked[name] = masked[name][:, :used]
    return features | masked


def _slots_of(is_mask, input_ids, slots):
    """One slot for each mask of the texts; the original words are unknown."""
    order = np.argsort(~is_mask, axis=1, kind="stable")[:, :slots]
    used = np.take_along_axis(is_mask, order, axis=1)
    positions = np.where(used, order, 0).astype(np.int32)
    return {
        "masked_input_ids": input_ids,
        "masked_lm_positions": positions,
        "masked_lm_ids": np.take_along_axis(input_ids, positions, axis=1) * used,
        "masked_lm_weights": used.astype(np.float32),
    }
