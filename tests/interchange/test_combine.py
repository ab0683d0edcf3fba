"""ELECTRA's two networks apart and together."""

import dataclasses

import numpy as np
import pytest

from support.tiny import random_features, tiny_config
from tf_pretrain.interchange.combine import combine, split
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    variable_shapes,
)

TYINGS = {
    "embeddings": {"weight_tying": "embeddings"},
    "none": {"weight_tying": "none"},
    "all": {
        "weight_tying": "all",
        "generator_hidden_size": 1.0,
        "generator_layers": 1.0,
    },
}


def noise(config, seed=0, moments=True):
    rng = np.random.default_rng(seed)

    def tensors():
        return {
            path: rng.normal(0, 0.5, shape).astype(np.float32)
            for path, shape in variable_shapes(config).items()
        }

    moments = {"m": tensors(), "v": tensors()} if moments else {}
    return Pretrained(config, tensors(), "noise", moments=moments, step=7)


def parts(seed=0, **model):
    """A discriminator and a generator with tied embeddings, taken apart."""
    model = {"num_hidden_layers": 3, **model}
    objective = {"generator_hidden_size": 0.5, "generator_layers": 1 / 3}
    return split(noise(tiny_config(model=model, objective=objective), seed))


def with_model(pretrained, **fields):
    model = dataclasses.replace(pretrained.config.model, **fields)
    config = dataclasses.replace(pretrained.config, model=model)
    return dataclasses.replace(pretrained, config=config)


def assert_same(got, expected):
    assert set(got) == set(expected)
    for path, value in expected.items():
        np.testing.assert_array_equal(got[path], value, err_msg=path)


@pytest.mark.parametrize("tying", TYINGS)
def test_together_again(tying):
    pretrained = noise(tiny_config(objective=TYINGS[tying]))
    discriminator, generator = split(pretrained)
    # A discriminator's file says nothing about generators.
    objective = tiny_config().objective
    discriminator.config = dataclasses.replace(
        discriminator.config, objective=objective
    )
    got = combine(discriminator, generator)
    assert got.config == pretrained.config
    assert_same(got.weights, pretrained.weights)
    for key, expected in pretrained.moments.items():
        assert_same(got.moments[key], expected)
    assert got.step == 7 and not got.notes and not got.missing()


@pytest.mark.parametrize("tying", TYINGS)
def test_parts_compute_what_the_whole_does(tying):
    pretrained = noise(tiny_config(objective=TYINGS[tying]), moments=False)
    features = random_features(pretrained.config)
    outputs = pretrained.build()(features)
    discriminator, generator = split(pretrained)
    np.testing.assert_array_equal(
        generator.build()(features)["masked_lm_logits"], outputs["masked_lm_logits"]
    )
    encoder = discriminator.build(initialize_missing=True).encoder
    corrupted = features | {"input_ids": outputs["corrupted_input_ids"]}
    np.testing.assert_array_equal(
        encoder(corrupted)["sequence_output"],
        pretrained.build().encoder(corrupted)["sequence_output"],
    )


def test_without_a_generator():
    discriminator, _ = parts()
    alone, generator = split(discriminator)
    assert generator is None
    assert_same(alone.weights, discriminator.weights)


@pytest.mark.parametrize(
    "objective",
    [
        {"discriminator_positions": "masked"},
        {
            "generator_training": "two_stage",
            "generator_steps": 1,
            "weight_tying": "none",
            "generator_hidden_size": 1.0,
        },
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_variants_with_released_heads_come_apart(objective):
    whole = noise(tiny_config(objective=objective))
    discriminator, generator = split(whole)
    assert generator.config.objective.name == "masked_lm"
    assert not generator.missing() and not discriminator.has_generator


def test_sizes_of_the_generator_come_from_it():
    """Fractions that are no short decimals give back the whole numbers."""
    for hidden_size, layers in ((768, 12), (1024, 24), (80, 7)):
        for generator_size in (64, 256, 40):
            for generator_layers in range(1, layers + 1):
                fraction = generator_size / hidden_size
                assert round(hidden_size * fraction) == generator_size
                fraction = generator_layers / layers
                assert round(layers * fraction) == generator_layers
    objective = combine(*parts()).config.objective
    assert objective.generator_hidden_size == 0.5
    assert objective.generator_layers == 1 / 3


def test_moments_of_one_part_are_left_out():
    discriminator, generator = parts()
    for other in (
        dataclasses.replace(generator, moments={}),
        dataclasses.replace(generator, step=8),
    ):
        got = combine(discriminator, other)
        assert got.moments == {}
        assert got.notes == [
            "optimizer moments were left out: not both have them, of one step"
        ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d, g: (g, g), "offered as a discriminator, but holds a masked"),
        (lambda d, g: (d, d), "offered as a generator, but holds a discriminator$"),
        (
            lambda d, g: (combine(d, g), g),
            "offered as a discriminator, but holds a generator already",
        ),
        (
            lambda d, g: (d, combine(d, g)),
            "offered as a generator, .* discriminator and a generator together",
        ),
        (
            lambda d, g: (d, with_model(g, num_attention_heads=2)),
            "num_attention_heads 2 instead of 1.*heads are 64 wide",
        ),
        (
            lambda d, g: (d, with_model(g, intermediate_size=33, vocab_size=51)),
            "vocab_size 51 instead of 50; intermediate_size 33 instead of 32",
        ),
        (
            lambda d, g: (d, with_model(g, hidden_act="relu")),
            "hidden_act relu instead of gelu",
        ),
    ],
)
def test_what_cannot_be_combined(change, message):
    with pytest.raises(InterchangeError, match=message):
        combine(*change(*parts()))


def test_embeddings_that_differ_must_be_as_wide_as_the_generator():
    # E = 4, the generator's own width 8.
    discriminator, generator = parts(embedding_size=4)
    name = "encoder/embeddings/layer_norm/beta"
    generator.weights[name] = generator.weights[name] + 1
    with pytest.raises(
        InterchangeError,
        match="embedding_size 4 instead of 8, which a generator with embeddings of its",
    ):
        combine(discriminator, generator)


def test_a_sentence_head_is_no_generators():
    discriminator, _ = parts()
    generator = noise(tiny_config("masked_lm", "sentence_order"))
    with pytest.raises(InterchangeError, match="has a sentence head"):
        combine(discriminator, generator)
