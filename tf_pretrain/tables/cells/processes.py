"""Starts the processes of cells on their own cores, and waits for them."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain import config as config_lib
from tf_pretrain.errors import UserError
from tf_pretrain.tables.cells.request import Request

_POLL_S = 0.1
# Environment variables that TensorFlow and its libraries read at their start.
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def shares_of_cores(jobs: int) -> list[set[int]]:
    """The cores of this process in `jobs` sets of nearly equal size.

    Raises:
        UserError: If there are fewer cores than jobs.
    """
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= jobs <= len(cores):
        raise UserError(f"--jobs={jobs}, but there are {len(cores)} cores to share")
    bounds = [len(cores) * i // jobs for i in range(jobs + 1)]
    return [set(cores[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)]


def start(
    request: Request, folder: Path, cores: set[int], threads: int | None
) -> subprocess.Popen:
    """Starts the process of a cell. Its output goes to log.txt.

    Args:
        folder: The cell's folder.
        cores: The cores that the process may run on.
        threads: Size of its thread pools; None leaves the choice to the libraries.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "request.json"
    atomic_files.write_json(path, config_lib.to_dict(request))
    # The package may be neither installed nor in the current folder.
    search = [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, search))}
    if threads is not None:
        environment |= dict.fromkeys(_THREADS, str(threads))
    with open(folder / "log.txt", "a", encoding="utf-8") as log, _on(cores):
        return subprocess.Popen(
            command(path), stdout=log, stderr=subprocess.STDOUT, env=environment
        )


def command(request_path, *arguments) -> list[str]:
    """The command line with which this process starts `run_cell`."""
    module = "tf_pretrain.tables.cells.run_cell"
    return [
        *(sys.executable, "-m", module, str(request_path), str(os.getpid())),
        *arguments,
    ]


@contextlib.contextmanager
def _on(cores):
    """A context in which new processes run on these cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def first_to_end(processes) -> subprocess.Popen:
    """Waits until one of the processes has ended."""
    while True:
        for process in processes:
            if process.poll() is not None:
                return process
        time.sleep(_POLL_S)


def last_lines(path, count=15) -> str:
    """The end of a text file, indented."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-count:])
