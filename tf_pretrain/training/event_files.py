"""Writes scalars for TensorBoard without TensorFlow."""

import os
import socket
import time
from pathlib import Path


class EventFile:
    """A file of scalars that TensorBoard shows. Each process writes a new one.

    Nothing is written if the package tensorboard is not installed.

    Args:
        folder: The folder for `tensorboard --logdir`; it is created if it is missing.
    """

    def __init__(self, folder):
        try:
            from tensorboard.compat.proto import event_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError:
            self._file = None
            return
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}"
        self._file = open(folder / f"{name}.{os.getpid()}", "ab")  # noqa: SIM115
        self._records, self._event_class = RecordWriter(self._file), event_pb2.Event
        self._write(file_version="brain.Event:2")

    def write(self, step: int, scalars: dict[str, float]) -> None:
        """Adds {tag: value} at a step."""
        if self._file is None:
            return
        values = [{"tag": tag, "simple_value": v} for tag, v in scalars.items()]
        self._write(step=step, summary={"value": values})

    def _write(self, **fields):
        event = self._event_class(wall_time=time.time(), **fields)
        self._records.write(event.SerializeToString())
        self._file.flush()
