import numpy as np
import pytest

from tf_pretrain.data import masking

CLS, SEP, MASK, UNK = 1, 2, 3, 4
VOCAB_SIZE = 50
# Ids from 40 on continue a word.
IS_WORD_START = np.arange(VOCAB_SIZE) < 40


def make_settings(**changes):
    values = dict(
        masked_lm_prob=0.15,
        num_predictions=20,
        mask_token_prob=0.8,
        random_token_prob=0.1,
        special_ids=(CLS, SEP, MASK),
        mask_id=MASK,
        vocab_size=VOCAB_SIZE,
        is_word_start=IS_WORD_START,
    )
    return masking.MaskingSettings(**values | changes)


def make_batch(rng, batch_size, length):
    """Rows [CLS] A [SEP] B [SEP] of random lengths, with padding."""
    input_ids = rng.integers(UNK, VOCAB_SIZE, (batch_size, length))
    input_ids[:, 0] = CLS
    input_mask = np.zeros_like(input_ids)
    for ids, mask in zip(input_ids, input_mask, strict=True):
        end = rng.integers(6, length + 1)
        ids[[rng.integers(2, end - 2), end - 1]] = SEP
        ids[end:] = 0
        mask[:end] = 1
    return input_ids, input_mask


def mask(settings, input_ids, input_mask, seed=0):
    rng = np.random.default_rng(seed)
    noise = masking.draw_noise(rng, *input_ids.shape, settings.num_predictions)
    return noise, masking.mask_tokens(noise, input_ids, input_mask, settings)


def masked_by_oracle(noise, ids, real, settings):
    """The law of n-gram masking for one row, in plain Python: masked positions."""
    words = []
    breaks = True
    for position, token in enumerate(ids):
        if not real[position] or token in settings.special_ids:
            breaks = True
            continue
        if breaks:
            words.append([[position]])
        elif settings.whole_word_masking and not settings.is_word_start[token]:
            words[-1][-1].append(position)
        else:
            words[-1].append([position])
        breaks = False
    grams = [stretch[i : i + settings.max_ngram] for stretch in words
             for i in range(len(stretch))]  # fmt: skip
    budget = max(1, round(sum(real) * settings.masked_lm_prob))
    budget = min(budget, settings.num_predictions)
    masked = set()
    for gram in sorted(grams, key=lambda gram: noise.order[gram[0][0]]):
        if len(masked) == budget:
            break
        weights = [1 / n for n in range(1, len(gram) + 1)]
        threshold = noise.ngram[gram[0][0]] * sum(weights)
        n = 1
        while threshold >= sum(weights[:n]):
            n += 1
        while n and len(masked) + sum(map(len, gram[:n])) > budget:
            n -= 1
        tokens = {position for word in gram[:n] for position in word}
        if not tokens & masked:
            masked |= tokens
    return sorted(masked)


@pytest.mark.parametrize("whole_word_masking", [False, True])
@pytest.mark.parametrize("max_ngram", [1, 3])
def test_masks_follow_the_law_exactly(whole_word_masking, max_ngram):
    settings = make_settings(
        whole_word_masking=whole_word_masking, max_ngram=max_ngram, num_predictions=8
    )
    rng = np.random.default_rng(1)
    input_ids, input_mask = make_batch(rng, 200, 64)
    # Rows of text alone: n-grams must not go on in the next row.
    input_ids[:100] = rng.integers(UNK, VOCAB_SIZE, (100, 64))
    input_mask[:100] = 1
    noise, got = mask(settings, input_ids, input_mask)
    for row in range(len(input_ids)):
        expected = masked_by_oracle(
            noise.rows(row), input_ids[row], input_mask[row], settings
        )
        used = got["masked_lm_weights"][row] == 1
        assert got["masked_lm_positions"][row][used].tolist() == expected
        assert used[: len(expected)].all()
        np.testing.assert_array_equal(
            got["masked_lm_ids"][row][used], input_ids[row][expected]
        )
        for name in ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights"):
            assert not got[name][row][~used].any()
        changed = np.flatnonzero(got["masked_input_ids"][row] != input_ids[row])
        assert set(changed) <= set(expected)


