"""Combines ELECTRA's two networks into one model, and splits them.

Most formats store a discriminator and a generator as two models. Pretraining has both
in one.
"""

import dataclasses

import numpy as np

from tf_pretrain import config as config_lib
from tf_pretrain.interchange import families
from tf_pretrain.interchange.pretrained import InterchangeError, Pretrained

_EMBEDDINGS = "embeddings/"
# Fields that a generator has in its own config, and the discriminator's fields that
# they must agree with.
_AGREEING = (
    *families.SIZES,
    *families.GROUP_SIZES,
    "hidden_act",
    "parameter_sharing",
    "use_pooler",
)


def combine(discriminator: Pretrained, generator: Pretrained) -> Pretrained:
    """One model for replaced token detection.

    The weights that the two share are detected: all, the embeddings (Clark et al.,
    2020, sec. 3.2), or none. Optimizer moments are kept if both models have them for
    the same step.

    Args:
        discriminator: With objective "replaced_token_detection" and no generator.
        generator: With objective "masked_lm".

    Raises:
        InterchangeError: If one of them is not of this kind, or if a generator of these
            sizes cannot be trained with this discriminator.
    """
    _check_roles(discriminator, generator)
    tying = _weight_tying(discriminator, generator)
    config = _combined_config(discriminator, generator, tying)

    def merged(theirs, own):
        """Weights, or moments, of both under the names of the whole."""
        tensors = dict(theirs)
        for path, value in own.items():
            part, _, rest = path.partition("/")
            if part != "encoder":
                tensors[path] = value
            elif tying == "none" or (
                tying == "embeddings" and not rest.startswith(_EMBEDDINGS)
            ):
                tensors[f"generator/{rest}"] = value
        return tensors

    notes = [*discriminator.notes, *generator.notes]
    has_moments = bool(discriminator.moments and generator.moments)
    has_moments = has_moments and discriminator.step == generator.step
    if not has_moments and (discriminator.moments or generator.moments):
        notes.append("optimizer moments were left out: not both have them, of one step")
    pretrained = Pretrained(
        config,
        merged(discriminator.weights, generator.weights),
        f"{discriminator.source} and {generator.source}",
        discriminator.tokenizer or generator.tokenizer,
        {
            key: merged(discriminator.moments[key], generator.moments[key])
            for key in (discriminator.moments if has_moments else {})
        },
        discriminator.step,
        [*discriminator.unused, *generator.unused],
        notes,
    )
    pretrained.check()
    return pretrained


def as_electra(encoder: Pretrained, generator: Pretrained | None = None) -> Pretrained:
    """A masked language model, say BERT, as the start of an ELECTRA.

    Its encoder becomes the discriminator. Its heads, its pooler and the optimizer's
    moments are left behind: ELECTRA has another head, which is to be started afresh.

    Args:
        encoder: With objective "masked_lm".
        generator: Another one for the generator, of a size that `combine` takes, or
            the same one, which gives networks that share all weights. None: the
            generator is to be started afresh.

    Raises:
        InterchangeError: If `encoder` has another objective, or see `combine`.
    """
    if encoder.config.objective.name != "masked_lm":
        raise InterchangeError(
            f"{encoder.source} was trained with objective "
            f"{encoder.config.objective.name!r}; only a masked language model is made "
            "an ELECTRA's discriminator"
        )
    encoder = _without_sentences(encoder)
    config = families.pretrain_config(
        "electra", encoder.config.model, heads={"replaced_token"}
    )
    data = dataclasses.replace(config.data, tokenizer=encoder.config.data.tokenizer)
    discriminator = dataclasses.replace(
        encoder,
        config=dataclasses.replace(config, data=data),
        weights={
            path.replace("encoder/", "discriminator/", 1): value
            for path, value in encoder.weights.items()
            if path.startswith("encoder/")
        },
        moments={},
        step=0,
        notes=[*encoder.notes, "its encoder is taken as the discriminator"],
    )
    if generator is None:
        return discriminator
    return combine(discriminator, _without_sentences(generator))


def _without_sentences(pretrained):
    """A masked language model without pooler, sentence head and moments."""
    config = pretrained.config
    data = dataclasses.replace(config.data, example_format="electra")
    lost = ("encoder/pooler/", "sentence_head/")
    return dataclasses.replace(
        pretrained,
        config=dataclasses.replace(
            config,
            model=dataclasses.replace(config.model, use_pooler=False),
            objective=dataclasses.replace(config.objective, sentence_objective="none"),
            data=data,
        ),
        weights={p: w for p, w in pretrained.weights.items() if not p.startswith(lost)},
        moments={},
        step=0,
    )


