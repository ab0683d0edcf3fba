"""The fine-tuning configs against the papers' tables."""

import pytest

from support.paths import CONFIGS
from tf_pretrain.config import (
    FinetuneConfig,
    FinetuneSettings,
    from_dict,
    override,
    to_dict,
)
from tf_pretrain.config.files import load_config
from tf_pretrain.errors import ConfigError


@pytest.mark.parametrize(
    "size, rate, decay",
    [("small", 3e-4, 0.8), ("base", 1e-4, 0.8), ("large", 5e-5, 0.9)],
)
def test_electra_table_7(size, rate, decay):
    config = load_config(f"{CONFIGS}/finetune_electra.py:{size}", "MNLI").finetune
    assert (config.learning_rate, config.layerwise_decay) == (rate, decay)
    assert (config.batch_size, config.weight_decay, config.num_epochs) == (32, 0.0, 3)
    assert (config.classifier_dropout, config.encoder_dropout) == (0.1, 0.1)
    num_steps = config.total_steps(392_702)
    assert num_steps == 392_702 // 32 * 3
    assert config.total_warmup_steps(num_steps) == pytest.approx(0.1 * num_steps)
    for task in ("RTE", "STS-B"):
        config = load_config(f"{CONFIGS}/finetune_electra.py:{size}", task).finetune
        assert config.num_epochs == 10


# Lan et al. (2019), Table 14: rate, ALBERT dropout, classifier dropout, batch, steps,
# warm-up, length.
ALBERT = {
    "CoLA": (1e-5, 0, 0.1, 16, 5336, 320, 512),
    "STS-B": (2e-5, 0, 0.1, 16, 3598, 214, 512),
    "SST-2": (1e-5, 0, 0.1, 32, 20935, 1256, 512),
    "MNLI": (3e-5, 0, 0.1, 128, 10000, 1000, 512),
    "QNLI": (1e-5, 0, 0.1, 32, 33112, 1986, 512),
    "QQP": (5e-5, 0.1, 0.1, 128, 14000, 1000, 512),
    "RTE": (3e-5, 0.1, 0.1, 32, 800, 200, 512),
    "MRPC": (2e-5, 0, 0.1, 32, 800, 200, 512),
    "WNLI": (2e-5, 0.1, 0.1, 16, 2000, 250, 512),
}


@pytest.mark.parametrize("task", ALBERT)
def test_albert_table_14(task):
    config = load_config(f"{CONFIGS}/finetune_albert.py", task).finetune
    num_steps = config.total_steps(1)
    assert ALBERT[task] == (
        config.learning_rate,
        config.encoder_dropout,
        config.classifier_dropout,
        config.batch_size,
        num_steps,
        config.total_warmup_steps(num_steps),
        config.max_seq_length,
    )
    assert (config.head, config.loss_reduction) == ("pooled", "mean")
    v2 = load_config(f"{CONFIGS}/finetune_albert.py:v2", task).finetune
    assert v2.encoder_dropout == 0.0


@pytest.mark.parametrize("name", ["electra", "albert", "quickstart"])
def test_config_survives_json(name):
    config = load_config(f"{CONFIGS}/finetune_{name}.py", "my_task")
    assert from_dict(FinetuneConfig, to_dict(config)) == config


def test_steps():
    settings = FinetuneSettings(num_epochs=2.5, batch_size=32)
    assert settings.total_steps(8551) == int(267 * 2.5)  # full batches
    assert settings.total_steps(10) == 2  # fewer examples than a batch
    assert FinetuneSettings(num_steps=7).total_steps(8551) == 7


def test_overrides():
    values = to_dict(FinetuneConfig())
    override(FinetuneConfig, values, "finetune.num_trials", "5")
    assert from_dict(FinetuneConfig, values).finetune.num_trials == 5
    with pytest.raises(ConfigError, match="did you mean 'num_epochs'"):
        override(FinetuneConfig, values, "finetune.num_epoch", "5")


@pytest.mark.parametrize(
    "fields",
    [
        {"num_trials": 0},
        {"num_epochs": 0.0},
        {"encoder_dropout": 2.0},
        {"layerwise_decay": 0.0},
        {"head": "mean"},
        {"schedule": "cosine"},
        {"optimizer": "sgd"},
        {"learning_rate": -1.0},
        {"warmup_steps": -5},
        {"clip_norm": float("inf")},
    ],
)
def test_invalid_values_are_named(fields):
    with pytest.raises(ConfigError, match=rf"^(?!train\.).*{next(iter(fields))}"):
        FinetuneSettings(**fields)
