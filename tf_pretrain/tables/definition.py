"""What a table is: rows, each a config at one or both scales, and what is compared.

Scales: "lab" is this project's (`configs/*_lab.py`), where all rows of a table cost the
same training FLOPs; "paper" has the papers' sizes and steps.
"""

import dataclasses
import math

from tf_pretrain import config as config_lib
from tf_pretrain import sizes
from tf_pretrain.config import ConfigError, PretrainConfig
from tf_pretrain.config_flags import load_config
from tf_pretrain.models import flops
from tf_pretrain.tables import papers

SCALES = ("lab", "paper")
# "lab": the rows run at lab scale; "paper": at the paper's only; "facts": not at all.
KINDS = ("lab", "paper", "facts")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A config file and what a row changes in it.

    Attributes:
        file: In `configs/`, with its argument.
        changes: {section: {field: value}}.
        fraction: Of the compute of the table's reference (lab) or of the file's
            steps (paper).
        num_steps: Instead of the file's; paper scale only.
        width_like: Config file; hidden_size becomes the multiple of 64 whose encoder
            has the number of parameters nearest to that config's.
    """

    file: str
    changes: dict = dataclasses.field(default_factory=dict)
    fraction: float = 1.0
    num_steps: int | None = None
    width_like: str | None = None

    def build(self, overrides: dict[str, str]) -> PretrainConfig:
        """The config with the file's number of steps.

        Args:
            overrides: {dotted field: text}, set before the row's changes.

        Raises:
            ConfigError: For a bad override.
        """
        values = _values(self.file, overrides)
        for section, fields in self.changes.items():
            values[section].update(fields)
        if self.width_like is not None:
            model = _values(self.width_like, overrides)["model"]
            values["model"].update(_width_of_parameters(values["model"], model))
        return config_lib.from_dict(PretrainConfig, values)


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name: As printed.
        recipes: {scale: Recipe}; a row may be missing at a scale.
        printed: Values that identify the paper's row; None if it has none.
    """

    name: str
    recipes: dict[str, Recipe]
    printed: dict | None = None


@dataclasses.dataclass(frozen=True)
class Table:
    """A table or figure of a paper, or one of ours.

    Attributes:
        id: For `--table`.
        title: One line.
        kind: One of KINDS.
        paper: Of papers.PAPERS; None for our own.
        printed: Name of the paper's table in its file.
        rows: In the paper's order.
        reference: Config file whose compute all rows get at lab scale.
        metrics: {our score: the paper's column, or None}; the first is the main one.
            Our scores: see `tables.cells.scores`.
        intrinsic: Example formats that each model is scored on as it is.
        equal: "flops": as the ELECTRA paper counts; "matmul": the matrix products
            that are executed, which stand for time.
        by_compute: Whether the report draws the scores against FLOPs.
        notes: What differs from the paper; for "facts" why it cannot be run.
    """

    id: str
    title: str
    kind: str
    paper: str | None = None
    printed: str | None = None
    rows: tuple[Row, ...] = ()
    reference: str = "electra_lab.py"
    metrics: dict = dataclasses.field(default_factory=lambda: {"glue": None})
    intrinsic: tuple[str, ...] = ()
    equal: str = "flops"
    by_compute: bool = False
    notes: tuple[str, ...] = ()

    def configs(self, scale: str, overrides=None) -> dict[str, PretrainConfig]:
        """{row name: config}, seed 0, with the steps that the scale gives each row.

        Args:
            overrides: As for `Recipe.build`.

        Raises:
            ConfigError: If the table has no rows at this scale.
        """
        overrides = overrides or {}
        recipes = {r.name: r.recipes[scale] for r in self.rows if scale in r.recipes}
        if not recipes:
            reason = "; ".join(self.notes)
            raise ConfigError(
                f"{self.id} has no rows at scale {scale!r} (kind {self.kind!r}"
                f"{': ' + reason if reason else ''})"
            )
        configs = {name: recipe.build(overrides) for name, recipe in recipes.items()}
        if scale == "paper":
            return {
                name: with_steps(
                    configs[name],
                    recipe.fraction
                    * (recipe.num_steps or configs[name].train.num_steps),
                )
                for name, recipe in recipes.items()
            }
        cost = {"flops": flops.training_flops, "matmul": matmul_training_flops}
        cost = cost[self.equal]
        budget = cost(Recipe(self.reference).build(overrides))
        return {
            name: lab_run(steps_of_cost(configs[name], recipe.fraction * budget, cost))
            for name, recipe in recipes.items()
        }

    def printed_row(self, row: Row) -> dict:
        """The paper's values of a row; {} if there are none."""
        if row.printed is None:
            return {}
        return papers.find_row(self.paper, self.printed, row.printed)


