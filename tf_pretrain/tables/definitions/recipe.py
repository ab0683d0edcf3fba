"""The config of a row: a config file, a command's overrides, the row's changes."""

import dataclasses
import itertools
import math

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.models import sizes


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A config file and what a row changes in it.

    Attributes:
        file: In `configs/`, with its argument.
        changes: {section: {field: value}}.
        fraction: Part of the compute of the table's reference (lab scale) or of the
            file's steps (paper scale).
        num_steps: Steps to take instead of the file's; paper scale only.
        width: Multiple of the file's hidden_size, with the fields that follow
            (`shape`); for lab rows, so that they move when that is overridden.
        depth: Multiple of the file's num_hidden_layers, likewise.
        embedding: embedding_size as a fraction of the width.
        width_like: Config file; hidden_size becomes the multiple of 32 whose encoder
            has the number of parameters nearest to that config's.
    """

    file: str
    changes: dict = dataclasses.field(default_factory=dict)
    fraction: float = 1.0
    num_steps: int | None = None
    width: float = 1.0
    depth: int = 1
    embedding: float | None = None
    width_like: str | None = None

    def build(self, overrides: dict[str, str]) -> PretrainConfig:
        """The config with the file's number of steps.

        Args:
            overrides: {dotted field: text}, set before the row's changes. What
                follows from them changes too unless it is overridden itself: the
                warm-up, slots for masks, `shape` and embedding_size, in proportion.

        Raises:
            ConfigError: For a bad override.
        """
        values = _values(self.file, overrides)
        model = values["model"]
        model["num_hidden_layers"] *= self.depth
        if self.width != 1.0:
            model.update(shape(_rounded(self.width * model["hidden_size"], 16)))
        if self.embedding is not None:
            size = self.embedding * model["hidden_size"]
            model["embedding_size"] = _rounded(size, 4)
        for section, fields in self.changes.items():
            values[section].update(fields)
        if self.width_like is not None:
            like = _values(self.width_like, overrides)["model"]
            model.update(_width_of_parameters(model, like))
        _divide_generator(model, values["objective"])
        return config_lib.from_dict(PretrainConfig, values)


def recipes(lab: str, paper: str, fraction=1.0, num_steps=None, **changes):
    """{scale: Recipe} with the same changes at both scales.

    Args:
        changes: Sections, say objective={"weight_tying": "all"}.
    """
    return {
        "lab": Recipe(lab, changes, fraction),
        "paper": Recipe(paper, changes, fraction, num_steps),
    }


def shape(hidden: int) -> dict:
    """Fields of `model` for a network so wide.

    Two heads or more of 64 or less, a feed-forward network of 4 widths, and an initial
    deviation of BERT's 0.02 at width 768, larger for narrower networks (docs/results.md
    says why).
    """
    heads = max(2, math.ceil(hidden / 64))
    return {
        "hidden_size": hidden,
        "num_attention_heads": next(
            n for n in itertools.count(heads) if not hidden % n
        ),
        "intermediate_size": 4 * hidden,
        "initializer_range": round(0.02 * math.sqrt(768 / hidden), 4),
    }


def _values(file, overrides):
    """The file's values with the overrides, and with what follows from them."""
    config = load_config(f"{CONFIGS}/{file}")
    values = config_lib.to_dict(config)
    for field, text in overrides.items():
        config_lib.override(PretrainConfig, values, field, text)
    model, data, train = values["model"], values["data"], values["train"]
    # The share of the warm-up and of the masks stays the same.
    steps = train["num_steps"] / config.train.num_steps
    length = data["max_seq_length"] / config.data.max_seq_length
    follow = {
        "train.warmup_steps": round(steps * config.train.warmup_steps),
        "data.max_predictions_per_seq": round(
            length * config.data.max_predictions_per_seq
        ),
    }
    hidden, file_hidden = model["hidden_size"], config.model.hidden_size
    if hidden != file_hidden:
        embedding = _rounded(config.model.embedding_size * hidden / file_hidden, 4)
        fields = {"embedding_size": embedding, **shape(hidden)}
        follow |= {f"model.{name}": value for name, value in fields.items()}
    for field, value in follow.items():
        section, _, name = field.partition(".")
        if field not in overrides:
            values[section][name] = value
    return values


def _divide_generator(model, objective):
    """Rounds the generator's width to its heads, as an overridden width may need."""
    hidden = round(model["hidden_size"] * objective["generator_hidden_size"])
    heads = max(1, hidden // 64)  # config.generator_config's
    if hidden != model["hidden_size"] and hidden % heads:
        width = _rounded(hidden, heads)
        objective["generator_hidden_size"] = width / model["hidden_size"]


def _rounded(number, step):
    """The multiple of `step` that is nearest, but not 0."""
    return step * max(1, round(number / step))


def _width_of_parameters(model, like):
    def count(values):
        encoder = config_lib.from_dict(config_lib.EncoderConfig, values)
        return sizes.parameter_counts(encoder)["total"]

    target = count(like)
    candidates = [shape(32 * i) for i in range(1, 257)]
    return min(candidates, key=lambda fields: abs(count(model | fields) - target))