def split(pretrained: Pretrained) -> tuple[Pretrained, Pretrained | None]:
    """The discriminator, and the generator as a masked language model of its own.

    This is the inverse of `combine`. The generator is None if its weights are missing.
    """
    config = pretrained.config
    tying = config.objective.weight_tying
    # The networks from which the generator's weights are taken; later ones take
    # precedence.
    owners = {
        "none": {"": "generator/"},
        "embeddings": {"": "generator/", _EMBEDDINGS: "discriminator/"},
        "all": {"": "discriminator/"},
    }[tying]

    def discriminators(tensors):
        names = ("discriminator/", "replaced_token_head/", "sentence_head/")
        return {path: w for path, w in tensors.items() if path.startswith(names)}

    def generators(tensors):
        found = {p: w for p, w in tensors.items() if p.startswith("masked_lm_head/")}
        for start, owner in owners.items():
            for path, value in tensors.items():
                if path.startswith(owner + start):
                    found["encoder/" + path.removeprefix(owner)] = value
        return found

    def part(config, choose):
        return dataclasses.replace(
            pretrained,
            config=config,
            weights=choose(pretrained.weights),
            moments={k: choose(part) for k, part in pretrained.moments.items()},
        )

    has_generator = pretrained.has_generator or (
        tying == "all" and "masked_lm_head/dense/kernel" in pretrained.weights
    )
    if not has_generator:
        return part(config, discriminators), None
    generator_config = dataclasses.replace(
        config,
        model=config_lib.generator_config(config),
        objective=dataclasses.replace(
            config.objective,
            name="masked_lm",
            sentence_objective="none",
            discriminator_positions="all",
            generator_training="joint",
            generator_steps=0,
        ),
    )
    return part(config, discriminators), part(generator_config, generators)


def _check_roles(discriminator, generator):
    if not discriminator.is_replaced_token_detection:
        raise InterchangeError(
            f"{discriminator.source} is offered as a discriminator, but holds a masked "
            "language model (a generator?)"
        )
    if discriminator.has_generator:
        raise InterchangeError(
            f"{discriminator.source} is offered as a discriminator, but holds a "
            "generator already"
        )
    if generator.is_replaced_token_detection:
        raise InterchangeError(
            f"{generator.source} is offered as a generator, but holds a discriminator"
            + (" and a generator together" if generator.has_generator else "")
        )
    if generator.config.objective.sentence_objective != "none":
        raise InterchangeError(
            f"{generator.source} is offered as a generator, but has a sentence head, "
            "which a generator does not have"
        )


def _weight_tying(discriminator, generator):
    """The weights that both have in common: "all", "embeddings" or "none"."""
    own = {p: w for p, w in generator.weights.items() if p.startswith("encoder/")}
    equal = {
        path: np.array_equal(
            value,
            discriminator.weights.get("discriminator/" + path.removeprefix("encoder/")),
        )
        for path, value in own.items()
    }
    if all(equal.values()) and generator.config.model == discriminator.config.model:
        return "all"
    start = "encoder/" + _EMBEDDINGS
    tied = all(equal[path] for path in own if path.startswith(start))
    return "embeddings" if tied else "none"


def _combined_config(discriminator, generator, tying):
    """The discriminator's config with the generator's size added."""
    config, model = discriminator.config, generator.config.model
    hidden_size = model.hidden_size / config.model.hidden_size
    num_layers = model.num_hidden_layers / config.model.num_hidden_layers
    combined = dataclasses.replace(
        config,
        objective=dataclasses.replace(
            config.objective,
            weight_tying=tying,
            generator_hidden_size=hidden_size,
            generator_layers=num_layers,
        ),
    )
    expected = config_lib.generator_config(combined)
    differing = [
        f"{name} {getattr(model, name)} instead of {getattr(expected, name)}"
        for name in _AGREEING
        if getattr(model, name) != getattr(expected, name)
    ]
    if differing:
        own = " with embeddings of its own" if tying == "none" else ""
        raise InterchangeError(
            f"{generator.source} cannot be the generator of {discriminator.source}: "
            f"{'; '.join(differing)}, which a generator{own} of this width has (heads "
            "are 64 wide, the feed-forward 4 times as wide as the network, the rest "
            "is the discriminator's)"
        )
    return combined
