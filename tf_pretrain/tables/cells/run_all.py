"""Runs the cells of tables that are not finished, each in a process of its own.

Several run at a time, each on its own cores: two small networks with one thread each do
more on two cores than one network with two threads.
"""

import contextlib
import math
import statistics
import time
from pathlib import Path

import filelock

from tf_pretrain.errors import UserError
from tf_pretrain.tables.cells import processes
from tf_pretrain.tables.cells.planning import Cell


@contextlib.contextmanager
def only_command(workdir):
    """A lock that is held while a command plans and runs cells of a workdir.

    Raises:
        UserError: If another process holds it.
    """
    Path(workdir).mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(Path(workdir) / "lock", timeout=0):
            yield
    except filelock.Timeout:
        raise UserError(
            f"another command runs cells of {workdir}; wait for it, or stop it and "
            "start one with --jobs for several cells at once"
        ) from None


def run(
    cells: list[Cell], budget_minutes: float | None = None, say=print, jobs: int = 1
) -> bool:
    """Runs the cells that are not finished, in order.

    Args:
        cells: The cells of one or more tables of a workdir.
        budget_minutes: After so many minutes no further cell is started; those that
            run then are finished. None for no limit.
        say: Called with each line of the progress report.
        jobs: Number of cells at a time; each has an equal share of the cores to itself.

    Returns:
        Whether all cells are finished.

    Raises:
        UserError: At the end, if a cell failed; names its log. Or at once, if there
            are fewer cores than jobs.
    """
    free = processes.shares_of_cores(jobs)
    minutes = math.inf if budget_minutes is None else budget_minutes
    end = time.monotonic() + 60 * minutes
    todo = [cell for cell in cells if not cell.is_finished]
    say(_progress(cells, todo))
    failed, running = [], {}
    try:
        while todo or running:
            # Two rows can be the same cell. Then the second one waits, and may be
            # finished afterwards.
            busy = {cell.request.key for cell, _ in running.values()}
            todo = [cell for cell in todo if not cell.is_finished]
            ready = [cell for cell in todo if cell.request.key not in busy]
            if ready and free and time.monotonic() < end:
                cell, cores = ready[0], free.pop(0)
                todo.remove(cell)
                say(f"{cell}: started")
                threads = len(cores) if jobs > 1 else None
                process = processes.start(cell.request, cell.folder, cores, threads)
                running[process] = cell, cores
            elif running:
                process = processes.first_to_end(running)
                cell, cores = running.pop(process)
                free.append(cores)
                failed += _end(cell, process.returncode, say)
            elif todo:
                say(_not_started(todo, minutes))
                todo = []
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    if failed:
        raise UserError("cells that failed:\n  " + "\n  ".join(failed))
    return all(cell.is_finished for cell in cells)


def _progress(cells, todo):
    """How many are finished and, if some are not, how long one took."""
    different = _different(cells)
    finished = [c for c in different if c.request.key not in _keys(todo)]
    line = f"{len(finished)} of {len(different)} cells are finished"
    if finished and todo:
        minutes = statistics.median(cell.results.minutes for cell in finished)
        line += f"; the median one took {minutes:.1f} minutes"
    return line


def _end(cell, status, say):
    """Says how a cell ended; returns a list of what failed."""
    if status == 0 and cell.is_finished:
        say(f"  finished: {cell}, {cell.results.minutes:.1f} minutes in all")
        return []
    log = cell.folder / "log.txt"
    failure = f"{cell}, status {status}: {log}"
    say(f"failed: {failure}\n{processes.last_lines(log)}")
    return [failure]


def _not_started(todo, minutes):
    todo = _different(todo)
    remain = "1 cell remains" if len(todo) == 1 else f"{len(todo)} cells remain"
    names = "; ".join(map(str, todo[:5])) + ("; ..." if len(todo) > 5 else "")
    return f"{minutes:g} minutes are over; {remain}: {names}"


def _keys(cells):
    return {cell.request.key for cell in cells}


def _different(cells):
    """One cell of each key, in order."""
    return list({cell.request.key: cell for cell in cells}.values())
