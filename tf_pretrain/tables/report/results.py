"""Finished cells of a table, summed up over seeds and compared with the paper."""

import dataclasses
import itertools
import statistics
from pathlib import Path

from tf_pretrain import config as config_lib
from tf_pretrain.tables.cells.planning import Plan
from tf_pretrain.tables.cells.record import Record, load
from tf_pretrain.tables.definitions import registry
from tf_pretrain.tables.definitions.table import UNPRETRAINED, Row, Table

# With fewer seeds the spread says little: in one case of five, two medians that do not
# really differ are further apart than the spread of two seeds (docs/tables.md).
MIN_SEEDS = 3


@dataclasses.dataclass(frozen=True)
class Summary:
    """A score over seeds: median, lowest, highest, and how many seeds."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: list[float]) -> "Summary":
        """Summarizes one value or more."""
        return cls(statistics.median(values), min(values), max(values), len(values))

    @property
    def spread(self) -> float | None:
        """Highest minus lowest; None with fewer seeds than MIN_SEEDS."""
        return self.high - self.low if self.count >= MIN_SEEDS else None

    def is_clear_of(self, other: "Summary") -> bool:
        """Whether the medians differ by more than the larger of two known spreads."""
        return abs(self.median - other.median) > max(self.spread, other.spread)


@dataclasses.dataclass(frozen=True)
class Order:
    """Rows sorted by a score, ours and the paper's, best first.

    Attributes:
        ours, paper: Row names. They are the same rows if the paper has values. In the
            paper's list, rows with equal values are joined: "a = b".
        agree, against: Pairs of rows that are further apart than the spread of our
            seeds, in the paper's order or in the other one.
        inside: Pairs whose medians differ by no more than the larger spread.
        unknown: Pairs in which a row has fewer than MIN_SEEDS seeds.
        tied: Pairs with equal values in the paper.
        at_floor: Pairs of two rows of `floor`; their order is noise.
        floor: Rows that are not above the network without pretraining by more than the
            spread, also those without a value in the paper.
    """

    ours: list[str]
    paper: list[str]
    agree: list[tuple]
    against: list[tuple]
    inside: list[tuple]
    unknown: list[tuple]
    tied: list[tuple]
    at_floor: list[tuple]
    floor: list[str]


class TableResults:
    """The results of a table at one scale in a workdir.

    Attributes:
        plan: The cells that were planned.
        table, scale: The table and its scale.
        name: The name of the table's page.
        rows: Rows with finished cells, in the table's order.
        cells: {row name: [(record, its scores), ...]}, by seed; see `Record.scores`.
    """

    def __init__(self, workdir, plan: Plan):
        self.plan = plan
        self.table: Table = registry.find(plan.table)
        self.scale = plan.scale
        self.name = f"{plan.table}-{plan.scale}"
        self.cells: dict[str, list[tuple[Record, dict]]] = {}
        for planned in sorted(plan.cells, key=lambda cell: cell.seed):
            record = load(workdir, planned.key)
            if record and record.has(planned.tasks, self.table.intrinsic):
                scores = record.scores(planned.tasks)
                self.cells.setdefault(planned.row, []).append((record, scores))
        self.rows: list[Row] = [r for r in self.table.rows if r.name in self.cells]

    def first(self, row: Row) -> Record:
        """The record of a row's first finished seed."""
        return self.cells[row.name][0][0]

    @property
    def main(self) -> str:
        """The first of the table's metrics that a cell has; that of the index."""
        metrics = list(self.table.metrics)
        shown = (m for m in metrics if any(self.summary(r, m) for r in self.rows))
        return next(shown, metrics[0])

    @property
    def finished(self) -> int:
        """Number of finished cells."""
        return sum(map(len, self.cells.values()))

    def summary(self, row: Row, metric: str) -> Summary | None:
        """A row's score; None if no cell has it."""
        values = [s[metric] for _, s in self.cells[row.name] if metric in s]
        return Summary.of(values) if values else None

    def printed(self, row: Row, metric: str) -> float | None:
        """The paper's value of a row."""
        column = self.table.metrics.get(metric)
        return self.table.printed_row(row).get(column)

    def order(self, metric: str) -> Order:
        """The rows' order by a score, beside the paper's."""
        ours = {r.name: self.summary(r, metric) for r in self.rows}
        ours = {name: summary for name, summary in ours.items() if summary}
        paper = {r.name: self.printed(r, metric) for r in self.rows if r.name in ours}
        paper = {name: value for name, value in paper.items() if value is not None}
        unpretrained = [r.name for r in self.rows if r.is_unpretrained]
        starts = {name: ours.pop(name, None) for name in unpretrained}
        floor = [name for name in ours if _is_at(_start(starts, name), ours[name])]
        if paper:
            ours = {name: ours[name] for name in paper}
        kinds = ("agree", "against", "inside", "unknown", "tied", "at_floor")
        found = {kind: [] for kind in kinds}
        for a, b in itertools.combinations(ours, 2):
            kind = _kind_of_pair(ours[a], ours[b], paper.get(a), paper.get(b))
            if {a, b} <= set(floor) and kind in ("agree", "against"):
                kind = "at_floor"
            found[kind].append((a, b))
        best_first = sorted(paper, key=lambda name: -paper[name])
        groups = itertools.groupby(best_first, paper.get)
        return Order(
            sorted(ours, key=lambda name: -ours[name].median),
            [" = ".join(names) for _, names in groups],
            **found,
            floor=floor,
        )


def _kind_of_pair(a, b, paper_a, paper_b):
    if paper_a is not None and paper_a == paper_b:
        return "tied"
    if a.spread is None or b.spread is None:
        return "unknown"
    if not a.is_clear_of(b):
        return "inside"
    if paper_a is None:
        return "agree"  # no value in the paper: outside the spread
    return "agree" if (a.median - b.median) * (paper_a - paper_b) > 0 else "against"


def _start(starts, name):
    """The network without pretraining with which a row is compared."""
    family = name.partition(", ")[0]
    return starts.get(f"{UNPRETRAINED}, {family}") or starts.get(UNPRETRAINED)


def _is_at(start, summary):
    """Whether a row cannot be told from the network without pretraining."""
    if start is None or start.spread is None or summary.spread is None:
        return False
    return summary.median <= start.median or not summary.is_clear_of(start)


def load_all(workdir) -> list[TableResults]:
    """Every table of a workdir that has a finished cell, in the registry's order."""
    found = []
    for table_id in registry.TABLES:
        for path in sorted(Path(workdir).glob(f"tables/{table_id}-*.json")):
            results = TableResults(workdir, config_lib.load(Plan, path))
            if results.finished:
                found.append(results)
    return found
