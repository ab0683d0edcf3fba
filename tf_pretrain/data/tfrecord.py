"""The TFRecord file format, without TensorFlow.

A file is a sequence of frames. A frame is the length of a record as uint64, a checksum
of these eight bytes, the record, and a checksum of the record, all little-endian. The
checksums are CRC-32C. They are masked, because a checksum of data that contains
checksums would be weak.
"""

import functools
import os
import struct
from collections.abc import Iterable

import google_crc32c

_HEADER = struct.Struct("<QI")  # length, its checksum
_FRAME_BYTES = 16  # size of a frame without the record
_LENGTH = struct.Struct("<Q")
_BUFFER_BYTES = 1 << 18  # bytes read at a time of each open file; a few hundred records


class DamageError(ValueError):
    """A record, and with it the rest of its file, cannot be read."""


class TFRecordReader:
    """Reads a file from its start, many records at a time, and checks all checksums.

    Use it as a context manager, or call `close`.

    Attributes:
        number: Number of the next record, from 0.
    """

    def __init__(self, path: str | os.PathLike):
        """Opens a file.

        Raises:
            DamageError: If it cannot be opened.
        """
        self.number = 0
        try:
            self._file = open(path, "rb", buffering=_BUFFER_BYTES)
            self._size = os.fstat(self._file.fileno()).st_size
            self._left = self._size  # bytes that are not yet read
        except OSError as error:
            raise _as_damage(error) from error

    def __enter__(self) -> "TFRecordReader":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def read(self, count: int) -> list[bytes]:
        """Returns the next records: `count`, or fewer before the end or a damaged one.

        An empty list means that the file ends here.

        Raises:
            DamageError: If the very next record cannot be read.
        """
        records = []
        try:
            self._file.seek(self._size - self._left)  # the last call may have failed
            while len(records) < count and self._left:
                size = self._next_size()
                record, checksum = self._file.read(size), self._file.read(4)
                if len(checksum) < 4:
                    raise DamageError("the file ends within it")
                if _masked_checksum(record) != int.from_bytes(checksum, "little"):
                    raise DamageError("its checksum is wrong")
                self._left -= _FRAME_BYTES + size
                self.number += 1
                records.append(record)
        except (DamageError, OSError) as error:
            if not records:
                raise _as_damage(error) from None
        return records

    def skip(self, count: int) -> None:
        """Skips `count` records without checking the checksums of their contents.

        Raises:
            DamageError: If there are fewer records. `number` is then that of the first
                missing one.
        """
        self._file.seek(self._size - self._left)
        for _ in range(count):
            if not self._left:
                raise DamageError("the file ends before it")
            size = self._next_size()
            self._file.seek(size + 4, os.SEEK_CUR)
            self._left -= _FRAME_BYTES + size
            self.number += 1

    def _next_size(self):
        """Reads the header of a frame; returns the size of the record."""
        header = self._file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise DamageError("the file ends within it")
        size, checksum = _HEADER.unpack(header)
        if _length_checksum(size) != checksum:
            raise DamageError("the checksum of its length is wrong")
        if size + _FRAME_BYTES > self._left:
            raise DamageError("the file ends within it")
        return size


def write_records(path: str | os.PathLike, records: Iterable[bytes]) -> None:
    """Writes a TFRecord file.

    Raises:
        OSError: If it cannot be written.
    """
    with open(path, "wb", buffering=_BUFFER_BYTES) as file:
        for record in records:
            file.write(_HEADER.pack(len(record), _length_checksum(len(record))))
            file.write(record)
            file.write(_masked_checksum(record).to_bytes(4, "little"))


def _as_damage(error):
    """The error itself, or what the operating system says."""
    if isinstance(error, OSError):
        return DamageError(error.strerror or str(error))
    return error


@functools.lru_cache(maxsize=1 << 16)  # the records of a run have few different sizes
def _length_checksum(size):
    """The masked checksum of the eight bytes of a length."""
    return _masked_checksum(_LENGTH.pack(size))


def _masked_checksum(data):
    """The CRC-32C of bytes, rotated by 15 bits, plus a constant."""
    checksum = google_crc32c.value(data)
    return (checksum >> 15 | checksum << 17) + 0xA282EAD8 & 0xFFFFFFFF
