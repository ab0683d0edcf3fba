"""Runs the cells of tables that are not finished, each in a process of its own.

Several at a time, each on its own cores: two small networks with a thread each do more
on two cores than one network with two threads.
"""

import contextlib
import dataclasses
import fcntl
import json
import time
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain.errors import UserError
from tf_pretrain.tables.cells import cell as cells
from tf_pretrain.tables.cells import estimates, processes
from tf_pretrain.tables.definitions.table import Table


@contextlib.contextmanager
def only_command(workdir):
    """Held while a command plans and runs cells of a workdir.

    Raises:
        UserError: If another process holds it.
    """
    workdir = Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    with open(workdir / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another command runs cells of {workdir}; one at a time, with --jobs "
                "for several cells at once"
            ) from None
        yield


@dataclasses.dataclass(frozen=True)
class Planned:
    """One cell of a table: row, seed and request (see `cells.request`)."""

    table: str
    row: str
    seed: int
    request: dict

    def __str__(self):
        return f"{self.table}: {self.row}, seed {self.seed}"


def plan(
    table: Table, setup: cells.Setup, num_seeds: int, overrides=None
) -> list[Planned]:
    """All cells of a table, seed by seed, and a record of them for the report.

    The record is `WORKDIR/tables/TABLE-SCALE.json`; one of more seeds stays.

    Raises:
        UserError: If the table has no rows at the scale, or an input is missing.
    """
    identity = setup.identity()
    configs = table.configs(setup.scale, overrides)
    planned = [
        Planned(
            table.id,
            row,
            seed,
            cells.request(
                setup,
                dataclasses.replace(config, seed=seed),
                table.intrinsic,
                identity,
            ),
        )
        for seed in range(num_seeds)
        for row, config in configs.items()
    ]
    record = {
        "table": table.id,
        "scale": setup.scale,
        "command": setup.command,
        "seeds": num_seeds,
        "cells": [
            {
                "row": cell.row,
                "seed": cell.seed,
                "key": cell.request["key"],
                "tasks": list(cell.request["tasks"]),
            }
            for cell in planned
        ],
    }
    path = Path(setup.workdir) / "tables" / f"{table.id}-{setup.scale}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not _has_more_seeds(path, record):
        atomic_files.write_json(path, record)
    return planned


def _has_more_seeds(path, record):
    """Whether a record is of the same cells and further seeds, which a report keeps."""
    if not path.is_file():
        return False
    earlier = json.loads(path.read_text(encoding="utf-8"))["cells"]
    count = len(record["cells"])
    return len(earlier) > count and earlier[:count] == record["cells"]


def run(
    planned: list[Planned],
    budget_minutes: float | None = None,
    say=print,
    jobs: int = 1,
) -> bool:
    """Runs what is not finished, in order, as long as the budget lasts.

    Args:
        planned: Of one or more tables of a workdir.
        budget_minutes: A cell that is estimated to take longer than what is left is
            not started, nor are those after it; None for no limit.
        say: Called with each line of the report.
        jobs: Cells at a time; each has an equal share of the cores to itself.

    Returns:
        Whether all cells are finished.

    Raises:
        UserError: At the end, if a cell failed; names its log. Or at once, if there
            are fewer cores than jobs.
    """
    shares = processes.shares_of_cores(jobs)
    began = time.monotonic()
    failed, running, free = [], {}, list(shares)
    todo = [cell for cell in planned if not _is_finished(cell)]
    total = len(_different(planned))
    say(f"{total - len(_different(todo))} of {total} cells are finished")
    try:
        while todo or running:
            keys = {cell.request["key"] for cell, _ in running.values()}
            # Two rows can be the same cell.
            waiting = (c for c in todo if c.request["key"] not in keys)
            cell = next(waiting, None) if free else None
            if cell is None:
                process = processes.first_to_end(running)
                cell, cores = running.pop(process)
                free.append(cores)
                failed += _end(cell, process.returncode, say)
                continue
            if _is_finished(cell):
                todo.remove(cell)
                continue
            minutes = estimates.minutes(cell.request, len(free[0]))
            left = None
            if budget_minutes is not None:
                left = budget_minutes - (time.monotonic() - began) / 60
            if left is not None and minutes > left:
                say(_not_started(todo, minutes, left, shares))
                todo = []
                continue
            todo.remove(cell)
            say(f"{cell}: about {minutes:.1f} minutes")
            cores = free.pop(0)
            threads = len(cores) if len(shares) > 1 else None
            running[processes.start(cell.request, cores, threads)] = cell, cores
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    if failed:
        raise UserError("cells that failed:\n  " + "\n  ".join(failed))
    return all(map(_is_finished, planned))


def _end(cell, status, say):
    """Says how a cell ended; returns a list of what failed."""
    workdir, key = cell.request["workdir"], cell.request["key"]
    if status == 0 and _is_finished(cell):
        minutes = cells.load(workdir, key)["minutes"]
        say(f"  finished: {cell}, {minutes:.1f} minutes in all")
        return []
    log = cells.folder(workdir, key) / "log.txt"
    failure = f"{cell}, status {status}: {log}"
    say(f"failed: {failure}\n{processes.last_lines(log)}")
    return [failure]


def _not_started(todo, minutes, left, shares):
    # Some may have been finished as another table's.
    todo = _different(c for c in todo if not _is_finished(c))
    total = sum(estimates.minutes(c.request, len(shares[0])) for c in todo)
    return (
        f"the next cell needs about {minutes:.1f} minutes, {max(0, left):.1f} are "
        f"left; {len(todo)} cells of about {total / len(shares):.0f} minutes remain: "
        + "; ".join(map(str, todo[:5]))
        + ("; ..." if len(todo) > 5 else "")
    )


def _different(planned):
    """One of each key, in order."""
    return list({cell.request["key"]: cell for cell in planned}.values())


def _is_finished(cell):
    request = cell.request
    return cells.is_finished(cells.load(request["workdir"], request["key"]), request)
