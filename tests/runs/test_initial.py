"""Runs that start from trained weights, without training: what is resolved, refused."""

import dataclasses

import numpy as np
import pytest

from support.tiny import tiny_config
from tf_pretrain.config import ConfigError, ObjectiveConfig
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    variable_shapes,
)
from tf_pretrain.runs.data import Sources
from tf_pretrain.runs.initial import InitialWeights

SOURCE = tiny_config(model={"hidden_size": 32, "hidden_dropout_prob": 0.3})
WEIGHTS = {
    path: np.full(shape, 0.1, np.float32)
    for path, shape in variable_shapes(SOURCE).items()
}
BASE = tiny_config(data={"masked_lm_prob": 0.25}, train={"num_steps": 9})


@pytest.fixture
def tokenizer(tmp_path):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *(f"w{i}" for i in range(45))]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n")
    return load_tokenizer(tmp_path / "vocab.txt", lower_case=True, strip_accents=False)


def _initial(tokenizer=None, weights=WEIGHTS, moments=None, step=0, **fields):
    pretrained = Pretrained(SOURCE, weights, "X", tokenizer, moments or {}, step)
    return InitialWeights(pretrained, **fields)


def test_the_weights_decide_the_network_and_the_text(tokenizer):
    config, sources = _initial(tokenizer).resolve(BASE, Sources("text.txt"))
    assert config.model == SOURCE.model
    assert (config.data.lower_case, config.data.strip_accents) == (True, False)
    assert (config.data.masked_lm_prob, config.train.num_steps) == (0.25, 9)
    assert sources == Sources("text.txt", vocab=tokenizer)
    again = _initial(tokenizer).resolve(config, sources)
    assert again == (config, sources)


def test_overrides_win_where_the_weights_leave_a_choice(tokenizer):
    overrides = ("model.hidden_dropout_prob=0", "objective.discriminator_weight=7")
    config, _ = _initial(tokenizer, overrides=overrides).resolve(BASE, Sources())
    assert config.model == dataclasses.replace(SOURCE.model, hidden_dropout_prob=0.0)
    assert config.objective.discriminator_weight == 7.0
    assert ObjectiveConfig.discriminator_weight != 7.0


@pytest.mark.parametrize(
    "override,message",
    [
        (
            "data.lower_case=false",
            "data.lower_case is False, but .* X has True; leave ",
        ),
        ("data.strip_accents=true", "strip_accents is True, but .* X has False"),
        ("data.tokenizer=sentencepiece", "is 'sentencepiece', but .* has 'wordpiece'"),
    ],
)
def test_settings_that_contradict_the_vocabulary(tokenizer, override, message):
    initial = _initial(tokenizer, overrides=(override,))
    with pytest.raises(ConfigError, match=message):
        initial.resolve(BASE, Sources())
    config, sources = initial.resolve(BASE, Sources(vocab="other.txt"))
    assert sources.vocab == "other.txt"
    field, _, value = override.partition("=")
    assert str(getattr(config.data, field[5:])).lower() == value


def test_weights_without_a_vocabulary_need_one():
    with pytest.raises(ConfigError, match="X has no vocabulary .* give --vocab"):
        _initial().resolve(BASE, Sources())
    _initial().resolve(BASE, Sources(vocab="other.txt"))


def test_sizes_that_the_weights_have_not(tokenizer):
    initial = _initial(
        tokenizer, overrides=("model.hidden_size=16", "model.hidden_dropout_prob=0")
    )
    config, _ = initial.resolve(BASE, Sources())
    with pytest.raises(
        InterchangeError, match=r"leave out --config.model.hidden_size$"
    ):
        initial.check(config)


def test_what_is_missing_is_said_or_started(tokenizer):
    own = {p: w for p, w in WEIGHTS.items() if not p.startswith("generator/")}
    initial = _initial(tokenizer, weights=own)
    config, _ = initial.resolve(BASE, Sources())
    with pytest.raises(InterchangeError, match="no generator.*--initialize_missing"):
        initial.check(config)
    dataclasses.replace(initial, initialize_missing=True).check(config)


@pytest.mark.parametrize(
    "moments,step,message",
    [
        ({}, 3, "X holds no optimizer moments; leave out --restore_optimizer"),
        ({"m": WEIGHTS, "v": WEIGHTS}, 9, "those of step 9, and train.num_steps is 9"),
    ],
)
def test_optimizers_that_cannot_be_restored(tokenizer, moments, step, message):
    initial = _initial(tokenizer, moments=moments, step=step, restore_optimizer=True)
    config, _ = initial.resolve(BASE, Sources())
    with pytest.raises((ConfigError, InterchangeError), match=message):
        initial.check(config)
