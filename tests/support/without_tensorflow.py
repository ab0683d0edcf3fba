"""Runs a program as on a machine without TensorFlow: without_tensorflow.py PROGRAM ...

Importing TensorFlow, or what is made for it, fails; so does whatever else WITHOUT, an
environment variable, names.
"""

import os
import runpy
import sys

MISSING = {"tensorflow", "tensorflow_text", "tensorflow_datasets", "tensorboard"}


class Without:
    """A finder of modules as it would be if some were not installed."""

    def __init__(self, finder, names):
        self._finder, self._names = finder, names

    def find_spec(self, name, *arguments):
        if name.partition(".")[0] in self._names:
            return None
        return self._finder.find_spec(name, *arguments)

    def __getattr__(self, name):
        return getattr(self._finder, name)


def block():
    names = MISSING | set(os.environ.get("WITHOUT", "").split())
    sys.meta_path[:] = [Without(finder, names) for finder in sys.meta_path]


def main():
    block()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
