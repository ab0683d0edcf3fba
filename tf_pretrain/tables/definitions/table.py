"""A table: rows, each with a config at one or both scales, and what is compared.

There are two scales. "lab" is this project's (`configs/*_lab.py`), where all rows of a
table execute the same number of operations in matrix products. "paper" has the papers'
sizes and steps. The ELECTRA paper also counts each lookup of an embedding as a product
with the whole table, which is never executed. For `electra_lab` this would be most of
the count.
"""

import dataclasses

from tf_pretrain.config import PretrainConfig
from tf_pretrain.errors import ConfigError
from tf_pretrain.models import flops
from tf_pretrain.tables.definitions import papers
from tf_pretrain.tables.definitions.recipe import Recipe

SCALES = ("lab", "paper")
UNPRETRAINED = "no pretraining"
EQUAL_STEPS = (
    "the paper gives each row the same steps, and at lab scale each row has the same "
    "compute"
)
# The fields that `_lab_run` sets.
_OF_LAB_RUNS = ("train.checkpoint_every", "train.log_every", "train.keep_checkpoints")
# "lab": the rows run at lab scale; "paper": at the paper's only; "facts": not at all.
KINDS = ("lab", "paper", "facts")


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name: Its name, as printed.
        recipes: {scale: Recipe}; a row may be missing at a scale.
        printed: Values that identify the paper's row; None if it has none.
    """

    name: str
    recipes: dict[str, Recipe]
    printed: dict | None = None

    @property
    def is_unpretrained(self) -> bool:
        """Whether it is a row that `unpretrained` made."""
        return self.name.partition(", ")[0] == UNPRETRAINED


def unpretrained(file: str, family: str | None = None) -> Row:
    """The row that fine-tunes a lab config's network without pretraining.

    Args:
        family: The rows that are compared with it: those whose names begin with this
            word. None for all rows of which no family has such a row.
    """
    name = UNPRETRAINED if family is None else f"{UNPRETRAINED}, {family}"
    return Row(name, {"lab": Recipe(file, fraction=0.0)})


@dataclasses.dataclass(frozen=True)
class Table:
    """A table or figure of a paper, or one of ours.

    Attributes:
        id: For `--table`.
        title: One line.
        kind: One of KINDS.
        paper: One of papers.PAPERS; None for a table of our own.
        printed: Name of the paper's table in its file.
        rows: In the paper's order.
        reference: Config file whose compute all rows get at lab scale.
        metrics: {our score: the paper's column, or None}; the first is the main one.
            Our scores: see `tables.cells.record`.
        intrinsic: Example formats that each model is scored on as it is.
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
        self._check_overrides(scale, overrides, recipes)
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
        budget = flops.matmul_training_flops(Recipe(self.reference).build(overrides))
        return {
            name: _lab_run(configs[name], recipe.fraction * budget)
            for name, recipe in recipes.items()
        }

    def _check_overrides(self, scale, overrides, recipes):
        """Raises ConfigError for a field that would be overwritten."""
        decided = _OF_LAB_RUNS if scale == "lab" else ()
        if scale == "paper" and any(recipe.num_steps for recipe in recipes.values()):
            decided = ("train.num_steps",)
        for field in set(decided) & set(overrides):
            raise ConfigError(
                f"{self.id} decides {field} itself at scale {scale!r}; leave out "
                f"--set={field}"
            )

    def printed_row(self, row: Row) -> dict:
        """The paper's values of a row; {} if there are none."""
        if row.printed is None:
            return {}
        return papers.find_row(self.paper, self.printed, row.printed)


def with_steps(config: PretrainConfig, num_steps: float) -> PretrainConfig:
    """The run with so many steps, rounded; two-stage training changes half way."""
    num_steps = round(num_steps)
    objective = config.objective
    if objective.generator_training == "two_stage":
        objective = dataclasses.replace(objective, generator_steps=num_steps // 2)
    train = dataclasses.replace(config.train, num_steps=num_steps)
    return dataclasses.replace(config, objective=objective, train=train)


def _lab_run(config, budget):
    """The config with the steps whose products are nearest to a budget; 2 or more.

    The warm-up keeps its share of them, and there are ten held-out evaluations and
    forty lines of figures.
    """
    old = config.train
    # Costs are proportional to the steps, except for one step of two-stage training.
    one_step = flops.matmul_flops(with_steps(config, old.num_steps))
    config = with_steps(config, max(2, budget / one_step))
    steps = config.train.num_steps
    train = dataclasses.replace(
        config.train,
        warmup_steps=round(old.warmup_steps * steps / old.num_steps),
        checkpoint_every=max(1, steps // 10),
        keep_checkpoints=1,
        log_every=max(1, steps // 40),
    )
    return dataclasses.replace(config, train=train)