def recipes(lab: str, paper: str, fraction=1.0, num_steps=None, **changes):
    """{scale: Recipe} with the same changes at both scales.

    Args:
        changes: Sections, say objective={"weight_tying": "all"}.
    """
    return {
        "lab": Recipe(lab, changes, fraction),
        "paper": Recipe(paper, changes, fraction, num_steps),
    }


def width(hidden: int, **others) -> dict:
    """Fields of `model` for a lab network so wide.

    Heads of 64, a feed-forward network of 4 widths, and an initial deviation of BERT's
    0.02 at width 768, larger for narrower networks (docs/results.md says why).
    """
    return {
        "hidden_size": hidden,
        "num_attention_heads": max(1, hidden // 64),
        "intermediate_size": 4 * hidden,
        "initializer_range": round(0.02 * math.sqrt(768 / hidden), 4),
        **others,
    }


def matmul_training_flops(config: PretrainConfig) -> int:
    """Operations of all matrix products of a run, as executed here."""
    return flops.matmul_flops(config) * config.train.num_steps


def steps_of_cost(config: PretrainConfig, budget: float, cost) -> PretrainConfig:
    """The config with the number of steps whose `cost(config)` is nearest to a budget.

    Costs are proportional to the steps, but for one step of two-stage training.
    """
    one_step = cost(with_steps(config, config.train.num_steps)) / config.train.num_steps
    return with_steps(config, max(2, budget / one_step))


def with_steps(config: PretrainConfig, num_steps: float) -> PretrainConfig:
    """The run with so many steps, rounded.

    The warm-up keeps its share, and two-stage training changes stage half way.
    """
    old = config.train
    num_steps = round(num_steps)
    warmup = round(old.warmup_steps * num_steps / old.num_steps)
    objective = config.objective
    if objective.generator_training == "two_stage":
        objective = dataclasses.replace(objective, generator_steps=num_steps // 2)
    train = dataclasses.replace(old, num_steps=num_steps, warmup_steps=warmup)
    return dataclasses.replace(config, objective=objective, train=train)


def lab_run(config: PretrainConfig) -> PretrainConfig:
    """Ten held-out evaluations and forty lines of figures, however long the run."""
    steps = config.train.num_steps
    train = dataclasses.replace(
        config.train,
        checkpoint_every=max(1, steps // 10),
        keep_checkpoints=1,
        log_every=max(1, steps // 40),
    )
    return dataclasses.replace(config, train=train)


def _values(file, overrides):
    config = load_config(f"{sizes.CONFIGS}/{file}")
    values = config_lib.to_dict(config)
    for field, text in overrides.items():
        config_lib.override(PretrainConfig, values, field, text)
    # The warm-up of another number of steps keeps its share.
    if "train.num_steps" in overrides and "train.warmup_steps" not in overrides:
        share = config.train.warmup_steps / config.train.num_steps
        values["train"]["warmup_steps"] = round(share * values["train"]["num_steps"])
    return values


def _width_of_parameters(model, like):
    def count(values):
        encoder = config_lib.from_dict(config_lib.EncoderConfig, values)
        return flops.parameter_counts(encoder)["total"]

    target = count(like)
    candidates = [width(64 * i) for i in range(1, 129)]
    return min(candidates, key=lambda fields: abs(count(model | fields) - target))
