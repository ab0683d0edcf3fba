"""Reports the progress of record building from time to time."""

import sys
import time
from collections.abc import Callable

from tf_pretrain.data.text_files import PACKED_SUFFIXES

_SECONDS_BETWEEN_LINES = 5.0


def print_line(line: str) -> None:
    """Prints a line to stderr."""
    print(line, file=sys.stderr, flush=True)


class Progress:
    """Speed, counts and, if the size of the text is known, the remaining time.

    Args:
        inputs: See `text.describe_inputs`.
        dupe_factor: Number of copies of the text that are built.
        show: Called with a line; None for silence.
    """

    def __init__(self, inputs, dupe_factor, show: Callable[[str], None] | None):
        self._show = show or (lambda line: None)
        sizes = [item.get("size") for item in inputs]
        # Compressed files hold more text than their size, and `docs` (sources with
        # code) less.
        is_known = all(sizes) and not any(
            item["name"].endswith(PACKED_SUFFIXES) or item["name"] == "docs"
            for item in inputs
        )
        self._total_bytes = sum(sizes) * dupe_factor if is_known else None
        self._start = self._last_line = time.monotonic()
        self._bytes = self._skipped_bytes = self._examples = 0

    def add(self, state: dict) -> None:
        """Counts the state of a task, and shows a line if it is time for one."""
        text_bytes = sum(shard["text_bytes"] for shard in state["shards"])
        if state["was_finished"]:
            self._skipped_bytes += text_bytes
            return
        self._bytes += text_bytes
        self._examples += sum(shard["examples"] for shard in state["shards"])
        now = time.monotonic()
        if now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        speed = self._bytes / (now - self._start)
        line = f"{self._bytes / 1e6:.1f} MB of text"
        if self._skipped_bytes:
            line += f" (and {self._skipped_bytes / 1e6:.1f} MB found finished)"
        line += f", {speed / 1e6:.2f} MB/s, {self._examples} examples"
        if self._total_bytes:
            left = self._total_bytes - self._bytes - self._skipped_bytes
            line += f", about {max(0, left) / speed:.0f} s left"
        self._show(line)

    def finish(self, totals: dict) -> None:
        """Shows the last line."""
        self._show(
            f"{totals['examples']} examples with {totals['real_tokens']} tokens, "
            f"{totals['kept_fraction']:.1%} of the text kept, "
            f"{totals['unknown_fraction']:.1%} of its pieces unknown, "
            f"{totals['padding_fraction']:.0%} padding, "
            f"{time.monotonic() - self._start:.0f} s"
        )
