"""Atomic writes: a file is complete or missing, even if the program is killed."""

import contextlib
import json
import os
import shutil
from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"


@contextlib.contextmanager
def replacing(path: Path):
    """Yields a temporary name; what is written there becomes `path` at the end.

    The bytes are flushed to the disk before the file gets its name. On an error the
    temporary file is removed. One that a killed program left behind is overwritten.
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


@contextlib.contextmanager
def new_folder(path):
    """Yields an empty temporary folder that becomes `path` at the end.

    On an error it is removed. One that a killed program left behind is removed, too.

    Raises:
        FileExistsError: If `path` exists and is not an empty folder.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists and is not an empty folder")
    temporary = path.with_name(path.name + TEMPORARY_SUFFIX)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
