import dataclasses
import json

import pytest

from tf_pretrain import config as config_lib
from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    FinetuneConfig,
    FinetuneSettings,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
    generator_config,
)
from tf_pretrain.errors import ConfigError


def test_round_trip(tmp_path):
    config = PretrainConfig(seed=3, train=TrainConfig(num_steps=7))
    (tmp_path / "config.json").write_text(json.dumps(config_lib.to_dict(config)))
    assert config_lib.load(PretrainConfig, tmp_path / "config.json") == config


def test_unknown_field_names_the_nearest():
    with pytest.raises(ConfigError, match="'hidden_sise'; did you mean 'hidden_size'"):
        config_lib.from_dict(PretrainConfig, {"model": {"hidden_sise": 8}})


@pytest.mark.parametrize(
    "field,text,expected",
    [
        ("seed", "5", 5),
        ("train.learning_rate", "1e-3", 1e-3),
        ("train.jit_compile", "false", False),
        ("data.tokenizer", "sentencepiece", "sentencepiece"),
    ],
)
def test_override(field, text, expected):
    values = config_lib.to_dict(PretrainConfig())
    config_lib.override(PretrainConfig, values, field, text)
    config = config_lib.from_dict(PretrainConfig, values)
    for name in field.split("."):
        config = getattr(config, name)
    assert config == expected


@pytest.mark.parametrize(
    "field,text,message",
    [
        ("train.num_step", "5", "did you mean 'num_steps'"),
        ("trian.num_steps", "5", "did you mean 'train'"),
        ("train.num_steps", "many", "expected a int"),
        ("train.jit_compile", "perhaps", "expected a bool"),
        ("train", "5", "no field 'train'"),
    ],
)
def test_wrong_override(field, text, message):
    values = config_lib.to_dict(PretrainConfig())
    with pytest.raises(ConfigError, match=message):
        config_lib.override(PretrainConfig, values, field, text)


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: EncoderConfig(hidden_size=10), "num_attention_heads"),
        (lambda: EncoderConfig(parameter_sharing="some"), "parameter_sharing"),
        (lambda: EncoderConfig(num_hidden_groups=13), "num_hidden_groups"),
        (lambda: EncoderConfig(hidden_dropout_prob=1.0), "model.hidden_dropout_prob"),
        (lambda: PretrainConfig(seed=-1), "seed is -1"),
        (lambda: PretrainConfig(seed=2**32), "seed is 4294967296"),
        (lambda: FinetuneConfig(seed=-1), "seed is -1"),
        (lambda: FinetuneSettings(classifier_dropout=1.0), "classifier_dropout is 1"),
        (
            lambda: DataConfig(masked_lm_prob=0.001),
            "masked_lm_prob 0.001 of max_seq_length 128 leaves no token",
        ),
        (lambda: DataConfig(masked_lm_prob=15), "masked_lm_prob"),
        (lambda: DataConfig(dupe_factor=2), "dupe_factor"),
        (lambda: DataConfig(encoding="latin1x"), "data.encoding is 'latin1x'"),
        (lambda: DataConfig(encoding="hex"), "data.encoding is 'hex'"),
        (lambda: DataConfig(random_token_prob=0.5), "above 1"),
        (lambda: TrainConfig(accumulation_steps=3), "accumulation_steps"),
        (lambda: TrainConfig(num_steps=0), "num_steps"),
        (lambda: ObjectiveConfig(weight_tying="all"), "weight_tying"),
        (lambda: EncoderConfig(vocab_size=0), "model.vocab_size is 0"),
        (lambda: EncoderConfig(num_attention_heads=-1), "model.num_attention_heads"),
        (lambda: ObjectiveConfig(generator_layers=0), "objective.generator_layers"),
        (lambda: DataConfig(max_ngram=0), "data.max_ngram is 0; expected 1 or more"),
        (
            lambda: DataConfig(max_predictions_per_seq=-3),
            "data.max_predictions_per_seq",
        ),
        (lambda: DataConfig(shard_size_mb=0), "data.shard_size_mb"),
        (
            lambda: DataConfig(legacy_duplicate_masking=True, max_ngram=3),
            "draws single tokens",
        ),
        (lambda: TrainConfig(warmup_steps=-5), "train.warmup_steps is -5"),
        (lambda: TrainConfig(clip_norm=0), "train.clip_norm"),
        (lambda: TrainConfig(clip_norm=float("inf")), "train.clip_norm is inf"),
        (lambda: TrainConfig(learning_rate=float("nan")), "train.learning_rate is nan"),
        (
            lambda: PretrainConfig(
                objective=ObjectiveConfig(generator_hidden_size=0.001)
            ),
            "the generator: model.hidden_size is 0",
        ),
        (lambda: PretrainConfig(data=DataConfig(max_seq_length=513)), "exceeds"),
        (
            lambda: PretrainConfig(
                objective=ObjectiveConfig(sentence_objective="sentence_order")
            ),
            "example_format",
        ),
    ],
)
def test_invalid_values_are_named(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_number_of_prediction_slots_is_the_references():
    # Released ELECTRA code: 19 at 128 and 15 %, 79 at 512, 130 at 512 and 25 %.
    slots = [
        DataConfig(max_seq_length=length, masked_lm_prob=prob).num_predictions
        for length, prob in ((128, 0.15), (512, 0.15), (512, 0.25))
    ]
    assert slots == [19, 79, 130]
    assert DataConfig(max_predictions_per_seq=20).num_predictions == 20


def test_generator_of_electra_base():
    # Released code: width 1/3 of 768 is 256 with 4 heads; depth is the same.
    model = EncoderConfig(hidden_size=768, embedding_size=768, num_attention_heads=12)
    objective = ObjectiveConfig(generator_hidden_size=0.33333)
    config = PretrainConfig(model=model, objective=objective)
    generator = generator_config(config)
    assert (generator.hidden_size, generator.num_attention_heads) == (256, 4)
    assert (generator.intermediate_size, generator.num_hidden_layers) == (1024, 12)
    assert generator.embedding_size == 768
    untied = dataclasses.replace(objective, weight_tying="none")
    config = dataclasses.replace(config, objective=untied)
    assert generator_config(config).embedding_size == 256


def test_differing_fields():
    old = {"seed": 1, "train": {"num_steps": 2, "batch_size": 4}}
    new = {"seed": 1, "train": {"num_steps": 3, "batch_size": 4}}
    assert config_lib.differing_fields(old, new) == ["train.num_steps: 2 -> 3"]
