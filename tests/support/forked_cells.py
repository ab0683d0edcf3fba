"""Processes of cells that begin with the libraries imported; see fork_server.py."""

import json
import os
import select
import subprocess
import types

from support.programs import Program
from tf_pretrain.tables.cells import processes

# What `python -m tf_pretrain.tables.cells.run_cell` does, on the cores and with the log
# that a process inherits.
_PROGRAM = """
import json, os, sys
request, log, cores = sys.argv[1:]
os.sched_setaffinity(0, json.loads(cores))
log = os.open(log, os.O_WRONLY | os.O_APPEND)
os.dup2(log, 1)
os.dup2(log, 2)
from tf_pretrain.tables.cells import run_cell
run_cell.main(request, os.getppid())
"""


class _Cell(Program):
    """Stands in for `subprocess.Popen` of `processes.start`."""

    def __init__(self, command, stdout, stderr, env):
        python, option, module, request, parent = command
        assert (option, module) == ("-m", "tf_pretrain.tables.cells.run_cell")
        assert (int(parent), stderr) == (os.getpid(), subprocess.STDOUT)
        cores = json.dumps(sorted(os.sched_getaffinity(0)))
        super().__init__("-c", _PROGRAM, request, stdout.name, cores, **env)

    def poll(self):
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.finish()
        return self.returncode

    def terminate(self):
        self.kill()

    def wait(self):
        self.finish()


def use(monkeypatch):
    """Lets `processes.start` fork cells instead of starting Python for each."""
    forking = types.SimpleNamespace(Popen=_Cell, STDOUT=subprocess.STDOUT)
    monkeypatch.setattr(processes, "subprocess", forking)
