"""Every config takes a training step, shrunken."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from test_trainer import _fit

from tf_pretrain.config_files import load_config

CONFIGS = Path(__file__).parents[1] / "configs"
FILES = sorted(path.name for path in CONFIGS.glob("*.py"))
NAMES = [name for name in FILES if not name.startswith(("albert.", "finetune"))]
NAMES += [
    f"albert.py:{size}_{version}"
    for size in ("base", "large", "xlarge", "xxlarge")
    for version in ("v1", "v2")
]


def _shrink(config):
    """The config's structure with two layers of width 24 or so."""
    model = config.model
    is_factorised = model.embedding_size != model.hidden_size
    return dataclasses.replace(
        config,
        model=dataclasses.replace(
            model,
            vocab_size=60,
            hidden_size=24,
            embedding_size=8 if is_factorised else 24,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=48,
            max_position_embeddings=16,
        ),
        data=dataclasses.replace(
            config.data, max_seq_length=16, max_predictions_per_seq=3
        ),
        train=dataclasses.replace(
            config.train, batch_size=4, num_steps=4, warmup_steps=1, jit_compile=False
        ),
    )


@pytest.mark.parametrize("name", NAMES)
def test_config_steps(name):
    config = _shrink(load_config(str(CONFIGS / name)))
    losses, trainer = _fit(config, num_steps=2, num_batches=1)
    terms = trainer.network.loss_terms
    assert set(losses[0]) >= set(terms)
    assert np.isfinite(losses[1]["loss"])
    assert losses[1]["gradient_norm"] > 0
    is_electra = config.objective.name == "replaced_token_detection"
    assert ("replaced_token" in terms) == is_electra
    assert ("sentence_order" in terms) == ("albert" in name)
