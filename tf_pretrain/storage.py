"""Names of files and folders: on a disk, or a URL of an object store or HDFS.

A URL becomes a `upath.UPath`, which has the methods of `pathlib.Path`; fsspec and its
libraries (s3fs, gcsfs, ...) do the work and bring the settings and credentials.
"""

import contextlib
import glob
import io
from pathlib import Path
from typing import BinaryIO

from tf_pretrain.errors import UserError

_LIBRARIES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs"}
_LIBRARIES |= {"abfs": "adlfs", "hdfs": "pyarrow", "http": "aiohttp"}
# What is put there has its name when it is complete, so it needs no renaming.
_WHOLE_OBJECTS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"}


class StorageError(UserError, OSError):
    """A URL whose storage cannot be reached; the message says which and why."""


def is_url(name) -> bool:
    """Whether a name, or Path, is a URL."""
    return "://" in str(name)


def path(name):
    """A `Path`, or for a URL a `UPath`.

    Raises:
        StorageError: If the scheme of the URL is unknown or its library is missing.
    """
    if not is_url(name):
        return Path(name)
    try:
        import upath  # optional
    except ImportError:
        raise StorageError(
            f"{name} is a URL, which needs fsspec and universal-pathlib: pip install "
            "'tf_pretrain[storage]'"
        ) from None
    with reaching(name):
        found = upath.UPath(name)
        found.fs  # noqa: B018  imports the library of the scheme
    return found


@contextlib.contextmanager
def reaching(name):
    """Turns all that storage raises, of many libraries, into a StorageError.

    Errors of the operating system's kinds stay what they are.
    """
    scheme = str(name).partition("://")[0]
    try:
        yield
    except (UserError, FileNotFoundError, PermissionError):
        raise
    except ImportError as error:
        library = _LIBRARIES.get(scheme, f"the fsspec library of {scheme}://")
        raise StorageError(
            f"cannot reach {name}: {_first_line(error)} (pip install {library})"
        ) from error
    except Exception as error:
        raise StorageError(f"cannot reach {name}: {_first_line(error)}") from error


def find_files(pattern: str) -> list[tuple[str, int]]:
    """The files that match a glob, sorted, and their sizes in bytes.

    Raises:
        StorageError: See `path`; also if the storage does not answer.
    """
    if not is_url(pattern):
        names = glob.glob(pattern, recursive=True)
        return [(n, Path(n).stat().st_size) for n in sorted(names) if Path(n).is_file()]
    fs = path(pattern).fs
    with reaching(pattern):
        found = fs.glob(pattern, detail=True)
    return sorted(
        (fs.unstrip_protocol(name), info["size"])
        for name, info in found.items()
        if info["type"] == "file"
    )


def make_folder(folder) -> None:
    """Makes a folder and those above it; an object store has none, only names."""
    if not is_url(folder) or folder.protocol not in _WHOLE_OBJECTS:
        folder.mkdir(parents=True, exist_ok=True)


def open_to_read(name) -> BinaryIO:
    """Opens a file with all methods of one on a disk, to be closed by the caller."""
    if not is_url(name):
        return open(name, "rb")
    # fsspec's own files read no line of a limited size.
    return io.BufferedReader(path(name).open("rb"))


def put(local: Path, target) -> None:
    """Copies a file to a URL, where it is whole or not at all under its name.

    Raises:
        StorageError: If that fails, say because there is no such bucket.
    """
    try:
        with reaching(target):
            if target.protocol in _WHOLE_OBJECTS:
                target.fs.put_file(str(local), target.path)
            else:
                part = f"{target.path}.{local.name}"
                target.fs.put_file(str(local), part)
                target.fs.mv(part, target.path)
    except (FileNotFoundError, PermissionError) as error:
        raise StorageError(f"cannot write {target}: {_first_line(error)}") from error


def _first_line(error):
    return (str(error) or type(error).__name__).splitlines()[0]
