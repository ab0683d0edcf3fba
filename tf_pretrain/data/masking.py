"""Which tokens are masked, and what replaces them.

One algorithm serves both papers. Rates, spans and whole words are its settings.

    ELECTRA (Clark et al., 2020; BERT's rule): single tokens, without replacement.
    ALBERT (Lan et al., 2019, sec. 3.1): n-grams of whole words, p(n) = (1/n) / sum.

All random numbers are arguments (`MaskNoise`), one row for each row of the batch, and
the rest is a pure function. A worker that holds some rows of a global batch draws the
noise of the whole batch and keeps its rows. So it gets the masks that a single worker
would get.

Letters: B batch, S sequence, P slots for masked positions, V vocabulary, K max_ngram.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from tf_pretrain.config import DataConfig


class MaskNoise(NamedTuple):
    """Uniform numbers in [0, 1) that decide the masks of a batch.

    They are doubles, because equal numbers in `order` would leave the order to the
    sort.
    """

    order: np.ndarray  # [B, S] float64: words are visited by increasing value
    ngram: np.ndarray  # [B, S] float64: length of the n-gram that starts here
    kind: np.ndarray  # [B, P] float64: [MASK], random token or unchanged
    token: np.ndarray  # [B, P] float64: which random token

    def rows(self, rows) -> "MaskNoise":
        """The noise of some rows, which are given as a slice or an index array."""
        return MaskNoise(*(array[rows] for array in self))


@dataclasses.dataclass(frozen=True, eq=False)
class MaskingSettings:
    """The settings of the masks, resolved for one tokenizer."""

    masked_lm_prob: float  # share of the real tokens, [CLS] and [SEP] included
    num_predictions: int  # P
    mask_token_prob: float  # share of the chosen tokens that become [MASK]
    random_token_prob: float  # share of the chosen tokens that become a random token
    special_ids: tuple[int, ...]  # these are never masked; [UNK] may be
    mask_id: int
    vocab_size: int
    is_word_start: np.ndarray  # [V] bool
    whole_word_masking: bool = False
    max_ngram: int = 1
    # as in ELECTRA's released code; for single tokens only
    with_replacement: bool = False

    @classmethod
    def from_config(cls, data: DataConfig, tokenizer) -> "MaskingSettings":
        """The settings of `data` for a tokenizer (see `tokenization`)."""
        return cls(
            masked_lm_prob=data.masked_lm_prob,
            num_predictions=data.num_predictions,
            mask_token_prob=data.mask_token_prob,
            random_token_prob=data.random_token_prob,
            special_ids=(tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id),
            mask_id=tokenizer.mask_id,
            vocab_size=tokenizer.vocab_size,
            is_word_start=np.asarray(tokenizer.is_word_start, bool),
            whole_word_masking=data.whole_word_masking,
            max_ngram=data.max_ngram,
            with_replacement=data.legacy_duplicate_masking,
        )


def draw_noise(
    rng: np.random.Generator, batch_size: int, seq_length: int, num_predictions: int
) -> MaskNoise:
    """Draws the noise of a (global) batch: B = batch_size, S = seq_length."""
    return MaskNoise(
        order=rng.random((batch_size, seq_length)),
        ngram=rng.random((batch_size, seq_length)),
        kind=rng.random((batch_size, num_predictions)),
        token=rng.random((batch_size, num_predictions)),
    )


def mask_tokens(
    noise: MaskNoise,
    input_ids: np.ndarray,
    input_mask: np.ndarray,
    settings: MaskingSettings,
) -> dict[str, np.ndarray]:
    """Masks a batch. A row's result depends on that row of the arguments only.

    min(P, max(1, round(real tokens x masked_lm_prob))) tokens are chosen, and ties are
    rounded to even. The replacement is decided for each token (as in the released
    ALBERT), not for each n-gram. Slots are in order of position. Unused slots hold
    position 0, id 0 and weight 0. With `with_replacement` a position may fill several
    slots, each of which counts in the loss, and [MASK] takes precedence over the other
    replacements. (The released code averages ids in this case; we do not.)

    Args:
        noise: Rows for this batch, from `draw_noise`.
        input_ids: [B, S] integers, [CLS] A [SEP] (B [SEP]) and padding.
        input_mask: [B, S], nonzero for real tokens.
        settings: What is masked, and by what.

    Returns:
        `masked_input_ids` [B, S] int32, `masked_lm_positions` and `masked_lm_ids`
        [B, P] int32, `masked_lm_weights` [B, P] float32 (1 for a used slot).
    """
    real = np.asarray(input_mask) != 0
    maskable = real.copy()
    for special_id in settings.special_ids:
        maskable &= input_ids != special_id
    budget = np.rint(real.sum(1) * settings.masked_lm_prob).astype(np.int64)
    budget = np.minimum(np.maximum(budget, 1), settings.num_predictions)

    if settings.with_replacement:
        choose = _choose_with_replacement
    elif settings.max_ngram > 1 or settings.whole_word_masking:
        choose = _choose_ngrams
    else:
        choose = _choose_tokens
    positions = choose(noise, input_ids, maskable, budget, settings)
    used = positions < input_ids.shape[1]
    positions = np.where(used, positions, 0).astype(np.int32)
    token_ids = np.take_along_axis(input_ids, positions, 1)

    random_ids = (noise.token * settings.vocab_size).astype(np.int32)
    is_mask = noise.kind < settings.mask_token_prob
    is_random = noise.kind < settings.mask_token_prob + settings.random_token_prob
    masked_input_ids = np.array(input_ids, np.int32)
    row, slot = np.nonzero(used & is_random & ~is_mask)
    masked_input_ids[row, positions[row, slot]] = random_ids[row, slot]
    row, slot = np.nonzero(used & is_mask)
    masked_input_ids[row, positions[row, slot]] = settings.mask_id
    return {
        "masked_input_ids": masked_input_ids,
        "masked_lm_positions": positions,
        "masked_lm_ids": np.where(used, token_ids, 0).astype(np.int32),
        "masked_lm_weights": used.astype(np.float32),
    }


def _slots(masked, num_predictions):
    """The masked positions [B, P] of bool [B, S], at most P a row; S if unused."""
    row, position = np.nonzero(masked)
    count = masked.sum(1)
    slot = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    slots = np.full((len(masked), num_predictions), masked.shape[1], np.int64)
    slots[row, slot] = position
    return slots


def _choose_with_replacement(noise, input_ids, maskable, budget, settings):
    """Independent draws from the maskable tokens: [B, P], with S for unused slots."""
    length = input_ids.shape[1]
    count = maskable.sum(1, keepdims=True)
    maskable_first = np.argsort(~maskable, axis=1, kind="stable")
    drawn = np.take_along_axis(
        maskable_first, (noise.order * count).astype(np.int64), 1
    )
    is_draw = (np.arange(length) < budget[:, None]) & (count > 0)
    drawn = np.sort(np.where(is_draw, drawn, length), 1)[:, : settings.num_predictions]
    slots = np.full((len(drawn), settings.num_predictions), length, np.int64)
    slots[:, : drawn.shape[1]] = drawn
    return slots


def _choose_tokens(noise, input_ids, maskable, budget, settings):
    """The same as `_choose_ngrams` if each token is an n-gram; S for unused slots.

    The chosen tokens are those with the least noise, so they need not be visited one by
    one.
    """
    order = np.where(maskable, noise.order, 2.0)
    last = min(settings.num_predictions, order.shape[1]) - 1
    least = np.sort(np.partition(order, last, axis=1)[:, : last + 1], axis=1)
    budget = np.minimum(budget, last + 1)
    limit = np.take_along_axis(least, budget[:, None] - 1, 1)
    masked = maskable & (order <= limit)
    # if two numbers are equal, the order of visits decides
    if (masked.sum(1) > budget).any():
        return _choose_ngrams(noise, input_ids, maskable, budget, settings)
    return _slots(masked, settings.num_predictions)


def _choose_ngrams(noise, input_ids, maskable, budget, settings):
    """Chooses non-overlapping n-grams within the budget: [B, P], S for unused slots.

    The words of a row are visited in random order. Each word draws a length n for the
    n-gram that starts with it, with p(n) = (1/n) / sum over the lengths that are
    possible there. If the budget has no room, a smaller n is taken. The word is skipped
    if its n-gram would touch one that was chosen before. A word ends before the next
    word start or unmaskable token. No n-gram crosses an unmaskable token, so none joins
    two segments (in the released ALBERT they may).
    """
    batch_size, length = input_ids.shape
    starts = maskable.copy()
    if settings.whole_word_masking:
        after_break = np.ones_like(maskable)
        after_break[:, 1:] = ~maskable[:, :-1]
        starts &= settings.is_word_start[input_ids] | after_break
    words, sizes = _ngrams(starts, maskable, settings.max_ngram)
    visits = np.argsort(np.where(starts, noise.order, 2.0), axis=1)

    # Positions of all rows have consecutive numbers. So one visit is made in all rows
    # at once and costs a few small gathers. `taken` has one dummy entry at the end.
    row_offset = np.arange(batch_size) * length
    visits = np.ascontiguousarray(visits.T) + row_offset
    length_noise = noise.ngram.reshape(-1)
    harmonic = np.cumsum(1.0 / np.arange(1, settings.max_ngram + 1))
    kth = np.arange(settings.max_ngram)[:, None]
    taken = np.zeros(batch_size * length + 1, bool)
    remaining = budget.copy()
    rows = np.arange(batch_size)
    for visit in visits[: starts.sum(1).max(initial=0)]:
        rows = rows[remaining[rows] > 0]
        if not rows.size:
            break
        at = visit[rows]
        size = sizes[:, at]  # [K + 1, rows]
        exist = (size[1:] <= length).sum(0)
        drawn = length_noise[at] * harmonic[exist - 1]
        n = 1 + (drawn >= harmonic[:-1, None]).sum(0)
        n = np.minimum(n, (size[1:] <= remaining[rows]).sum(0))
        word = words[:, at]  # [K, rows]
        n *= ~(taken[word] & (kth < n)).any(0)
        taken[word[kth < n]] = True
        remaining[rows] -= size[n, np.arange(rows.size)]

    column = np.arange(length)
    word_of = np.maximum.accumulate(np.where(starts, column, 0), 1)
    masked = maskable & taken[word_of + row_offset[:, None]]
    return _slots(masked, settings.num_predictions)


def _ngrams(starts, maskable, max_ngram):
    """The n-grams that start at each position; positions are numbered over all rows.

    Returns:
        words: [K, B * S]: where the k-th word of the n-gram starts, or B * S if it has
            fewer words.
        sizes: [K + 1, B * S]: tokens in its first k words, or 2 S if there are fewer.
    """
    batch_size, length = starts.shape
    total = batch_size * length
    row_end = (np.arange(batch_size)[:, None] + 1) * length
    position = np.arange(total).reshape(batch_size, length)
    # For each position, the next one where a word starts or the text is interrupted.
    stop = np.broadcast_to(row_end, starts.shape).copy()
    stop[:, :-1] = np.where(starts | ~maskable, position, row_end)[:, 1:]
    word_end = np.minimum.accumulate(stop[:, ::-1], 1)[:, ::-1]
    # The successor of the last word of a row is in another row and must not count.
    is_last = (word_end == row_end).reshape(-1)
    word_end = np.append(word_end, total)
    is_start = np.append(starts.reshape(-1), False)
    next_word = np.where(is_start[word_end], word_end, total)
    next_word[:-1][is_last] = total

    words = np.empty((max_ngram, total), np.int64)
    sizes = np.zeros((max_ngram + 1, total), np.int64)
    position = position.reshape(-1)
    word = np.where(starts.reshape(-1), position, total)
    for k in range(max_ngram):
        words[k] = word
        sizes[k + 1] = np.where(word < total, word_end[word] - position, 2 * length)
        word = next_word[word]
    return words, sizes
