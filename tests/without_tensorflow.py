"""Runs a program as on a machine without TensorFlow: without_tensorflow.py PROGRAM ...

Importing TensorFlow, or what is made for it, fails; so does whatever else WITHOUT, an
environment variable, names.
"""

import os
import runpy
import sys

MISSING = {"tensorflow", "tensorflow_text", "tensorflow_datasets", "tensorboard"}


class Missing:
    """A finder of modules that finds none of these, before any other looks."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r} (in this test)")


def main():
    sys.meta_path.insert(
        0, Missing(MISSING | set(os.environ.get("WITHOUT", "").split()))
    )
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
