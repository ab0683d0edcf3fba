"""Reads the files of examples/: their regions, lines and numbered callouts.

# region: sample
probs = softmax(logits)  # (5)
# endregion
"""

import functools
import importlib
import re
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[2] / "examples"
_REGION = re.compile(r"^# region: (\w+)\n(.*?)\n+# endregion$", re.S | re.M)
_CALLOUT = re.compile(r"  # \((\d+)\)$")


class Line(NamedTuple):
    """A line of a file: its number, from 1, and its code without the callout."""

    number: int
    code: str


@functools.cache
def text(name: str) -> str:
    """The text of the file examples/NAME.py."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


def regions(name: str) -> dict[str, str]:
    """{region: its lines, callouts included} in the order of the file."""
    return dict(_REGION.findall(text(name)))


def callouts(name: str) -> dict[int, Line]:
    """{number of a callout: its line}."""
    found = {}
    for number, line in enumerate(text(name).splitlines(), start=1):
        if match := _CALLOUT.search(line):
            found[int(match[1])] = Line(number, _CALLOUT.sub("", line).strip())
    return found


def line(name: str, fragment: str) -> Line:
    """The line that contains a fragment.

    Raises:
        ValueError: If no line contains it, or several.
    """
    lines = enumerate(text(name).splitlines(), start=1)
    found = [(number, code) for number, code in lines if fragment in code]
    if len(found) != 1:
        raise ValueError(
            f"{fragment!r} is in {len(found)} lines of examples/{name}.py; expected 1"
        )
    number, code = found[0]
    return Line(number, _CALLOUT.sub("", code).strip())


def toy():
    """The module examples/toy.py."""
    return _module("toy")


@functools.cache
def first_losses(model: str) -> list[float]:
    """The two losses of the first batch, from the TensorFlow example."""
    example = _module(f"{model}_tensorflow")
    losses = example.losses(toy().initial_weights(model), toy().batch(model, 0))
    return [float(x) for x in losses[:2]]


def _module(name):
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(name)
