"""Mask rates and fake rate in the logs of a step, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from support.tiny import cached_strategy, random_features, tiny_config
from tf_pretrain.training.building import build_trainer

CASES = [
    ("replaced_token_detection", {}),
    ("replace_mlm", {}),
    ("masked_lm", {}),
    ("replaced_token_detection", {"accumulation_steps": 2}),
]


def _features(config):
    """Rows with a position that is drawn twice, as the original ELECTRA's may be."""
    features = random_features(config)
    features["masked_lm_positions"][1, 2] = features["masked_lm_positions"][1, 0]
    features["masked_lm_positions"][4, :3] = features["masked_lm_positions"][4, 0]
    # What the generator samples: sometimes the token that was there.
    rng = np.random.default_rng(1)
    samples = rng.integers(5, config.model.vocab_size, (8, 4)).astype(np.int32)
    samples[:4] = features["masked_lm_ids"][:4]
    return features | {"sampled_ids": samples}


def _expected(features):
    """Rates counted in plain Python."""
    tokens = features["input_mask"].sum()
    slots = distinct = fake = 0
    for row in range(len(features["input_ids"])):
        written = {}
        for slot, position in enumerate(features["masked_lm_positions"][row]):
            if features["masked_lm_weights"][row, slot] > 0:
                slots += 1
                sample = features["sampled_ids"][row, slot]
                written.setdefault(int(position), []).append(int(sample))
        distinct += len(written)
        for position, samples in written.items():
            fake += sum(samples) // len(samples) != features["input_ids"][row, position]
    return {
        "mask_rate": slots / tokens,
        "distinct_mask_rate": distinct / tokens,
        "fake_rate": fake / tokens,
    }


@pytest.mark.parametrize("name,train", CASES)
def test_rates_of_a_step(name, train):
    config = tiny_config(name, train=train)
    features = _features(config)
    trainer = build_trainer(config, cached_strategy("one"))
    logs = trainer.train_step({k: tf.constant(v) for k, v in features.items()})
    expected = _expected(features)
    assert expected["distinct_mask_rate"] < expected["mask_rate"]
    assert 0 < expected["fake_rate"] < expected["distinct_mask_rate"]
    assert {n for n in logs if n in expected} == set(trainer.network.rates)
    assert ("fake_rate" in trainer.network.rates) == (name != "masked_lm")
    for rate in trainer.network.rates:
        np.testing.assert_allclose(logs[rate], expected[rate], rtol=1e-6, err_msg=rate)
