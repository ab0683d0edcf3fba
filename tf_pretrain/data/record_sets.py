"""Sets of record files: how many examples they hold, and which records are bad.

Training reads a fixed number of records from each file, without those that are left
out. So the position of every example, and with it batch s, is known before the first is
read.
"""

import contextlib
import dataclasses
import glob
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tf_pretrain import storage
from tf_pretrain.config import DataConfig
from tf_pretrain.data import records
from tf_pretrain.data.tfrecord import DamageError, TFRecordReader
from tf_pretrain.errors import ConfigError, UserError

_SCAN_ROWS = 1024  # records checked at a time
_TENSORFLOW_ERRORS = (  # of records that cannot be read
    "DataLossError",
    "FailedPreconditionError",
    "InvalidArgumentError",
    "NotFoundError",
    "PermissionDeniedError",
)


class RecordError(UserError, ValueError):
    """A record that cannot be used. The message has its file and its number, from 0."""


@dataclasses.dataclass(frozen=True)
class BadRecord:
    """A record that cannot be used, and why.

    `ends_file` says that nothing after it can be read either.
    """

    file: str
    number: int  # from 0
    reason: str
    ends_file: bool = False

    def __str__(self):
        return f"{self.file} record {self.number} (counted from 0): {self.reason}"


@dataclasses.dataclass(frozen=True)
class RecordSet:
    """Record files, and which of their records are used for training.

    Attributes:
        files: Their names, sorted.
        counts: For each file, how many records are read.
        left_out: (index of the file, number of the record) of the records to skip.
    """

    files: tuple[str, ...]
    counts: tuple[int, ...]
    left_out: tuple[tuple[int, int], ...] = ()

    @property
    def num_examples(self) -> int:
        return sum(self.counts) - len(self.left_out)

    def require_batch(self, batch_size: int) -> None:
        """Raises ConfigError if there are fewer examples than a batch."""
        if self.num_examples < batch_size:
            raise ConfigError(
                f"{self.num_examples} examples are too few for a batch of "
                f"{batch_size}; give more text or a smaller train.batch_size"
            )


def unusable(bad: BadRecord) -> RecordError:
    """The error of a run that meets a bad record; it says how to leave it out."""
    return RecordError(f'{bad}; train.bad_records="skip" leaves such records out')


def damaged(file: str, number: int, error: DamageError) -> BadRecord:
    """The bad record that stands for the damage of a file."""
    reason = f"it and what follows cannot be read ({error})"
    return BadRecord(file, number, reason, ends_file=True)


def too_short(file: str, number: int, count: int) -> BadRecord:
    """The record `number` that is missing in a file that should have `count`."""
    reason = f"the file ends before it, but should have {count} records"
    return BadRecord(file, number, reason, ends_file=True)


def find_records(pattern: str) -> RecordSet:
    """Files that match comma-separated globs, and how many examples they hold.

    If the builder's manifest is beside the files, the counts come from it. Otherwise,
    as for records of the original programs, the files are read once to count.

    Raises:
        ConfigError: If nothing matches, or a manifest is damaged.
        RecordError: If a file without a manifest cannot be read to its end.
    """
    files, counts = _files(pattern)
    for name in files:
        if name not in counts:
            counts[name] = 0
            for record in _read(name):
                if isinstance(record, BadRecord):
                    raise RecordError(str(record))
                counts[name] += 1
    return RecordSet(tuple(files), tuple(counts[name] for name in files))


def find_good_records(
    pattern: str, data: DataConfig, vocab_size: int
) -> tuple[RecordSet, list[BadRecord]]:
    """Like `find_records`, but reads and checks every record and leaves out bad ones.

    The numbers of the left-out records are part of the set, so batch s is still a
    function of (seed, s). If a file is damaged so that its rest cannot be read, the
    records before the damage are kept.

    Returns:
        The set without bad records, and the bad records in file order.

    Raises:
        ConfigError: If nothing matches, or a manifest is damaged.
    """
    files, manifest_counts = _files(pattern)
    counts, bad, left_out = [], [], []
    for index, name in enumerate(files):
        count = 0
        for record in _check(name, manifest_counts.get(name), data, vocab_size):
            if isinstance(record, BadRecord):
                bad.append(record)
                if record.ends_file:
                    continue
                left_out.append((index, record.number))
            count += 1
        counts.append(count)
    return RecordSet(tuple(files), tuple(counts), tuple(left_out)), bad


@contextlib.contextmanager
def naming_bad_records(
    record_sets: list[RecordSet], data: DataConfig, vocab_size: int
) -> Iterator[None]:
    """A context for code that reads batches. It names the record that made them fail.

    The pipeline does not keep track of where an example came from, because this would
    cost time at every step. Instead the files are read again after a failure.

    Raises:
        RecordError: Instead of TensorFlow's error, if a bad record is found.
    """
    try:
        yield
    except _reading_errors() as error:
        for record_set in record_sets:
            for name, count in zip(record_set.files, record_set.counts, strict=True):
                for record in _check(name, count, data, vocab_size):
                    if isinstance(record, BadRecord):
                        raise unusable(record) from error
        raise


def _reading_errors():
    """The errors that reading may raise without a name: TensorFlow's, if in use."""
    if "tensorflow" not in sys.modules:
        return ()
    errors = sys.modules["tensorflow"].errors
    # TensorFlow's message quotes the bytes of a record, which may not be text.
    return (UnicodeDecodeError, *(getattr(errors, name) for name in _TENSORFLOW_ERRORS))


def _files(pattern):
    """The files that match, and the counts {file: examples} that manifests know."""
    if storage.is_url(pattern):
        raise ConfigError(
            f"{pattern}: records are read from disks; copy them to this machine, or "
            "mount the bucket"
        )
    found = {name for part in pattern.split(",") for name in glob.glob(part)}
    files = sorted(map(str, map(Path, found)))  # without "./", as names below
    if not files:
        raise ConfigError(f"no record file matches {pattern!r}")
    counts = {}
    for folder in {Path(name).parent for name in files}:
        manifest = folder / "manifest.json"
        if manifest.exists():
            try:
                shards = json.loads(manifest.read_text(encoding="utf-8"))["shards"]
                for shard in shards:
                    counts[str(folder / shard["file"])] = int(shard["examples"])
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{manifest} is damaged ({error!r}); delete it to have the "
                    "records counted"
                ) from error
    return files, counts


def _read(name):
    """Yields the records of a file as bytes; at damage a BadRecord, and stops."""
    number = 0
    try:
        with TFRecordReader(name) as reader:
            while some := reader.read(_SCAN_ROWS):
                yield from some
                number += len(some)
    except DamageError as error:
        yield damaged(name, number, error)


def _check(name, count, data, vocab_size):
    """Yields None or a BadRecord for each record of a file, in order.

    Args:
        count: How many records the file should have, or None if this is unknown.
            Further records are not examined.
    """
    pending, number = [], 0

    def checked():
        _, reasons = records.decode_examples(pending, data, vocab_size)
        for i, reason in enumerate(reasons, number - len(pending)):
            yield reason and BadRecord(name, i, reason)

    for record in _read(name):
        if number == count:
            break
        if isinstance(record, BadRecord):
            yield from checked()
            yield record
            return
        pending.append(record)
        number += 1
        if len(pending) == _SCAN_ROWS:
            yield from checked()
            pending = []
    yield from checked()
    if count is not None and number < count:
        yield too_short(name, number, count)
