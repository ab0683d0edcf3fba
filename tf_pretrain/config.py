"""Every setting that changes a result: frozen dataclasses with one default each.

A run is described by one `PretrainConfig`. A config file (`configs/*.py`) names the
values that differ from the defaults here, and the command line overrides both
(`--config.train.num_steps=100`). Field names are the references' JSON keys where
they have one. `*_prob` lie in [0, 1]; `*_steps` count optimizer updates.
"""

import dataclasses
import json
import math
import typing

from tf_pretrain.errors import ConfigError, nearest_name

PARAMETER_SHARING = ("none", "all", "attention", "ffn")
OBJECTIVES = (
    "replaced_token_detection",
    "masked_lm",
    "replace_mlm",
    "all_tokens_mlm",
)
GENERATORS = ("transformer", "uniform", "unigram")
GENERATOR_TRAININGS = ("joint", "two_stage", "adversarial")
SENTENCE_OBJECTIVES = ("none", "sentence_order", "next_sentence")
STRATEGIES = ("one", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("float32", "bfloat16", "float16")


def require(condition, message):
    """Raises ConfigError with the message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def require_one_of(name, value, allowed):
    """Raises ConfigError unless the value of the setting `name` is allowed."""
    require(value in allowed, f"{name} is {value!r}; expected one of {allowed}")


def require_at_least(least, settings, section, *names):
    """Raises ConfigError unless each named field is finite and `least` or more."""
    for name in names:
        value = getattr(settings, name)
        require(
            least <= value < math.inf,
            f"{section}.{name} is {value}; expected {least} or more",
        )


def require_positive(name, value):
    """Raises ConfigError unless the value of the setting `name` is > 0 and finite."""
    require(
        0 < value < math.inf, f"{name} is {value}; expected more than 0, and finite"
    )


def require_encoding(name, value):
    """Raises ConfigError unless Python knows a text encoding of this name."""
    try:
        "".encode(value)
    except LookupError:
        raise ConfigError(
            f"{name} is {value!r}, which is no encoding of text that Python knows; "
            "expected one as utf-8, cp1252, gb18030, big5, cp932 or cp949"
        ) from None


def require_probability(name, value):
    """Raises ConfigError unless the value of the setting `name` is in [0, 1]."""
    require(0.0 <= value <= 1.0, f"{name} is {value}; expected a value in [0, 1]")


def require_dropout(name, rate):
    """Raises ConfigError unless the rate of dropout is in [0, 1)."""
    require(0.0 <= rate < 1.0, f"{name} is {rate}; expected a rate in [0, 1)")


def require_seed(seed):
    """Raises ConfigError unless NumPy and TensorFlow take the seed."""
    require(0 <= seed < 2**32, f"seed is {seed}; expected 0 to 2**32 - 1")


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """A Transformer encoder: ELECTRA, BERT and ALBERT are points of this space.

    `parameter_sharing` says what the layers share (Lan et al., 2019, sec. 4.5):
    "none" (ELECTRA, BERT), "all" (ALBERT), "attention" or "ffn" only. What is shared
    is shared within each of `num_hidden_groups` groups: layer i belongs to group
    floor(i * num_hidden_groups / num_hidden_layers). A layer applies
    `inner_group_num` attention + feed-forward blocks in a row.
    """

    vocab_size: int = 30522
    embedding_size: int = 128  # E; a projection to hidden_size follows if it differs
    hidden_size: int = 256
    num_hidden_layers: int = 12
    num_attention_heads: int = 4
    intermediate_size: int = 1024
    hidden_act: str = "gelu"  # "gelu" is exact (ELECTRA), "gelu_tanh" ALBERT's form
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    parameter_sharing: str = "none"
    num_hidden_groups: int = 1
    inner_group_num: int = 1
    use_pooler: bool = False  # dense tanh over [CLS] (BERT, ALBERT)
    # ELECTRA leaves the E -> H projection at Glorot uniform; ALBERT draws it from the
    # truncated normal like every other kernel.
    projection_initializer: str = "glorot_uniform"
    # "sinusoidal": trained like the references', but from sines and cosines.
    position_initializer: str = "truncated_normal"

    def __post_init__(self):
        require_at_least(
            1,
            self,
            "model",
            "vocab_size",
            "embedding_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
            "inner_group_num",
        )
        require_at_least(0, self, "model", "initializer_range")
        require(
            self.hidden_size % self.num_attention_heads == 0,
            f"hidden_size {self.hidden_size} is not a multiple of "
            f"num_attention_heads {self.num_attention_heads}",
        )
        require_one_of("hidden_act", self.hidden_act, ("gelu", "gelu_tanh", "relu"))
        require_one_of("parameter_sharing", self.parameter_sharing, PARAMETER_SHARING)
        require_one_of(
            "projection_initializer",
            self.projection_initializer,
            ("glorot_uniform", "truncated_normal"),
        )
        require_one_of(
            "position_initializer",
            self.position_initializer,
            ("truncated_normal", "sinusoidal"),
        )
        require(
            1 <= self.num_hidden_groups <= self.num_hidden_layers,
            f"num_hidden_groups is {self.num_hidden_groups}; expected 1 to "
            f"num_hidden_layers ({self.num_hidden_layers})",
        )
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            require_dropout(f"model.{name}", getattr(self, name))

    def shares(self, part: str) -> bool:
        """Whether layers share a part of theirs, "attention" or "ffn"."""
        return self.parameter_sharing in ("all", part)

    def num_units(self, part: str) -> int:
        """How many of a part, "attention" or "ffn", have weights of their own."""
        groups = self.num_hidden_layers
        if self.shares(part):
            groups = self.num_hidden_groups
        return groups * self.inner_group_num


@dataclasses.dataclass(frozen=True)
class ObjectiveConfig:
    """What the encoder is trained to predict.

    `name` is "replaced_token_detection" (Clark et al., 2020), "masked_lm" (BERT's and
    ALBERT's), or one of the steps between them (Clark et al., 2020, sec. 3.5):
    "replace_mlm", masked LM that reads a generator's samples in place of [MASK], and
    "all_tokens_mlm", which predicts every token of that input with a copy gate. A
    sentence objective may be added to each.
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
        """Raises ConfigError for settings that mean nothing together."""
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
            f"objective.generator {self.generator!r} is no network: generator_training "
            f"{training!r} and weight_tying {self.weight_tying!r} do not go with it",
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
        """Whether the encoder reads what a generator, of any kind, filled in."""
        return self.name != "masked_lm"

    @property
    def has_generator_network(self) -> bool:
        """Whether that generator is a network."""
        return self.has_generator and self.generator == "transformer"


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """From text to masked examples.

    `example_format` is "electra" (Clark et al.: one or two consecutive segments),
    "sentence_order" (ALBERT: segments A, B swapped half of the time, label 1),
    "next_sentence" (BERT: B from another document half of the time, label 1) or
    "sentence_pair" (ALBERT's segments, never swapped).
    """

    max_seq_length: int = 128
    tokenizer: str = "wordpiece"  # or "sentencepiece"; used when one is trained
    lower_case: bool = True
    strip_accents: bool = True
    encoding: str = "utf-8"  # of text files without a byte-order mark
    errors: str = "strict"  # "replace": bad bytes become U+FFFD instead of an error
    example_format: str = "electra"
    short_seq_prob: float = 0.05
    legacy_truncation: bool = False  # True drops overflowing text as the originals do
    legacy_sentence_order: bool = False  # True: a one-line chunk gets a random B
    heldout_fraction: float = 0.02  # of the documents, for evaluation
    shard_size_mb: float = 4.0  # of text; one shard is the unit of work and of resume
    masking: str = "dynamic"  # at training time, or "static": when records are built
    dupe_factor: int = 1  # copies of the text with other segments and masks
    masked_lm_prob: float = 0.15
    max_predictions_per_seq: int = 0  # 0: int((masked_lm_prob + .005) * length)
    mask_token_prob: float = 0.85  # of chosen tokens; the rest is kept or random
    random_token_prob: float = 0.0
    whole_word_masking: bool = False
    max_ngram: int = 1  # n-grams of words, p(n) proportional to 1/n
    legacy_duplicate_masking: bool = False  # ELECTRA's draw with replacement
    shuffle_buffer: int = 16384  # examples

    def __post_init__(self):
        require(
            self.max_seq_length >= 8,
            f"max_seq_length is {self.max_seq_length}; expected 8 or more",
        )
        require_one_of("tokenizer", self.tokenizer, ("wordpiece", "sentencepiece"))
        require_encoding("data.encoding", self.encoding)
        require_one_of("errors", self.errors, ("strict", "replace"))
        require_one_of(
            "example_format",
            self.example_format,
            ("electra", "sentence_order", "next_sentence", "sentence_pair"),
        )
        require_one_of("masking", self.masking, ("dynamic", "static"))
        require_at_least(1, self, "data", "dupe_factor", "max_ngram", "shuffle_buffer")
        require_at_least(0, self, "data", "max_predictions_per_seq")
        require(
            self.shard_size_mb > 0,
            f"data.shard_size_mb is {self.shard_size_mb}; expected more than 0",
        )
        require(
            not self.legacy_duplicate_masking
            or (not self.whole_word_masking and self.max_ngram == 1),
            "data.legacy_duplicate_masking draws single tokens: it goes neither with "
            f"whole_word_masking ({self.whole_word_masking}) nor with n-grams "
            f"(max_ngram {self.max_ngram})",
        )
        for name in (
            "short_seq_prob",
            "heldout_fraction",
            "masked_lm_prob",
            "mask_token_prob",
            "random_token_prob",
        ):
            require_probability(name, getattr(self, name))
        require(
            self.mask_token_prob + self.random_token_prob <= 1.0,
            "mask_token_prob + random_token_prob is above 1",
        )
        require(
            self.num_predictions >= 1,
            f"data.masked_lm_prob {self.masked_lm_prob} of max_seq_length "
            f"{self.max_seq_length} is no token to predict",
        )
        require(
            self.masking == "static" or self.dupe_factor == 1,
            f"dupe_factor is {self.dupe_factor}, but masking is dynamic: every epoch "
            "sees new masks, so copies of the text add nothing",
        )

    @property
    def num_predictions(self) -> int:
        """Slots for masked positions in one example (P)."""
        if self.max_predictions_per_seq:
            return self.max_predictions_per_seq
        # Clark et al.'s code: 19 at length 128 and 15 %, 79 and 130 at 512.
        return int((self.masked_lm_prob + 0.005) * self.max_seq_length)


# May differ when a run continues: they change how it runs, not what it computes
# (bad_records: only where a bad record would stop the run).
RUN_FIELDS = (
    "train.bad_records",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.log_every",
    "train.max_skipped_steps",
    "train.strategy",
)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Optimizer, schedule, and how the steps are run."""

    num_steps: int = 1_000_000
    # Above 0: the number of steps is set so that the run takes this long, and the
    # schedule of num_steps is run through in them.
    budget_minutes: float = 0.0
    batch_size: int = 128  # global: examples of one update over all replicas
    accumulation_steps: int = 1  # micro-batches that one update is cut into
    optimizer: str = "adamw"  # or "lamb"
    learning_rate: float = 5e-4
    warmup_steps: int = 10_000
    schedule: str = "electra"  # warm-up times decay; "albert": warm-up, then decay
    weight_decay: float = 0.01
    bias_correction: bool = False  # of the moments; the references have none
    clip_norm: float = 1.0  # global norm of the gradient, after the reduction
    strategy: str = "one"
    jit_compile: bool = True  # XLA
    mixed_precision: str = "float32"
    checkpoint_every: int = 1000
    keep_checkpoints: int = 5
    log_every: int = 100
    eval_steps: int = 50  # held-out batches; the same ones at every evaluation
    bad_records: str = "strict"  # an error, or "skip": left out and counted
    max_skipped_steps: int = 20  # in a row without a finite loss and gradient

    def __post_init__(self):
        require_one_of("optimizer", self.optimizer, ("adamw", "lamb"))
        require_one_of("schedule", self.schedule, ("electra", "albert"))
        require_one_of("strategy", self.strategy, STRATEGIES)
        require_one_of("mixed_precision", self.mixed_precision, PRECISIONS)
        require_one_of("bad_records", self.bad_records, ("strict", "skip"))
        require(
            self.accumulation_steps >= 1
            and self.batch_size % self.accumulation_steps == 0,
            f"batch_size {self.batch_size} is not a multiple of accumulation_steps "
            f"{self.accumulation_steps}",
        )
        require_at_least(
            1,
            self,
            "train",
            "num_steps",
            "batch_size",
            "checkpoint_every",
            "keep_checkpoints",
            "log_every",
            "eval_steps",
            "max_skipped_steps",
        )
        names = ("learning_rate", "warmup_steps", "weight_decay", "budget_minutes")
        require_at_least(0, self, "train", *names)
        require_positive("train.clip_norm", self.clip_norm)


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """One pretraining run."""

    seed: int = 0
    model: EncoderConfig = EncoderConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()

    def __post_init__(self):
        require_seed(self.seed)
        require(
            self.data.max_seq_length <= self.model.max_position_embeddings,
            f"data.max_seq_length {self.data.max_seq_length} exceeds "
            f"model.max_position_embeddings {self.model.max_position_embeddings}",
        )
        needed = self.objective.sentence_objective
        require(
            needed == "none" or self.data.example_format == needed,
            f"objective.sentence_objective {needed!r} needs data.example_format "
            f"{needed!r}, not {self.data.example_format!r}",
        )
        require(
            needed == "none" or self.model.use_pooler,
            f"objective.sentence_objective {needed!r} needs model.use_pooler=True",
        )
        require(
            self.objective.generator_steps < self.train.num_steps,
            f"objective.generator_steps {self.objective.generator_steps} leaves none "
            f"of the train.num_steps {self.train.num_steps} for the discriminator",
        )
        if self.objective.has_generator_network:
            try:
                generator_config(self)
            except ConfigError as error:
                raise ConfigError(f"the generator: {error}") from None


def generator_config(config: PretrainConfig) -> EncoderConfig:
    """The generator's encoder (Clark et al., 2020, sec. 3.2).

    Width and depth are fractions of the discriminator's; heads and the feed-forward
    width follow the generator's own width (64 a head, 4 x), as in the released code. At
    the discriminator's own width it has its heads, so that all weights can be shared.
    Tied embeddings keep the discriminator's embedding size. In two-stage training the
    generator is the discriminator's equal in everything, to be copied into it.
    """
    model, objective = config.model, config.objective
    if objective.weight_tying == "all":
        return model
    if objective.generator_training == "two_stage":
        return dataclasses.replace(model, use_pooler=False)
    hidden_size = int(round(model.hidden_size * objective.generator_hidden_size))
    heads = max(1, hidden_size // 64)
    if hidden_size == model.hidden_size:
        heads = model.num_attention_heads
    num_layers = int(round(model.num_hidden_layers * objective.generator_layers))
    tied = objective.weight_tying == "embeddings"
    return dataclasses.replace(
        model,
        hidden_size=hidden_size,
        embedding_size=model.embedding_size if tied else hidden_size,
        num_hidden_layers=num_layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden_size,
        num_hidden_groups=min(model.num_hidden_groups, num_layers),
        use_pooler=False,
    )


def to_dict(config) -> dict:
    """The config as nested plain dictionaries (JSON-serialisable)."""
    return dataclasses.asdict(config)


def from_dict(cls, values: dict):
    """Builds `cls` from nested dictionaries.

    Raises:
        ConfigError: For a field that `cls` does not have; names the nearest one.
    """
    hints = typing.get_type_hints(cls)
    kwargs = {}
    for name, value in values.items():
        if name not in hints:
            hint = nearest_name(name, hints)
            raise ConfigError(f"{cls.__name__} has no field {name!r}{hint}")
        nested = dataclasses.is_dataclass(hints[name]) and isinstance(value, dict)
        kwargs[name] = from_dict(hints[name], value) if nested else value
    return cls(**kwargs)


def load(cls, path):
    """Reads a config from JSON, as a workdir's `config.json` holds it."""
    with open(path, encoding="utf-8") as file:
        return from_dict(cls, json.load(file))


def override(cls, values: dict, field: str, text: str) -> None:
    """Sets one field of the nested dictionary of a `cls` from text, in place.

    Args:
        field: Dotted path, say "train.num_steps".
        text: The value; "true" and "false" for booleans.

    Raises:
        ConfigError: For an unknown field (names the nearest) or a wrong type.
    """
    *parents, name = field.split(".")
    for parent in parents:
        hints = typing.get_type_hints(cls)
        if not dataclasses.is_dataclass(hints.get(parent)):
            hint = nearest_name(parent, hints)
            raise ConfigError(f"{cls.__name__} has no section {parent!r}{hint}")
        cls, values = hints[parent], values[parent]
    hints = typing.get_type_hints(cls)
    if name not in hints or dataclasses.is_dataclass(hints[name]):
        hint = nearest_name(name, hints)
        raise ConfigError(f"{cls.__name__} has no field {name!r}{hint}")
    booleans = {"true": True, "false": False}
    try:
        kind = hints[name]
        values[name] = booleans[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise ConfigError(f"{field}={text}: expected a {kind.__name__}") from None


def differing_fields(old: dict, new: dict, prefix="") -> list[str]:
    """Lines "field: old -> new" for every leaf in which two nested dicts differ."""
    lines = []
    for name in sorted(set(old) | set(new)):
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += differing_fields(a, b, f"{prefix}{name}.")
        elif a != b:
            lines.append(f"{prefix}{name}: {a!r} -> {b!r}")
    return lines
