"""Every config takes a training step, shrunken."""

import functools

import numpy as np
import pytest

from support.paths import CONFIGS
from support.training import fit, shrink
from tf_pretrain.config.files import load_config

FILES = sorted(path.name for path in CONFIGS.glob("*.py"))
NAMES = [name for name in FILES if not name.startswith(("albert.", "finetune"))]
NAMES += [
    f"albert.py:{size}_{version}"
    for size in ("base", "large", "xlarge", "xxlarge")
    for version in ("v1", "v2")
]
NAMES.append("course.py:albert")
# One of each family; the others are among the integration tests.
QUICK = {"electra_small.py", "albert.py:base_v1", "bert_next_sentence.py"}


@functools.cache
def _steps(config):
    """Losses of two steps, and their names; configs that differ in size share them."""
    losses, trainer = fit(config, num_steps=2, num_batches=1)
    return losses, trainer.network.loss_terms


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.integration)
        for name in NAMES
    ],
)
def test_config_steps(name):
    config = shrink(load_config(str(CONFIGS / name)))
    losses, terms = _steps(config)
    assert set(losses[0]) >= set(terms)
    assert np.isfinite(losses[1]["loss"])
    assert losses[1]["gradient_norm"] > 0
    is_electra = config.objective.name == "replaced_token_detection"
    assert ("replaced_token" in terms) == is_electra
    assert ("sentence_order" in terms) == ("albert" in name)