def test_ngram_lengths_are_proportional_to_1_over_n():
    # With three tokens to mask among 398 the longest run is 3 if the first n-gram has
    # 3 words (2/11), and 1 if the first two have 1 (6/11 each); touching is rare.
    input_ids = np.full((20000, 400), 10)
    input_ids[:, [0, -1]] = CLS, SEP
    settings = make_settings(masked_lm_prob=3 / 400, max_ngram=3, num_predictions=3)
    _, got = mask(settings, input_ids, np.ones_like(input_ids))
    steps = np.diff(got["masked_lm_positions"], axis=1) == 1
    longest = 1 + steps.sum(1)
    np.testing.assert_allclose((longest == 3).mean(), 2 / 11, atol=0.015)
    np.testing.assert_allclose((longest == 1).mean(), (6 / 11) ** 2, atol=0.02)


def test_replacements_have_their_rates_and_random_tokens_are_uniform():
    input_ids = np.full((4000, 64), 10)
    input_ids[:, 0] = CLS
    settings = make_settings(num_predictions=10)
    _, got = mask(settings, input_ids, np.ones_like(input_ids))
    seen = np.take_along_axis(got["masked_input_ids"], got["masked_lm_positions"], 1)
    total = seen.size
    assert got["masked_lm_weights"].all()
    error = 4 * np.sqrt(0.16 / total)
    kept = 0.1 + 0.1 / VOCAB_SIZE
    np.testing.assert_allclose((seen == MASK).mean(), 0.8 + 0.1 / 50, atol=error)
    np.testing.assert_allclose((seen == 10).mean(), kept, atol=error)
    counts = np.delete(np.bincount(seen.ravel(), minlength=VOCAB_SIZE), [MASK, 10])
    expected = 0.1 * total / VOCAB_SIZE
    np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(expected))


def test_positions_are_uniform_over_the_maskable_tokens():
    input_ids, input_mask = np.full((1, 40), 10), np.ones((1, 40), int)
    input_ids[0, [0, 20, 35]] = CLS, SEP, SEP
    input_ids[0, 36:] = input_mask[0, 36:] = 0
    rows = np.zeros(20000, int)
    _, got = mask(make_settings(), input_ids[rows], input_mask[rows])
    positions = got["masked_lm_positions"][got["masked_lm_weights"] == 1]
    counts = np.bincount(positions, minlength=40)
    assert not counts[[0, 20, 35, 36, 37, 38, 39]].any()
    maskable = np.delete(counts, [0, 20, 35, 36, 37, 38, 39])
    np.testing.assert_allclose(maskable, maskable.mean(), rtol=0.1)


@pytest.mark.parametrize("with_replacement", [False, True])
def test_a_row_depends_on_nothing_but_that_row(with_replacement):
    settings = make_settings(with_replacement=with_replacement)
    input_ids, input_mask = make_batch(np.random.default_rng(2), 16, 48)
    noise, whole = mask(settings, input_ids, input_mask)
    part = slice(5, 9)
    alone = masking.mask_tokens(
        noise.rows(part), input_ids[part], input_mask[part], settings
    )
    for name, value in alone.items():
        np.testing.assert_array_equal(value, whole[name][part])


def test_rows_without_a_maskable_token_have_no_predictions():
    input_ids = np.array([[0, 0, 0, 0], [CLS, SEP, SEP, 0], [CLS, 9, SEP, 0]])
    input_mask = np.array([[0, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]])
    for with_replacement in (False, True):
        settings = make_settings(with_replacement=with_replacement)
        _, got = mask(settings, input_ids, input_mask)
        assert got["masked_lm_weights"].sum(1).tolist() == [0, 0, 1]
        assert got["masked_lm_positions"][2, 0] == 1
