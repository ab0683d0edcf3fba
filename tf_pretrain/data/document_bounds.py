"""Where a file may be cut so that its parts can be read apart from each other.

The place for a wanted position is a function of the file and that position alone, so
two readers that meet there agree on it without reading what lies before.
"""

from typing import BinaryIO

from tf_pretrain.data import text_files

# A document that goes on for longer is cut between two lines, and a line that goes on
# for longer at white space.
MAX_SEARCH_BYTES = 4_000_000
MAX_LINE_BYTES = 1 << 20


def find_bound(file: BinaryIO, wanted: int, size: int, form: str) -> int:
    """The first place at `wanted` or later where a document ends, or `size`.

    Args:
        file: Open for reading, UTF-8, not packed.
        wanted: Number of a byte.
        size: Of the file.
        form: One of `text_files`: PLAIN, WIKI or JSON.
    """
    if wanted <= 0:
        return 0
    if wanted >= size:
        return size
    # The line that began before `wanted`; only "\n" if one begins just there.
    file.seek(wanted - 1)
    begun = file.readline(MAX_LINE_BYTES)
    if not begun.endswith(b"\n") and wanted - 1 + len(begun) < size:
        return wanted + _cut(begun[1:])
    line_start = place = wanted - 1 + len(begun)
    if form == text_files.JSON:
        return line_start
    while place < wanted + MAX_SEARCH_BYTES:
        line = file.readline(MAX_LINE_BYTES)
        place += len(line)
        if not line or _ends_document(line, form):
            return place
    return line_start


def _ends_document(line, form):
    if form == text_files.WIKI:
        return line.strip() == b"</doc>"
    return not line.strip()


def _cut(line):
    """How many bytes of a line to leave before a cut: up to white space, if any."""
    for space in (b" ", b"\t"):
        if (index := line.find(space)) >= 0:
            return index + 1
    index = 0  # between two characters; one has three continuation bytes at most
    while index < 3 and line[index : index + 1] and line[index] & 0xC0 == 0x80:
        index += 1
    return index
