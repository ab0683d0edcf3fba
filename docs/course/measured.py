"""Our own results: the finished cells in docs/tables/cells.json."""

import functools
import json
import statistics
from pathlib import Path

from tf_pretrain.tables.report.results import Summary

_CELLS = Path(__file__).parents[1] / "tables" / "cells.json"


@functools.cache
def _report():
    return json.loads(_CELLS.read_text(encoding="utf-8"))


class Measured:
    """The cells of one table, for example "families-lab"."""

    def __init__(self, table: str):
        self.table, self.command = table, _report()["tables"][table]["command"]
        self.cells = {}
        for cell in _report()["cells"].values():
            for row in cell["rows"]:
                if row["table"] == table:
                    found = self.cells.setdefault(row["row"], [])
                    found.append((cell, row["scores"]))

    @classmethod
    def find(cls, table: str) -> "Measured | None":
        """The cells of a table; None if it was never run."""
        return cls(table) if table in _report()["tables"] else None

    def summary(self, row: str, score: str) -> Summary | None:
        """A score over the seeds of a row; None if its cells do not have it."""
        values = [scores[score] for _, scores in self.cells[row] if score in scores]
        return Summary.of(values) if values else None

    @property
    def seeds(self) -> int:
        """The smallest number of seeds of a row."""
        return min(len(cells) for cells in self.cells.values())

    @property
    def commits(self) -> list[str]:
        """Commits of the code that computed the cells."""
        cells = [cell for found in self.cells.values() for cell, _ in found]
        parts = [p for c in cells for p in (c["pretrain"], *c["tasks"].values())]
        return sorted({part["commit"] for part in parts if part["commit"]})

    def steps(self, row: str) -> int:
        """Training steps of a row."""
        return round(
            statistics.median(c["pretrain"]["step"] for c, _ in self.cells[row])
        )
