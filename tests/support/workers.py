"""Workers of a run under MultiWorkerMirroredStrategy, in processes of their own."""

import json
import socket

from support.paths import PYTHONPATH
from support.programs import Program

# A run like train_tiny.py's, which may be hit by a signal after a step.
_PROGRAM = """
import os, signal, sys
from support import train_tiny
from tf_pretrain.errors import UserError
from tf_pretrain.training import callbacks

records, workdir, strategy, step, name = sys.argv[1:]

def hit(self, batch, logs=None):
    if self.start_step + batch + 1 == int(step):
        os.kill(os.getpid(), getattr(signal, name))

if int(step):
    callbacks.PeriodicEvaluation.on_train_batch_end = hit
try:
    train_tiny.run(records, workdir, strategy)
except UserError as error:
    raise SystemExit(f"error: {error}") from None
"""


def start(records, workdir, strategy, fault=(0, ""), **environment):
    """A process that trains; `fault` is (step, name of the signal it gets then)."""
    return Program(
        *("-c", _PROGRAM, records, workdir, strategy, *fault),
        PYTHONPATH=PYTHONPATH,
        **environment,
    )


def start_pair(records, workdir, victim=None, fault=(0, "")):
    """Two workers, of which `victim` (0 is the chief) is hit."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()

    def start_worker(index):
        task = {"type": "worker", "index": index}
        tf_config = {"cluster": {"worker": addresses}, "task": task}
        own_fault = fault if index == victim else (0, "")
        return start(
            records,
            workdir,
            "multi_worker",
            own_fault,
            TF_CONFIG=json.dumps(tf_config),
        )

    return [start_worker(index) for index in range(2)]


def finish(*processes):
    """Waits for all; returns what each wrote."""
    try:
        done = [process.finish() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [each.returncode for each in done] == [0] * len(processes), done
    return [each.stdout for each in done]
