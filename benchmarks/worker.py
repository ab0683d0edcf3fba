"""A contestant: a process of its own that is built once and then timed in rounds.

    python -m benchmarks.worker MODULE:FUNCTION

The first line of standard input has the function's arguments as JSON. It builds what is
measured and returns another function, `run(**arguments)`, whose result goes back as
JSON, once for each further line of JSON arguments.
Libraries whose thread pools would fight thus never share a process, and one that waits
for its turn is asleep.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import time


class Contestant:
    """Starts the process; `run` asks for one round and waits for its result.

    Args:
        target: "module:function".
        arguments: Keyword arguments of the function; JSON.
        environment: Variables that are added to those of this process.

    Attributes:
        ready_seconds: From the start of the process until it was built.
    """

    def __init__(self, target, arguments, environment=None):
        self.target = target
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._send(arguments)
        self._receive()
        self.ready_seconds = time.perf_counter() - began

    def run(self, **arguments) -> dict:
        """One round; returns what the function answered."""
        self._send(arguments)
        return self._receive()

    def _send(self, arguments):
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()

    def _receive(self):
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise RuntimeError(f"{self.target} ended with code {code}; see above")
        return json.loads(line)

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def peak_memory():
    """Largest resident set of this process so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(target):
    # What libraries print goes to standard error: standard output is the protocol's.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    module, function = target.split(":")
    build = getattr(importlib.import_module(module), function)
    run = build(**json.loads(sys.stdin.readline()))
    answer({"ready": True})
    for line in sys.stdin:
        answer(run(**json.loads(line)))


if __name__ == "__main__":
    main(*sys.argv[1:])
