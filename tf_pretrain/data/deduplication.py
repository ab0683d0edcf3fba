"""Finds lines (paragraphs) that came before in the input, by their hashes.

As Wenzek et al. (2020, "CCNet", section 3.1) do, a line is known by 64 bits of a hash.
Each unit of the input gives the hashes of its lines, which are shared out by value;
all copies of a line meet in one partition, where all but the first are repeats. Both
engines call the functions here, and differ in how rows come together: on a local disk,
or by the shuffle of Apache Beam. Memory is bounded by the size of a partition.
"""

import functools
import hashlib
import itertools
import math
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tf_pretrain import atomic_files, storage
from tf_pretrain.config import DataConfig
from tf_pretrain.data import chunks, local_engine
from tf_pretrain.data.chunks import Unit
from tf_pretrain.data.text_files import Notes

FOLDER = "duplicates"  # in that of the records, until they are finished
_FINISHED = "finished.json"
_PARTITION_BYTES = 256e6  # of text; some 3 million lines of 100 characters
_ROW = np.dtype([("hash", "<u8"), ("unit", "<u4"), ("line", "<u4")])
_LINE = np.dtype("<u4")


def num_partitions(units: list[Unit]) -> int:
    """How many partitions there are for some units."""
    return max(1, math.ceil(sum(unit.size for unit in units) / _PARTITION_BYTES))


def line_hashes(data: DataConfig, partitions: int, unit: Unit) -> list:
    """The rows of a unit's lines: (number of the partition, bytes of `_ROW`)."""
    rows = []
    documents = chunks.unit_documents(unit, data, Notes())
    for number, line in enumerate(itertools.chain.from_iterable(documents)):
        if len(line) >= data.deduplicate_min_chars:
            content = line.encode("utf-8", "replace")
            digest = hashlib.blake2b(content, digest_size=8).digest()
            rows.append((int.from_bytes(digest, "little"), unit.number, number))
    rows = np.array(rows, _ROW)
    owners = rows["hash"] % np.uint64(partitions)
    return [(int(i), rows[owners == i].tobytes()) for i in np.unique(owners)]


def find_repeats(parts: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The repeats among the rows of a partition, in any order.

    Yields: (number of the unit, numbers of its lines as bytes of `_LINE`).
    """
    rows = np.frombuffer(b"".join(parts), _ROW)
    rows = rows[np.lexsort((rows["line"], rows["unit"], rows["hash"]))]
    rows = rows[1:][rows["hash"][1:] == rows["hash"][:-1]]
    rows = rows[np.argsort(rows["unit"], kind="stable")]
    units, starts = np.unique(rows["unit"], return_index=True)
    for unit, lines in zip(units, np.split(rows["line"], starts[1:]), strict=False):
        yield int(unit), lines.astype(_LINE).tobytes()


def write_repeats(folder: str, unit: int, parts: Iterable[bytes]) -> None:
    """Writes the repeats of a unit, sorted, for `read_repeats`."""
    lines = np.sort(np.frombuffer(b"".join(parts), _LINE))
    target = _unit_file(folder, unit)
    with atomic_files.replacing(target, is_shared=True) as temporary:
        temporary.write_bytes(lines.tobytes())


def read_repeats(folder: str, unit: int) -> frozenset[int]:
    """The numbers, within their unit, of the lines to leave out."""
    try:
        content = _unit_file(folder, unit).read_bytes()
    except FileNotFoundError:
        return frozenset()  # none, as for most units of clean text
    return frozenset(np.frombuffer(content, _LINE).tolist())


def is_finished(folder: str) -> bool:
    """Whether all repeats have been found."""
    return (storage.path(folder) / FOLDER / _FINISHED).exists()


def finish(folder: str) -> None:
    """Notes that all repeats have been found."""
    atomic_files.write_json(storage.path(folder) / FOLDER / _FINISHED, {})


def remove(folder: str) -> None:
    """Removes what was written here, once the records are built."""
    path = storage.path(folder) / FOLDER
    if path.exists():
        for file in path.iterdir():
            file.unlink()
        if path.exists():  # an object store's folder is gone with its last file
            path.rmdir()


def find_locally(
    folder: str, units: list[Unit], data: DataConfig, num_workers: int
) -> None:
    """Finds the repeats of all units with processes and disk of this machine."""
    if is_finished(folder):
        return
    storage.make_folder(storage.path(folder) / FOLDER)
    with tempfile.TemporaryDirectory() as scratch:
        hashes = functools.partial(line_hashes, data, num_partitions(units))
        for found in local_engine.run(hashes, units, num_workers):
            _append(scratch, "hashes", found)
        partitions = sorted(Path(scratch).glob("hashes-*"))
        for found in local_engine.run(_repeats_of_file, partitions, num_workers):
            _append(scratch, "unit", found)
        for file in Path(scratch).glob("unit-*"):
            write_repeats(folder, int(file.name[5:]), [file.read_bytes()])
    finish(folder)


def _append(scratch, kind, found):
    """Appends bytes to the file of each number."""
    for number, content in found:
        with open(Path(scratch, f"{kind}-{number:06d}"), "ab") as file:
            file.write(content)


def _repeats_of_file(path):
    return list(find_repeats([path.read_bytes()]))


def _unit_file(folder, unit):
    return storage.path(folder) / FOLDER / f"{unit:06d}.bin"
