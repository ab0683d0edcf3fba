"""Starts programs on another Keras backend, as on a machine without TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from support import programs
from support.paths import PYTHONPATH, ROOT, SUPPORT

# Models this small compile for longer than they run.
QUICK_TO_COMPILE = (
    "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
)
BACKENDS = ("jax", "torch")


def needs(*backends):
    """Parameters of a test for those backends; skipped where one is not installed."""
    return [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                importlib.util.find_spec(name) is None,
                reason=f"{name} is not installed",
            ),
        )
        for name in backends
    ]


def command(program, *arguments, backend):
    """The command line of a Python program, which finds TensorFlow if it is its own."""
    blocking = [] if backend == "tensorflow" else [SUPPORT / "without_tensorflow.py"]
    return [sys.executable, *map(str, [*blocking, program, *arguments])]


def environment(backend, **more):
    """Of such a process: quick to compile, with this repository to be imported."""
    return {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": PYTHONPATH,
        "XLA_FLAGS": QUICK_TO_COMPILE,
        **more,
    }


def run(program, *arguments, backend, cwd=ROOT, **more):
    """The finished process: returncode, stdout, stderr.

    It is a fork of one that has imported the backend, unless `more` has another one.
    """
    whole = command(program, *arguments, backend=backend)
    env = environment(backend, **more)
    if "KERAS_BACKEND" not in more:
        return programs.Program(*whole[1:], cwd=cwd, **env).finish(timeout=600)
    return subprocess.run(
        whole, cwd=cwd, env=env, capture_output=True, text=True, timeout=600
    )


def checks(folder, *names, backend, **more):
    """What the functions of step_checks.py with these names return."""
    output = folder / "checks.json"
    done = run(SUPPORT / "step_checks.py", output, *names, backend=backend, **more)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(output.read_text())
