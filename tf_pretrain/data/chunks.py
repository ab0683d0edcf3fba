"""Plans record building: which part of the input becomes which shards.

A unit is about `shard_size_mb` of text: a range of a large file, or some small files.
It follows from the names and sizes of the files alone, so all units are known before
any text is read, and any process can build any of them. Most units become one shard;
text that can only be read from its start, as a large packed file, becomes several.

Held-out documents are chosen by a hash of their text, so that copies of a document are
all on the same side. There are few in each unit, so those of some dozens of units are
built together, by a task that reads these units once more.
"""

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Iterator

from tf_pretrain.config import DataConfig
from tf_pretrain.data import sources, text
from tf_pretrain.data.text import Notes, Range

TASKS = "tasks.json"  # the plan, for engines whose workers read it
SPLITS = TRAIN, HELDOUT = "train", "heldout"
_LARGEST_SHARD = 1.5  # times shard_size_mb; a unit is smaller, but for a long document


@dataclasses.dataclass(frozen=True)
class Unit:
    """Consecutive ranges of the input that are read together."""

    number: int
    ranges: tuple[Range, ...]
    size: int  # bytes, of packed files as they are


@dataclasses.dataclass(frozen=True)
class Task:
    """What one worker builds at a time: the documents of a split in some units."""

    split: str
    number: int
    units: tuple[Unit, ...]

    @property
    def state_name(self) -> str:
        """The file that says what is finished of the task."""
        return f"{self.split}-{self.number:06d}.json"

    def to_dict(self) -> dict:
        """As JSON can hold it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Task":
        """The task that `to_dict` gave."""
        units = [
            Unit(
                unit["number"], tuple(Range(**r) for r in unit["ranges"]), unit["size"]
            )
            for unit in values["units"]
        ]
        return cls(values["split"], values["number"], tuple(units))


@dataclasses.dataclass(frozen=True)
class Chunk:
    """The documents of a shard, or of a shard for each copy of the text."""

    split: str
    task: int
    part: int
    documents: list[list[str]]  # the lines of each
    text_bytes: int

    def shard_name(self, dupe: int) -> str:
        """The file of copy `dupe`."""
        return f"{self.split}-{self.task:06d}-{self.part:03d}-{dupe:02d}.tfrecord"


def plan_units(found: Iterable[sources.Source], megabytes: float) -> list[Unit]:
    """Cuts sources into units of at most so many megabytes, if they can be cut."""
    limit = megabytes * 1e6
    units, ranges, size = [], [], 0
    for source in found:
        for part, part_size in _cut(source, limit):
            if ranges and size + part_size > limit:
                units.append(Unit(len(units), tuple(ranges), size))
                ranges, size = [], 0
            ranges.append(part)
            size += part_size
    if ranges:
        units.append(Unit(len(units), tuple(ranges), size))
    return units


def _cut(source, limit):
    """Yields ranges of equal size, and their bytes."""
    number = math.ceil(source.size / limit) if source.length else 1
    if number <= 1:
        yield text.whole(source), source.size
        return
    bounds = [i * source.length // number for i in range(number + 1)]
    for start, stop in zip(bounds, bounds[1:], strict=False):
        yield Range(source.kind, source.name, start, stop), source.size // number


def plan_tasks(units: list[Unit], heldout_fraction: float) -> list[Task]:
    """One task a unit, and one for the held-out documents of some units before them."""
    if not heldout_fraction:
        return [Task(TRAIN, unit.number, (unit,)) for unit in units]
    tasks = []
    group_size = max(1, round(1 / heldout_fraction))
    for start in range(0, len(units), group_size):
        group = units[start : start + group_size]
        tasks.append(Task(HELDOUT, start // group_size, tuple(group)))
        tasks += [Task(TRAIN, unit.number, (unit,)) for unit in group]
    return tasks


def train_units(tasks: list[Task]) -> list[Unit]:
    """All units of a plan, each once."""
    return [task.units[0] for task in tasks if task.split == TRAIN]


def unit_documents(unit: Unit, data: DataConfig, notes: Notes) -> Iterator[list[str]]:
    """Streams the documents of a unit."""
    for part in unit.ranges:
        yield from text.range_documents(part, data.errors, data.encoding, notes)


def heldout_bound(units: list[Unit], data: DataConfig, seed: int) -> float:
    """The hash below which documents are held out; reads text until that is clear.

    It is `heldout_fraction`. But if no hash is below, the document with the smallest
    one is held out all the same, and the one with the largest never is (given a
    fraction above 0). So two different documents are enough to train and to evaluate.
    A few documents show that neither applies, and in a corpus of ordinary size these
    are among the first.
    """
    fraction = data.heldout_fraction
    if not fraction:
        return 0.0
    smallest, largest = 1.0, 0.0
    for unit in units:
        for document in unit_documents(unit, data, Notes()):
            value = uniform_hash(join(document), seed)
            smallest, largest = min(smallest, value), max(largest, value)
            if smallest < fraction <= largest:
                return fraction
    return min(max(fraction, math.nextafter(smallest, 1.0)), largest)


def uniform_hash(content: bytes, seed: int) -> float:
    """A number in [0, 1)."""
    digest = hashlib.blake2b(content, digest_size=8, key=f"{seed}".encode()).digest()
    return (int.from_bytes(digest, "little") >> 11) / 2**53  # exact in float64


def join(document: list[str]) -> bytes:
    """The text of a document as UTF-8."""
    return "\n".join(document).encode("utf-8", "replace")


def group_documents(
    task: Task, documents: Iterable[tuple[list[str], int]], data: DataConfig
) -> Iterator[Chunk]:
    """Yields the chunks of a task, given its documents and the bytes of each."""
    limit = _LARGEST_SHARD * data.shard_size_mb * 1e6
    pending, size, part = [], 0, 0
    for document, text_bytes in documents:
        pending.append(document)
        size += text_bytes
        if size >= limit:
            yield Chunk(task.split, task.number, part, pending, size)
            pending, size, part = [], 0, part + 1
    if pending:
        yield Chunk(task.split, task.number, part, pending, size)
