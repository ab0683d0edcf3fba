"""A trained model apart from any file format, which readers return and writers take.

Every format has one module with `read(path)` and `write(pretrained, folder)`. Each
module knows its own names and ours, and none knows those of another format.
"""

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np

from tf_pretrain.config import PretrainConfig, generator_config
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.models.building import build_objective
from tf_pretrain.models.objectives import Objective
from tf_pretrain.models.sizes import trained_parameters

TOKEN_COUNTS = "token_generator/token_counts"
# largest number of parameters that is read: eight times ALBERT-xxlarge, six times
# ELECTRA-Large
_MOST_PARAMETERS = 2_000_000_000
# largest number of layers that is built; the papers' deepest network has 48
_MOST_UNITS = 1_000


class InterchangeError(UserError, ValueError):
    """Weights that cannot be read, written or used; names file, tensor and reason."""


@dataclasses.dataclass
class Pretrained:
    """Weights by our names, and what is known about them.

    Attributes:
        config: `model` and `objective` describe the networks. Data and training
            settings are defaults of the family if the source does not give them.
        weights: Float arrays by variable path of the objective, for example
            "discriminator/attention_0/query/kernel" [in, out]. Heads or the whole
            generator may be missing.
        source: What was read, for messages, for example "TF1 checkpoint
            x/model.ckpt-7".
        tokenizer: The vocabulary beside the weights, or None.
        moments: {"m": {path: array}, "v": {path: array}} of the optimizer, or empty.
        step: Optimizer steps taken so far.
        unused: Names in the source that no variable uses.
        notes: What a reader had to assume, one sentence each.
    """

    config: PretrainConfig
    weights: dict[str, np.ndarray]
    source: str
    tokenizer: Tokenizer | None = None
    moments: dict[str, dict[str, np.ndarray]] = dataclasses.field(default_factory=dict)
    step: int = 0
    unused: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def is_replaced_token_detection(self) -> bool:
        return self.config.objective.name == "replaced_token_detection"

    @property
    def has_generator(self) -> bool:
        return any(path.startswith("generator/") for path in self.weights)

    def missing(self) -> list[str]:
        """Paths of the objective's variables that have no weights here."""
        return [p for p in variable_shapes(self.config) if p not in self.weights]

    def check(self) -> None:
        """Compares every tensor with the network that `config` describes.

        Raises:
            InterchangeError: For a tensor of another shape, or one that belongs
                nowhere.
        """
        shapes = variable_shapes(self.config)
        named = [("", self.weights), *((f" ({k})", v) for k, v in self.moments.items())]
        for suffix, tensors in named:
            for path, tensor in tensors.items():
                if path not in shapes:
                    raise InterchangeError(
                        f"{self.source}: {path}{suffix} has no place in the model that "
                        "its config describes"
                    )
                if tensor.shape != shapes[path]:
                    raise InterchangeError(
                        f"{self.source}: {path}{suffix} has shape {tensor.shape}, but "
                        f"the config expects {shapes[path]}"
                    )

    def build(self, initialize_missing=False, dtype=None) -> Objective:
        """Builds the network with these weights.

        Args:
            initialize_missing: Whether missing parts get new random weights instead of
                an error.

        Raises:
            InterchangeError: If weights are missing, or do not fit the config.
        """
        self.check()
        missing = self.missing()
        if missing and not initialize_missing:
            raise InterchangeError(describe_missing(self, missing))
        network = build_objective(self.config, dtype=dtype)
        for variable in network.weights:
            if variable.path in self.weights:
                variable.assign(self.weights[variable.path])
        return network

    def report(self) -> str:
        """Says which tensors were loaded, missing or unused."""
        count = sum(w.size for w in self.weights.values())
        missing = self.missing()
        lines = [
            f"{self.source}: {self.config.objective.name}, {len(self.weights)} tensors "
            f"({count:,} numbers) loaded"
            + (f", optimizer moments of step {self.step}" if self.moments else "")
        ]
        lines += [f"  {note}" for note in self.notes]
        lines.append("  missing: " + (_listing(missing) if missing else "nothing"))
        lines.append(
            "  left over: " + (_listing(self.unused) if self.unused else "nothing")
        )
        return "\n".join(lines)


def check_is_released(pretrained: Pretrained) -> None:
    """Raises InterchangeError for an objective that only the paper has."""
    objective = pretrained.config.objective
    unreleased = None
    if objective.name not in ("replaced_token_detection", "masked_lm"):
        unreleased = f"objective.name {objective.name!r}"
    elif objective.generator_training == "adversarial":
        unreleased = "objective.generator_training 'adversarial'"
    if unreleased:
        raise InterchangeError(
            f"{pretrained.source} was trained with {unreleased}, whose heads no "
            "released program has; write it with --to=keras, or its encoder with "
            "--to=keras_hub"
        )


def describe_missing(pretrained: Pretrained, missing: list[str]) -> str:
    """A message that says which part a source lacks and what can be done."""
    if pretrained.is_replaced_token_detection and not pretrained.has_generator:
        return (
            f"{pretrained.source} holds a discriminator and no generator, which "
            "pretraining needs. Give the generator's checkpoint too "
            "(`python -m tf_pretrain.convert --input=DISCRIMINATOR "
            "--generator=GENERATOR`), or start a fresh one "
            "(--initialize_missing; initialize_missing=True)"
        )
    return (
        f"{pretrained.source} lacks {_listing(missing)}; --initialize_missing "
        "(initialize_missing=True) starts these at fresh values"
    )


def read_json(path: Path) -> dict:
    """A JSON object.

    Raises:
        InterchangeError: If the file is missing or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InterchangeError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(values, dict):
        raise InterchangeError(f"{path} is not a JSON object")
    return values


def peek_json(path) -> dict:
    """The object in a JSON file, or an empty one: for looking what a folder is."""
    try:
        return read_json(Path(path))
    except InterchangeError:
        return {}


@functools.lru_cache(maxsize=8)
def variable_shapes(config: PretrainConfig) -> dict[str, tuple[int, ...]]:
    """{path: shape} of the variables that `config` describes, in order.

    All are trained but a unigram generator's counts, TOKEN_COUNTS.

    Raises:
        InterchangeError: If there are more of them than any machine here can hold, or
            more layers than are built in seconds: a damaged file must not fill the
            memory, nor the day.
    """
    count = trained_parameters(config)
    if not 0 < count <= _MOST_PARAMETERS:
        raise InterchangeError(
            f"the config describes {count:,} parameters; expected up to "
            f"{_MOST_PARAMETERS:,}"
        )
    encoders = [config.model]
    if config.objective.has_generator_network:
        encoders.append(generator_config(config))
    units = max(e.num_units(part) for e in encoders for part in ("attention", "ffn"))
    if units > _MOST_UNITS:
        raise InterchangeError(
            f"the config describes {units:,} layers with weights of their own; "
            f"expected up to {_MOST_UNITS:,}"
        )
    network = build_objective(config)
    return {v.path: tuple(v.shape) for v in network.weights}


def _listing(names, limit=6):
    """The first names and how many there are."""
    shown = ", ".join(names[:limit])
    more = len(names) - limit
    return f"{len(names)} ({shown}{f', and {more} more' if more > 0 else ''})"
