"""ELECTRA's masking: statistics of the original, and scatter and gather."""

import types

import numpy as np
import pytest

from tf_pretrain.config import DataConfig
from tf_pretrain.data import masking
from tf_pretrain.models import heads

from .files import Arrays, found, read_json

FILES = ("electra_masking/mask_stats.json", "electra_masking/scatter_gather.npz")
CLS, SEP, MASK, UNK, WORD, VOCAB_SIZE = 1, 2, 3, 4, 9, 50
UNK_POSITION = 1
DRAWS = 2000
SIGMAS = 5.0  # a comparison of many means


def statistics_cases():
    for path in found(FILES[0]):
        for name, case in read_json(path).items():  # "length=128,mask_prob=0.15"
            values = dict(part.split("=") for part in name.split(","))
            length, rate = int(values["length"]), float(values["mask_prob"])
            yield pytest.param(length, rate, case, id=name)


@pytest.mark.parametrize("length, rate, case", list(statistics_cases()))
def test_mask_statistics(length, rate, case, comparison):
    """Exact counts, and means of as many draws as the original's within its error."""
    check = comparison("ELECTRA masking")
    slots = DataConfig(max_seq_length=length, masked_lm_prob=rate).num_predictions
    check.equal("prediction slots", slots, case["max_predictions_per_seq"])
    data = DataConfig(
        max_seq_length=length, masked_lm_prob=rate, legacy_duplicate_masking=True
    )
    tokenizer = types.SimpleNamespace(
        cls_id=CLS,
        sep_id=SEP,
        mask_id=MASK,
        unk_id=UNK,
        vocab_size=VOCAB_SIZE,
        is_word_start=np.ones(VOCAB_SIZE, bool),
    )
    settings = masking.MaskingSettings.from_config(data, tokenizer)
    for i, real_length in enumerate(case["real_lengths"]):
        got = masked_rows(settings, length, real_length, seed=i)
        positions, weights = got["masked_lm_positions"], got["masked_lm_weights"]
        candidates = case["candidates"][i]
        check.equal("maskable tokens", real_length - 3, candidates)
        count = case["num_to_predict"][i]
        check.equal("number to predict", weights.sum(1), np.full(DRAWS, count))
        specials = np.isin(positions, [0, real_length // 2, real_length - 1])
        chosen_specials = int((specials & (weights > 0)).sum())
        check.equal("specials chosen", chosen_specials, case["special_tokens_chosen"])
        distinct = np.array([len(np.unique(row[:count])) for row in positions])
        visible = (got["masked_input_ids"] == MASK).sum(1)
        unknown = ((positions == UNK_POSITION) & (weights > 0)).any(1)
        for name, mean, spread in (
            ("mean_distinct_positions", distinct.mean(), distinct.std()),
            ("mean_mask_tokens_visible_in_input", visible.mean(), visible.std()),
            ("unk_position_chosen_rate", unknown.mean(), unknown.std()),
        ):
            error = spread * np.sqrt(1 / case["draws"] + 1 / DRAWS)
            what, unit = name.replace("_", " "), "standard errors"
            check.close(what, mean, case[name][i], SIGMAS, error, unit)


def masked_rows(settings, length, real_length, seed):
    input_ids = np.full((DRAWS, length), WORD)
    input_ids[:, [0, real_length // 2, real_length - 1]] = CLS, SEP, SEP
    input_ids[:, UNK_POSITION] = UNK
    input_mask = np.ones((DRAWS, length))
    input_mask[:, real_length:] = 0
    rng = np.random.default_rng(seed)
    noise = masking.draw_noise(rng, DRAWS, length, settings.num_predictions)
    return masking.mask_tokens(noise, input_ids, input_mask, settings)


@pytest.mark.parametrize("path", found(FILES[1]))
def test_scatter_and_gather(path, comparison):
    check = comparison("ELECTRA masking")
    data = Arrays(path)
    positions = data["in_positions"]
    weights = np.ones(positions.shape, np.float32)
    ids, written = heads.scatter_ids(
        data["in_sequence"], positions, data["in_updates"], weights
    )
    check.equal("scattered ids", ids, data["out_scatter_int"])
    check.equal("where written", written, data["out_scatter_mask"])
    check.equal("where written", written, data["out_scatter_float_mask"])
    vectors = heads.gather_positions(data["in_vectors"], positions)
    check.equal("gathered vectors", vectors, data["out_gather_float"])
    gathered = heads.gather_positions(data["in_sequence"][:, :, None], positions)
    check.equal("gathered ids", gathered[:, :, 0], data["out_gather_int"])
    # Scattering of vectors is used by neither original's training.
    assert data.unread == {"out_scatter_float"}
