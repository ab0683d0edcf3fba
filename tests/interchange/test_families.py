"""The same model gives the same config, whatever format it is read from."""

import dataclasses
import json

import pytest

from support.weights import random_pretrained
from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.interchange import families, formats
from tf_pretrain.interchange.pretrained import InterchangeError

SIZES = {
    "vocab_size": 50,
    "embedding_size": 16,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 1,
    "intermediate_size": 64,
    "max_position_embeddings": 520,
    "hidden_act": "gelu_tanh",
}
HEADS = ("masked_lm_head/", "sentence_head/", "replaced_token_head/", "generator/")
# Which of the heads a model has: of its family's pretraining, or none.
FULL = {
    "electra": {"replaced_token"},
    "bert": {"masked_lm", "sentence"},
    "albert": {"masked_lm", "sentence"},
}


def written(family, heads, to, folder):
    """A model of the family in a folder of a format, and its config."""
    # ELECTRA's program has the exact GELU alone.
    act = {"hidden_act": "gelu"} if family == "electra" else {}
    model = families.encoder_config("test", family, **SIZES | act)
    config = families.pretrain_config(family, model, heads)
    lost = HEADS if not heads else ("generator/", "masked_lm_head/")
    if family != "electra" and heads:
        lost = ()
    pretrained = random_pretrained(config, keep=lambda p: not p.startswith(lost))
    folder.mkdir()
    formats.FORMATS[to].load().write(pretrained, folder)
    (folder / "pretrain_config.json").unlink(missing_ok=True)  # ours, in a preset
    return config


@pytest.mark.parametrize("family", ["electra", "bert", "albert"])
@pytest.mark.parametrize("has_heads", [False, True])
def test_every_format_gives_the_same_config(family, has_heads, tmp_path):
    heads = FULL[family] if has_heads else set()
    kinds = ["tf1", "huggingface"] if has_heads else ["tf1", "huggingface", "keras_hub"]
    found = {}
    for to in kinds:
        expected = written(family, heads, to, tmp_path / to)
        formats.convert(tmp_path / to, tmp_path / f"{to}_keras", "keras")
        values = json.loads((tmp_path / f"{to}_keras" / "config.json").read_text())
        found[to] = config_lib.from_dict(PretrainConfig, values)
    if family == "electra" and not has_heads:
        # A difference of the networks: keras-hub computes another GELU.
        model = found["keras_hub"].model
        assert model.hidden_act == "gelu_tanh"
        found["keras_hub"] = dataclasses.replace(
            found["keras_hub"], model=dataclasses.replace(model, hidden_act="gelu")
        )
    for to, config in found.items():
        assert config == expected, to


@pytest.mark.parametrize(
    ("family", "objective", "sentence", "example_format", "training", "projection"),
    [
        (
            "electra",
            "replaced_token_detection",
            "none",
            "electra",
            ("adamw", "electra"),
            "glorot_uniform",
        ),
        (
            "bert",
            "masked_lm",
            "next_sentence",
            "next_sentence",
            ("adamw", "albert"),
            "truncated_normal",
        ),
        (
            "albert",
            "masked_lm",
            "sentence_order",
            "sentence_order",
            ("lamb", "albert"),
            "truncated_normal",
        ),
    ],
)
def test_the_families_are_the_papers(
    family, objective, sentence, example_format, training, projection
):
    model = families.encoder_config("test", family, **SIZES)
    config = families.pretrain_config(family, model, heads=())
    assert config.objective.name == objective
    assert config.objective.sentence_objective == sentence
    assert config.data.example_format == example_format
    assert config.data.max_seq_length == 512
    assert (config.train.optimizer, config.train.schedule) == training
    assert config.model.projection_initializer == projection
    assert families.family_of(config) == family


@pytest.mark.parametrize(
    ("family", "heads", "fields", "expected"),
    [
        ("bert", {"masked_lm"}, {"use_pooler": False}, ("masked_lm", "none")),
        ("bert", {"masked_lm"}, {}, ("masked_lm", "none")),
        ("albert", {"masked_lm"}, {}, ("masked_lm", "none")),
        ("albert", {"sentence"}, {}, ("masked_lm", "sentence_order")),
        ("electra", {"masked_lm"}, {}, ("masked_lm", "none")),
        ("electra", set(), {}, ("replaced_token_detection", "none")),
    ],
)
def test_heads_decide_the_objective(family, heads, fields, expected):
    model = families.encoder_config("test", family, **SIZES | fields)
    objective = families.pretrain_config(family, model, heads).objective
    assert (objective.name, objective.sentence_objective) == expected


def test_a_fresh_generator_has_whole_heads():
    """A quarter of 1,024 is 4 heads of 64; a quarter of 768 is 3."""
    for hidden_size, width in ((1024, 256), (768, 192), (360, 64), (128, 32)):
        sizes = SIZES | {"hidden_size": hidden_size}
        model = families.encoder_config("test", "electra", **sizes)
        objective = families.pretrain_config("electra", model, ()).objective
        assert objective.generator_hidden_size * hidden_size == width


def test_a_value_that_no_encoder_has_names_its_source():
    with pytest.raises(InterchangeError, match="some/file: hidden_size 16 is not a"):
        families.encoder_config(
            "some/file", "bert", **SIZES | {"num_attention_heads": 3}
        )
