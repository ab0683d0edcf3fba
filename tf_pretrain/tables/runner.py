"""Runs the cells of a table that are not finished, each in a process of its own."""

import dataclasses
import fcntl
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig, UserError
from tf_pretrain.data import atomic_files
from tf_pretrain.models import flops
from tf_pretrain.tables import cells
from tf_pretrain.tables.definition import Table

# Until a cell is measured: electra_lab's matrix products a second on two shared CPU
# cores (docs/results.md), and a guess.
_FLOPS_PER_S = 1.3e11
_MINUTES_A_TASK = 2.0
_MINUTES_TO_START = 0.5  # of a process, on those cores


@dataclasses.dataclass(frozen=True)
class Planned:
    """One cell of a table: row, seed and request (see `cells.request`)."""

    row: str
    seed: int
    request: dict


def plan(
    table: Table, setup: cells.Setup, num_seeds: int, overrides=None
) -> list[Planned]:
    """All cells of a table, seed by seed, and a record of them for the report.

    The record is `WORKDIR/tables/TABLE-SCALE.json`.

    Raises:
        UserError: If the table has no rows at the scale, or an input is missing.
    """
    identity = setup.identity()
    configs = table.configs(setup.scale, overrides)
    planned = [
        Planned(
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
    atomic_files.write_json(path, record)
    return planned


def run(planned: list[Planned], budget_minutes: float | None = None, say=print) -> bool:
    """Runs what is not finished, in order, as long as the budget lasts.

    Args:
        budget_minutes: A cell that is estimated to take longer than what is left is
            not started, nor are those after it; None for no limit.
        say: Called with each line of the report.

    Returns:
        Whether all cells are finished.

    Raises:
        UserError: At the end, if a cell failed; names its log. Or at once, if another
            process runs cells of the workdir.
    """
    workdir = Path(planned[0].request["workdir"])
    with open(workdir / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another command runs cells of {workdir}; two would spoil each "
                "other's records"
            ) from None
        return _run(planned, budget_minutes, say)


def _run(planned, budget_minutes, say):
    began = time.monotonic()
    failed = []
    todo = [cell for cell in planned if not _is_finished(cell)]
    say(f"{len(planned) - len(todo)} of {len(planned)} cells are finished")
    for number, cell in enumerate(todo):
        if _is_finished(cell):  # two rows can be the same cell
            continue
        minutes = estimate_minutes(cell.request)
        left = None
        if budget_minutes is not None:
            left = budget_minutes - (time.monotonic() - began) / 60
        if left is not None and minutes > left:
            rest = todo[number:]
            total = sum(estimate_minutes(other.request) for other in rest)
            say(
                f"the next cell needs about {minutes:.1f} minutes, {max(0, left):.1f} "
                f"are left; {len(rest)} cells of about {total:.0f} minutes remain: "
                + "; ".join(f"{c.row} (seed {c.seed})" for c in rest)
            )
            break
        say(f"{cell.row}, seed {cell.seed}: about {minutes:.1f} minutes")
        status = _run_process(cell.request)
        log = cells.folder(cell.request["workdir"], cell.request["key"]) / "log.txt"
        if status != 0 or not _is_finished(cell):
            failed.append(f"{cell.row} (seed {cell.seed}), status {status}: {log}")
            say(f"failed: {failed[-1]}\n{_last_lines(log)}")
        else:
            results = cells.load(cell.request["workdir"], cell.request["key"])
            say(f"  finished, {results['minutes']:.1f} minutes in all")
    if failed:
        raise UserError("cells that failed:\n  " + "\n  ".join(failed))
    return all(map(_is_finished, planned))


def estimate_minutes(request: dict) -> float:
    """What a cell will take, by the finished cells of its workdir.

    Pretraining by its matrix products and the median rate of the cells measured, a
    fine-tuning by the median of the same task; without any, by constants.
    """
    measured = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in Path(request["workdir"]).glob("cells/*/cell.json")
    ]
    rates = [_products(c["config"]) / c["pretrain"]["seconds"] for c in measured]
    # A pretraining that is done is not repeated.
    own = next((c for c in measured if c["key"] == request["key"]), None)
    minutes = _MINUTES_TO_START
    if own is None:
        rate = statistics.median(rates) if rates else _FLOPS_PER_S
        minutes += _products(request["config"]) / rate / 60
    for key in request["tasks"]:
        if own is not None and key in own["tasks"]:
            continue
        name = key.rpartition("-")[0]
        seconds = [
            results["seconds"]
            for cell in measured
            for results in cell["tasks"].values()
            if results["task"] == name
        ]
        minutes += statistics.median(seconds) / 60 if seconds else _MINUTES_A_TASK
    return minutes


def _products(values):
    config = config_lib.from_dict(PretrainConfig, values)
    return flops.matmul_flops(config) * config.train.num_steps


def _is_finished(cell):
    request = cell.request
    return cells.is_finished(cells.load(request["workdir"], request["key"]), request)


def _run_process(request):
    """Exit status of the cell's process; its output goes to log.txt."""
    folder = cells.folder(request["workdir"], request["key"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "request.json"
    atomic_files.write_json(path, request)
    command = [sys.executable, "-m", "tf_pretrain.tables.run_cell", str(path)]
    # The package need not be installed, nor be in the current folder.
    search = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, search))}
    with open(folder / "log.txt", "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _last_lines(path, count=15):
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-count:])
