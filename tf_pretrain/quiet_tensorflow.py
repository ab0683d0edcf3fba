"""Hides the notices that TensorFlow prints while it is imported.

TF_CPP_MIN_LOG_LEVEL hides what TensorFlow logs later. The notices about oneDNN and
missing GPUs come earlier, when its shared libraries are loaded, and no setting stops
them. They are filtered out of standard error while `tensorflow` or `keras`, which
imports it, is loading. A process does the filtering, so that the last words of a
program that is aborted during the import are still printed.

On a machine without an NVIDIA driver, TensorFlow reports as errors that it finds no GPU
and that oneDNN lacks an operation for an older CPU. Both are harmless, so errors are
hidden there too. Failed operations still raise exceptions.
"""

import contextlib
import importlib.abc
import os
import subprocess
import sys

_NOTICES = r"^(I0000 |WARNING: All log messages before absl::InitializeLog)"
_NVIDIA_DRIVER = "/proc/driver/nvidia"
_IMPORTS = ("keras", "tensorflow")


def install() -> None:
    """Makes the next import of TensorFlow quiet, in this process and its children."""
    level = "2" if os.path.exists(_NVIDIA_DRIVER) else "3"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", level)
    if not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())


class _QuietFinder(importlib.abc.MetaPathFinder):
    """Finds the same modules as Python, with a loader that hides the notices."""

    def find_spec(self, name, path=None, target=None):
        if name not in _IMPORTS:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module):
                with without_notices():
                    load(module)

            spec.loader.exec_module = exec_module
        return spec


@contextlib.contextmanager
def without_notices():
    """Drops the notices from standard error, and nothing else."""
    try:
        original = os.dup(2)
        filter_ = subprocess.Popen(
            ["grep", "--line-buffered", "-vE", _NOTICES],
            stdin=subprocess.PIPE,
            stdout=2,
        )
    except OSError:  # no standard error, or no grep
        yield
        return
    os.dup2(filter_.stdin.fileno(), 2)
    filter_.stdin.close()
    try:
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)
        filter_.wait()
