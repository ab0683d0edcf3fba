"""Where the golden numbers are, and their arrays, none of which may go unchecked."""

import json
import os
from pathlib import Path

import numpy as np

_BUNDLED = Path(__file__).parents[1] / "golden"
GOLDEN = Path(os.environ.get("TF_PRETRAIN_GOLDEN", _BUNDLED))
# Only the bundled set has them.
WORDPIECE = _BUNDLED / "vocab/bert-base-uncased-vocab.txt"
SENTENCEPIECE = _BUNDLED / "vocab/30k-clean.model"


def read_json(path):
    """A JSON file of the set, by its path inside it."""
    return json.loads((GOLDEN / path).read_text(encoding="utf-8"))


def read_json_lines(path):
    """The rows of a JSON-lines file of the set; U+2028 and the like end no line."""
    text = (GOLDEN / path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def found(pattern):
    """Paths inside the set that match, sorted: for `pytest.mark.parametrize`."""
    return sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob(pattern))


class Arrays:
    """An npz file of the set that knows which results were looked at.

    Attributes:
        unread: Names of the results (`out_*`) that were not.
    """

    def __init__(self, path):
        with np.load(GOLDEN / path) as arrays:
            self._arrays = dict(arrays)
        self.unread = {name for name in self._arrays if name.startswith("out_")}

    def __getitem__(self, name):
        self.unread.discard(name)
        return self._arrays[name]

    def __contains__(self, name):
        return name in self._arrays

    def with_prefix(self, prefix):
        """{rest of the name: array} of the arrays whose names begin so."""
        names = [name for name in self._arrays if name.startswith(prefix)]
        return {name.removeprefix(prefix): self[name] for name in names}
