"""The lines of any text file, as blocks in which an empty line ends a document.

All formats become such lines, so other modules need not know the formats. All encodings
become UTF-8, so lines are split in one way. Memory does not grow with the file.
"""

import dataclasses
import io
import json
from collections.abc import Iterator

from tf_pretrain import storage
from tf_pretrain.data import encodings, text_files
from tf_pretrain.data.document_bounds import MAX_LINE_BYTES, find_bound
from tf_pretrain.data.text_files import Notes, TextError

MAX_JSON_LINE_BYTES = 1 << 26
BLOCK_BYTES = 1 << 20


def line_blocks(
    path: str,
    errors: str,
    encoding: str,
    notes: Notes,
    bounds: tuple[int, int | None] = (0, None),
) -> Iterator[list[str]]:
    """Yields the lines of a file in groups; an empty line ends a document.

    Args:
        bounds: First byte and end of the part that is read, as `find_bound` moves
            them; of files that are not seekable all is read.

    Raises:
        TextError: If it is not text, cannot be read, or is not in its encoding.
    """
    file = text_files.recognise(path, encoding)
    file.note(encoding, notes)
    with file.reading() as opened:
        place, stream = _part(file, opened, bounds)
        if file.encoding != encodings.UTF8:
            raw = encodings.Utf8Reader(
                opened, file.encoding, errors, notes.count_replaced, BLOCK_BYTES
            )
            stream = io.BufferedReader(raw, BLOCK_BYTES)
        try:
            if file.form == text_files.JSON:
                yield from _json_blocks(stream, place, errors, notes)
            else:
                blocks = _decoded_blocks(stream, place, errors, notes)
                yield from _WITHOUT_MARKUP[file.form](file, blocks)
        except encodings.EncodedTextError as error:
            raise TextError(
                f"{path} line {error.line} is not {file.encoding} ({error.reason} at "
                f"byte {error.byte + file.mark_bytes}); set --config.data.encoding to "
                "its encoding"
            ) from error


def _part(file, opened, bounds):
    """The place where the part to read begins, and a stream of the part."""
    start, stop = bounds
    place = Place(file.path, file.mark_bytes)
    if not file.is_seekable or bounds == (0, None):
        opened.read(file.mark_bytes)
        return place, opened
    size = opened.seek(0, io.SEEK_END)
    end = size if stop is None else find_bound(opened, stop, size, file.form)
    begin = find_bound(opened, start, size, file.form)
    if begin > file.mark_bytes:
        place = Place(file.path, begin, lines_before=begin)
    opened.seek(place.byte)
    return place, io.BufferedReader(_Part(opened, end - place.byte), BLOCK_BYTES)


@dataclasses.dataclass
class Place:
    """Where in a file its reader is, for messages.

    Attributes:
        path: Of the file, or the name of what else the text is of.
        byte: Number of the next byte.
        line: Number of the next line, from where reading began.
        lines_before: Bytes whose lines are not counted in `line`.
    """

    path: str
    byte: int = 0
    line: int = 1
    lines_before: int = 0

    def pass_over(self, block: bytes) -> None:
        """Moves on behind a block."""
        self.byte += len(block)
        self.line += block.count(b"\n")

    def line_number(self) -> int:
        """Number of the next line; reads all of the file that lies before the part."""
        left, number = self.lines_before, self.line
        if left:
            with storage.open_to_read(self.path) as file:
                while left and (block := file.read(min(left, BLOCK_BYTES))):
                    left -= len(block)
                    number += block.count(b"\n")
        return number


class _Part(io.RawIOBase):
    """The next `size` bytes of a file."""

    def __init__(self, file, size):
        self._file, self._left = file, size

    def readable(self):
        return True

    def readinto(self, buffer):
        block = self._file.read(min(len(buffer), max(0, self._left)))
        self._left -= len(block)
        buffer[: len(block)] = block
        return len(block)


def _decoded_blocks(stream, place, errors, notes):
    rest = b""
    while block := stream.read(BLOCK_BYTES):
        block = rest + block
        end = block.rfind(b"\n") + 1
        if not end and len(block) > MAX_LINE_BYTES:
            end = _cut(block)
        block, rest = block[:end], block[end:]
        if block:
            text = decode(block, place, errors, notes)
            yield text.removesuffix("\n").split("\n")
            place.pass_over(block)
    yield [decode(rest, place, errors, notes)]


def _cut(block):
    """Where a long line is split: after white space, or else between two characters."""
    end = max(block.rfind(b" "), block.rfind(b"\t")) + 1
    if not end:
        end = len(block) - 1
        # A UTF-8 sequence has at most three such bytes. If there are more, this is not
        # UTF-8, and going back over all of them would leave nearly the whole block for
        # the next time.
        while end > len(block) - 4 and block[end] & 0xC0 == 0x80:
            end -= 1
    return end


def decode(block: bytes, place: Place, errors: str, notes: Notes) -> str:
    """Decodes UTF-8.

    Args:
        block: The bytes.
        place: Where they begin, for the message.
        errors: "strict", or "replace" to read invalid bytes as U+FFFD.
        notes: Counts replaced characters.

    Raises:
        TextError: If it is not UTF-8 and errors is "strict".
    """
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        if errors == "replace":
            text = block.decode("utf-8", "replace")
            own = block.count("\ufffd".encode())
            notes.count_replaced(text.count("\ufffd") - own)
            return text
        line = place.line_number() + block.count(b"\n", 0, error.start)
        raise TextError(
            f"{place.path} line {line} is not UTF-8 ({error.reason} at byte "
            f"{place.byte + error.start}); {encodings.advice(block)}"
        ) from error


def _json_blocks(stream, place, errors, notes):
    """Yields the lines of each text, and an empty one after it."""
    while line := stream.readline(MAX_JSON_LINE_BYTES):
        content = decode(line, place, errors, notes)
        if content.strip():
            text = _json_text(content, place, errors, notes)
            yield [part for part in text.split("\n") if part.strip()] + [""]
        place.pass_over(line)


def _json_text(content, place, errors, notes):
    try:
        encoded = json.loads(content)["text"].encode("utf-8", "surrogatepass")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise TextError(
            f"{place.path} line {place.line_number()} is not a JSON object with a "
            'string "text"'
        ) from None
    # Half of a surrogate pair, "\ud83d", is valid JSON but not a character.
    return decode(encoded, dataclasses.replace(place, byte=0), errors, notes)


def _without_doc_tags(file, blocks):
    """Yields an empty line for each tag, and drops empty lines between paragraphs."""
    for lines in blocks:
        kept = []
        for line in lines:
            if text_files.DOC_TAG.fullmatch(line.strip()):
                kept.append("")
            elif line.strip():
                # WikiExtractor escapes these three, the last one first.
                line = line.replace("&lt;", "<").replace("&gt;", ">")
                kept.append(line.replace("&amp;", "&"))
        yield kept


def _without_front_matter(file, blocks):
    skip = file.front_lines
    for lines in blocks:
        yield lines[skip:]
        skip = max(0, skip - len(lines))


_WITHOUT_MARKUP = {
    text_files.PLAIN: lambda file, blocks: blocks,
    text_files.WIKI: _without_doc_tags,
    text_files.FRONT_MATTER: _without_front_matter,
}
