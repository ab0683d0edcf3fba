"""Files that are there as a whole or not at all, whatever kills the program."""

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from pathlib import Path

from tf_pretrain import storage

TEMPORARY_SUFFIX = ".tmp"


@contextlib.contextmanager
def replacing(path, is_shared: bool = False):
    """Yields a temporary name; what is written there becomes `path` at the end.

    The bytes are flushed to the disk before the file gets its name. On an error the
    temporary file is removed. One that a killed program left behind is overwritten.

    Args:
        path: A `Path`, or the `UPath` of a URL; then the temporary file is local, and
            is copied to the URL at the end.
        is_shared: Other processes may write `path` at the same time, with the same
            content. Each then has a temporary file of its own, which a killed process
            leaves behind.
    """
    if storage.is_url(path):
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder, f"{uuid.uuid4().hex}{TEMPORARY_SUFFIX}")
            yield temporary
            storage.put(temporary, path)
        return
    own = f".{uuid.uuid4().hex}" if is_shared else ""
    temporary = path.with_name(f"{path.name}{own}{TEMPORARY_SUFFIX}")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, values, is_shared: bool = False) -> None:
    """Writes JSON, indented; see `replacing`."""
    with replacing(path, is_shared) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


@contextlib.contextmanager
def new_folder(path):
    """Yields an empty temporary folder that becomes `path` at the end.

    On an error it is removed, and so is one that a killed program left.

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
