"""Reads the examples of one record file in order, parses and checks them."""

import bisect

import numpy as np

from tf_pretrain.config import DataConfig
from tf_pretrain.data import record_sets, records
from tf_pretrain.data.record_sets import BadRecord, RecordSet
from tf_pretrain.data.tfrecord import DamageError, TFRecordReader

_MIN_ROWS = 1024  # parsed at a time; smaller groups cost more for each example


class ExampleReader:
    """Reads ranges of examples of a file, each at or after the end of the last one.

    Records that the set leaves out are not counted in the numbers of examples.
    """

    def __init__(
        self,
        record_set: RecordSet,
        index: int,
        data: DataConfig,
        vocab_size: int,
        allow_empty: bool = False,
    ):
        """
        Args:
            record_set: The set that the file belongs to.
            index: The index of the file in the set.
            data, vocab_size: What the examples must agree with.
            allow_empty: Whether an example may have no token.
        """
        self._name, self._count = record_set.files[index], record_set.counts[index]
        self._left_out = sorted(n for i, n in record_set.left_out if i == index)
        self._data, self._vocab_size = data, vocab_size
        self._allow_empty = allow_empty
        self._reader = None
        self._parsed = None  # {name: [n, L]}, examples from `_first` on
        self._first, self._end = 0, 0  # number of the first parsed example

    @property
    def num_examples(self) -> int:
        return self._count - len(self._left_out)

    def close(self) -> None:
        """Closes the file."""
        if self._reader is not None:
            self._reader.close()

    def read(self, first: int, end: int) -> dict[str, np.ndarray]:
        """Returns examples `first` to `end` - 1.

        Returns:
            {name: [end - first, L]}, the input of a Featurizer, as small integers or
            float32.

        Raises:
            RecordError: If a record cannot be used. The message names it.
        """
        try:
            if self._reader is None:
                self._reader = TFRecordReader(self._name)
            if first >= self._end:
                self._skip(first - self._end)
                self._parsed, self._first, self._end = None, first, first
            parts = [self._parsed] if self._parsed else []
            while self._end < end:
                wanted = max(end - self._end, _MIN_ROWS)
                parts.append(self._parse(min(wanted, self.num_examples - self._end)))
                self._end += len(parts[-1]["input_ids"])
        except DamageError as error:
            number = self._reader.number if self._reader else 0
            bad = record_sets.damaged(self._name, number, error)
            raise record_sets.unusable(bad) from error
        if len(parts) > 1:
            parts = [{n: np.concatenate([p[n] for p in parts]) for n in parts[0]}]
        rows = slice(first - self._first, end - self._first)
        self._parsed = {name: values[rows.stop :] for name, values in parts[0].items()}
        self._first = end
        return {name: values[rows] for name, values in parts[0].items()}

    def _parse(self, count):
        """The next `count` examples, or fewer if a left-out record comes earlier."""
        serialized = self._reader.read(min(count, self._before_left_out()))
        number = self._reader.number - len(serialized)
        if not serialized:
            bad = record_sets.too_short(self._name, number, self._count)
            raise record_sets.unusable(bad)
        features, reasons = records.decode_examples(
            serialized, self._data, self._vocab_size
        )
        for i, reason in enumerate(reasons, number):
            if reason and not (self._allow_empty and reason == records.NO_TOKEN):
                raise record_sets.unusable(BadRecord(self._name, i, reason))
        features.pop("token_boundary", None)  # our dynamic masks do not use it
        return {name: _narrow(values) for name, values in features.items()}

    def _skip(self, count):
        """Skips examples without parsing them."""
        while count:
            step = min(count, self._before_left_out())
            self._reader.skip(step)
            count -= step

    def _before_left_out(self):
        """The number of examples before the next record that is left out.

        Left-out records at this point are skipped first, so the number is at least one.
        """
        place = bisect.bisect_left(self._left_out, self._reader.number)
        while self._left_out[place : place + 1] == [self._reader.number]:
            self._reader.skip(1)
            place += 1
        following = [*self._left_out[place : place + 1], self._count][0]
        if following <= self._reader.number:
            raise DamageError("there are fewer examples than were asked for")
        return following - self._reader.number


def _narrow(values):
    """The values as one or two bytes each, if they fit."""
    if values.dtype == np.uint8 or values.dtype == np.float32:
        return values
    if values.size and 0 <= values.min() <= values.max() < 1 << 16:
        return values.astype(np.uint16)
    return values.astype(np.int32)
