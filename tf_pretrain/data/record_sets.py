"""Sets of record files: how many examples they hold, and which records are bad.

Training reads a fixed number of records of each file, less those that are left out;
so the position of every example, hence batch s, is known before the first is read.
"""

import contextlib
import dataclasses
import glob
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_pretrain.config import ConfigError, DataConfig, UserError
from tf_pretrain.data import records

_SCAN_ROWS = 256  # records checked at a time
_FILE_STRIDE = 1 << 40  # more than a file has records


class RecordError(UserError, ValueError):
    """A record that cannot be used; names its file and its number, from 0."""


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
    """Record files, and which of their records are examples to train on.

    Attributes:
        files: Their names, sorted.
        counts: For each file, how many records to read.
        left_out: (index of the file, number of the record) of those to pass over.
    """

    files: tuple[str, ...]
    counts: tuple[int, ...]
    left_out: tuple[tuple[int, int], ...] = ()

    @property
    def num_examples(self) -> int:
        return sum(self.counts) - len(self.left_out)

    def read_file(self, index) -> tf.data.Dataset:
        """The serialized examples of file `index`, an int64 scalar tensor.

        Iterating fails with FailedPreconditionError if the file has fewer records
        than `counts` says.
        """
        count = tf.gather(tf.constant(self.counts, tf.int64), index)
        dataset = (
            tf.data.TFRecordDataset(tf.gather(tf.constant(self.files), index))
            .take(count)
            .apply(tf.data.experimental.assert_cardinality(count))
        )
        if not self.left_out:
            return dataset
        keys = tf.constant(
            sorted(file * _FILE_STRIDE + number for file, number in self.left_out),
            tf.int64,
        )

        def is_kept(number, serialized):
            key = index * _FILE_STRIDE + number
            place = tf.searchsorted(keys, [key])[0]
            return tf.gather(keys, tf.minimum(place, len(self.left_out) - 1)) != key

        return dataset.enumerate().filter(is_kept).map(lambda _, example: example)


def find_records(pattern: str) -> RecordSet:
    """Files matching comma-separated globs, and how many examples they hold.

    The count comes from the builder's manifest where there is one beside the files;
    records of the original programs are read through once.

    Raises:
        ConfigError: If nothing matches, or a manifest is damaged.
        RecordError: If a file that no manifest counts cannot be read to its end.
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
    """As `find_records`, but reads and checks every record and leaves out bad ones.

    The numbers of the records left out are part of the set, so batch s is a function
    of (seed, s) as ever. Of a file that is damaged in such a way that its rest cannot
    be read, the records before the damage are kept.

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
    """Around code that reads batches: says which record made it fail.

    The pipeline does not carry along where an example came from, which would cost
    something at every step; the files are read again, once it has failed.

    Raises:
        RecordError: Instead of TensorFlow's error, if a bad record is found.
    """
    try:
        yield
    except (
        tf.errors.DataLossError,
        tf.errors.FailedPreconditionError,
        tf.errors.InvalidArgumentError,
        tf.errors.NotFoundError,
        tf.errors.PermissionDeniedError,
        UnicodeDecodeError,  # TensorFlow's message quotes the bytes of a record
    ) as error:
        for record_set in record_sets:
            for name, count in zip(record_set.files, record_set.counts, strict=True):
                for record in _check(name, count, data, vocab_size):
                    if isinstance(record, BadRecord):
                        raise RecordError(
                            f'{record}; train.bad_records="skip" leaves such records '
                            "out"
                        ) from error
        raise


def _files(pattern):
    """The files that match, and the counts {file: examples} that manifests know."""
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
    number, iterator = 0, tf.data.TFRecordDataset(name).as_numpy_iterator()
    while True:
        try:
            record = next(iterator)
        except StopIteration:
            return
        except tf.errors.OpError as error:
            reason = f"it and what follows cannot be read ({error.message})"
            yield BadRecord(name, number, reason, ends_file=True)
            return
        yield record
        number += 1


def _check(name, count, data, vocab_size):
    """Yields for each record of a file, in order, None or a BadRecord.

    Args:
        count: How many the file should have; None if that is not known. More are not
            looked at.
    """
    spec = records.feature_spec(data)
    pending, number = [], 0

    def checked():
        reasons = _reasons(pending, spec, data, vocab_size)
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
        reason = f"the file ends before it, but should have {count} records"
        yield BadRecord(name, number, reason, ends_file=True)


def _reasons(serialized, spec, data, vocab_size):
    """For each record why it cannot be used, or None."""
    if not serialized:
        return []
    try:
        parsed = tf.io.parse_example(serialized, spec)
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        if len(serialized) == 1:
            message = getattr(error, "message", "its bytes are no tf.train.Example")
            return [message.split(" [Op:")[0]]
        return [_reasons([one], spec, data, vocab_size)[0] for one in serialized]
    features = {name: value.numpy() for name, value in parsed.items()}
    faults = records.find_faults(features, data, vocab_size)
    reasons = np.full(len(serialized), None, object)
    for reason, rows in faults.items():
        reasons[rows] = reason
    return reasons.tolist()
