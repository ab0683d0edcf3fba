"""The papers' printed tables as rows of text, with their state of confirmation."""

import re
from collections.abc import Callable, Sequence

from tf_pretrain.errors import UserError
from tf_pretrain.tables.definitions import papers

NONE = "–"  # where a paper prints nothing
ONE_SOURCE, BY_ARITHMETIC, ABSTRACT = "†", "‡", "§"


def number(value) -> str:
    """A printed number as the paper has it: 88.0 stays 88.0, and 235 stays 235."""
    if value is None:
        return NONE
    return f"{value:,}" if isinstance(value, int) else f"{value}"


def power(value: float | None, digits: int = 2) -> str:
    """Some digits and an exponent: 3.1e21, 3.7e9. The papers print two digits."""
    if value is None:
        return NONE
    return re.sub(r"e\+0*", "e", f"{value:.{digits - 1}e}")


def times(value) -> str:
    """A factor, such as 45×."""
    return NONE if value is None else f"{number(value)}×"


def mark(row: dict, has_tasks: bool = True) -> str:
    """How a row is confirmed: "" if two texts agree, else ONE_SOURCE or BY_ARITHMETIC.

    Args:
        row: A row of a paper's file. Without "confirmed" the whole table is.
        has_tasks: Whether the task scores are shown; often only the mean is confirmed.

    Raises:
        UserError: If the row is from memory, because such rows are not used.
    """
    confirmed = row.get("confirmed")
    if confirmed is None:
        return ""
    stated = re.sub(r"\(.*?\)", "", confirmed)  # remarks are in parentheses
    if "MEM" in stated:
        raise UserError(f"{row['model']}: {confirmed!r} is from memory; leave it out")
    if "ARITH" in stated and has_tasks:
        return BY_ARITHMETIC
    return ONE_SOURCE if len(set(re.findall(r"S\d+", stated))) == 1 else ""


def rows(
    paper: str,
    table: str,
    columns: Sequence[tuple[str, Callable]],
    name: Callable[[dict], str],
    keep: Callable[[dict], bool] = lambda row: True,
    has_tasks: bool = True,
) -> list[list[str]]:
    """The rows of a paper's table.

    Args:
        paper, table: As for papers.table.
        columns: (the paper's column, or two joined by "/"; how its value is written).
        name: The first cell of a row.
        keep: Which rows to take.
        has_tasks: As for `mark`.
    """
    found = []
    for row in papers.table(paper, table)["rows"]:
        if not keep(row):
            continue
        cells = [name(row) + mark(row, has_tasks)]
        for column, write in columns:
            values = [write(row[part]) for part in column.split("/")]
            cells.append(" / ".join(values) if set(values) != {NONE} else NONE)
        found.append(cells)
    return found
