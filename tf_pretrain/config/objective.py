"""`ObjectiveConfig`: what the encoder is trained to predict."""

import dataclasses

from tf_pretrain.config.checks import require, require_at_least, require_one_of

OBJECTIVES = (
    "replaced_token_detection",
    "masked_lm",
    "replace_mlm",
    "all_tokens_mlm",
)
GENERATORS = ("transformer", "uniform", "unigram")
GENERATOR_TRAININGS = ("joint", "two_stage", "adversarial")
SENTENCE_OBJECTIVES = ("none", "sentence_order", "next_sentence")


@dataclasses.dataclass(frozen=True)
class ObjectiveConfig:
    """What the encoder is trained to predict.

    `name` is "replaced_token_detection" (Clark et al., 2020), "masked_lm" (BERT and
    ALBERT), or a step between them (Clark et al., 2020, sec. 3.5): "replace_mlm" is
    masked LM that reads a generator's samples instead of [MASK], and "all_tokens_mlm"
    predicts every token of that input with a copy gate. A sentence objective may be
    added to each.
    """

    name: str = "replaced_token_detection"
    sentence_objective: str = "none"
    # The generator (all but "masked_lm"); sizes are fractions of the discriminator's.
    # "uniform" and "unigram" draw tokens without a network (Clark et al., Figure 3).
    generator: str = "transformer"
    generator_hidden_size: float = 0.25
    generator_layers: float = 1.0
    weight_tying: str = "embeddings"  # "none", "embeddings" or "all"
    # Clark et al., Figure 3 (right): "joint"; "two_stage": the generator alone for
    # generator_steps, then the discriminator, from its weights; or "adversarial".
    generator_training: str = "joint"
    generator_steps: int = 0
    generator_weight: float = 1.0
    discriminator_weight: float = 50.0
    discriminator_positions: str = "all"  # "masked": ELECTRA 15 % (sec. 3.5)
    sampling: str = "categorical"  # or "gumbel"; the same distribution, see heads.py
    temperature: float = 1.0

    def __post_init__(self):
        require_one_of("objective.name", self.name, OBJECTIVES)
        require_one_of(
            "sentence_objective", self.sentence_objective, SENTENCE_OBJECTIVES
        )
        require_one_of("objective.generator", self.generator, GENERATORS)
        require_one_of(
            "generator_training", self.generator_training, GENERATOR_TRAININGS
        )
        require_one_of(
            "discriminator_positions", self.discriminator_positions, ("all", "masked")
        )
        require_one_of("weight_tying", self.weight_tying, ("none", "embeddings", "all"))
        require_one_of("sampling", self.sampling, ("categorical", "gumbel"))
        for name in ("temperature", "generator_hidden_size", "generator_layers"):
            value = getattr(self, name)
            require(value > 0, f"objective.{name} is {value}; expected more than 0")
        require_at_least(
            0, self, "objective", "generator_weight", "discriminator_weight"
        )
        require(
            self.weight_tying != "all"
            or (self.generator_hidden_size == 1.0 and self.generator_layers == 1.0),
            "weight_tying 'all' needs generator_hidden_size and generator_layers 1.0",
        )
        self._check_combination()

    def _check_combination(self):
        """Raises ConfigError for settings that have no meaning together."""
        defaults = type(self).__dataclass_fields__
        for name, needed in (
            ("generator", self.has_generator),
            ("discriminator_positions", self.has_discriminator),
            ("generator_training", self.has_discriminator),
        ):
            require(
                needed or getattr(self, name) == defaults[name].default,
                f"objective.{name} {getattr(self, name)!r} means nothing to "
                f"objective.name {self.name!r}",
            )
        training = self.generator_training
        require(
            self.generator == "transformer"
            or (training == "joint" and self.weight_tying != "all"),
            f"objective.generator {self.generator!r} is not a network, so "
            f"generator_training {training!r} and weight_tying {self.weight_tying!r} "
            "have no meaning",
        )
        require(
            training != "adversarial" or self.weight_tying != "all",
            "generator_training 'adversarial' needs two networks, but weight_tying is "
            "'all'",
        )
        is_two_stage = training == "two_stage"
        require(
            (self.generator_steps > 0) == is_two_stage and self.generator_steps >= 0,
            f"generator_steps is {self.generator_steps}, but generator_training is "
            f"{training!r}; 'two_stage' needs 1 or more, the others 0",
        )
        require(
            not is_two_stage
            or (self.generator_hidden_size, self.generator_layers, self.weight_tying)
            == (1.0, 1.0, "none"),
            "generator_training 'two_stage' copies the generator into the "
            "discriminator and freezes it: it needs generator_hidden_size and "
            "generator_layers 1.0 and weight_tying 'none'",
        )

    @property
    def has_discriminator(self) -> bool:
        """Whether replaced tokens are detected."""
        return self.name == "replaced_token_detection"

    @property
    def has_generator(self) -> bool:
        """Whether the encoder reads text that a generator of any kind has filled."""
        return self.name != "masked_lm"

    @property
    def has_generator_network(self) -> bool:
        """Whether the generator is a network."""
        return self.has_generator and self.generator == "transformer"
