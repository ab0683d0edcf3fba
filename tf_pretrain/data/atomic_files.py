"""Files that are there as a whole or not at all, whatever kills the program."""

import contextlib
import json
import os
from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"


@contextlib.contextmanager
def replacing(path: Path):
    """Yields a temporary name; what is written there becomes `path` at the end.

    The bytes are on the disk before the file has its name. On an error the temporary
    file is removed; one that a killed program left is overwritten.
    """
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, values) -> None:
    """Writes JSON, indented."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
