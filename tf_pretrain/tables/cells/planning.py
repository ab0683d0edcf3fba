"""The cells of a table, planned from its rows and seeds."""

import dataclasses
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain import config as config_lib
from tf_pretrain.tables.cells.record import Record, folder_of, load
from tf_pretrain.tables.cells.request import Request, make_request
from tf_pretrain.tables.cells.setup import Setup
from tf_pretrain.tables.definitions.table import Table


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of a table with one seed, and the request for its process."""

    table: str
    row: str
    seed: int
    request: Request

    def __str__(self):
        return f"{self.table}: {self.row}, seed {self.seed}"

    @property
    def folder(self) -> Path:
        """The folder of its runs and results."""
        return folder_of(self.request.workdir, self.request.key)

    @property
    def results(self) -> Record | None:
        """The results so far, or None."""
        return load(self.request.workdir, self.request.key)

    @property
    def is_finished(self) -> bool:
        """Whether everything that was requested is done."""
        found, wanted = self.results, self.request
        return found is not None and found.has(wanted.tasks, wanted.intrinsic)


@dataclasses.dataclass(frozen=True)
class PlannedCell:
    """What the report needs to find a cell's results: `tasks` are their keys."""

    row: str
    seed: int
    key: str
    tasks: list[str]


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a table, in the form of WORKDIR/tables/TABLE-SCALE.json.

    Attributes:
        table, scale: The table's id and its scale.
        command: The command line that planned it.
        seeds: Number of seeds.
        cells: The cells, seed by seed.
    """

    table: str
    scale: str
    command: str
    seeds: int
    cells: list[PlannedCell]

    def save(self, workdir) -> None:
        """Writes the file, unless it has the same cells and more seeds already."""
        path = Path(workdir) / "tables" / f"{self.table}-{self.scale}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        earlier = config_lib.load(Plan, path).cells if path.is_file() else []
        count = len(self.cells)
        if not (len(earlier) > count and earlier[:count] == self.cells):
            atomic_files.write_json(path, config_lib.to_dict(self))


def plan(table: Table, setup: Setup, num_seeds: int, overrides=None) -> list[Cell]:
    """All cells of a table, seed by seed; saves a Plan for the report.

    Args:
        overrides: {dotted field: text} for the config files; see `Recipe.build`.

    Raises:
        UserError: If the table has no rows at the scale, or an input is missing.
    """
    identity = setup.identity()
    configs = table.configs(setup.scale, overrides)
    cells = []
    for seed in range(num_seeds):
        for row, config in configs.items():
            config = dataclasses.replace(config, seed=seed)
            request = make_request(setup, config, table.intrinsic, identity)
            cells.append(Cell(table.id, row, seed, request))
    planned = [
        PlannedCell(cell.row, cell.seed, cell.request.key, list(cell.request.tasks))
        for cell in cells
    ]
    Plan(table.id, setup.scale, setup.command, num_seeds, planned).save(setup.workdir)
    return cells
