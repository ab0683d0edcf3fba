"""The lines of any text file, as blocks in which an empty line ends a document.

All formats become such lines, so other modules need not know the formats. All encodings
become UTF-8, so lines are split in one way. Memory does not grow with the file.
"""

import io
import json
from collections.abc import Iterator

from tf_pretrain.data import encodings, text_files
from tf_pretrain.data.text_files import Notes, TextError

MAX_LINE_BYTES = 1 << 20
MAX_JSON_LINE_BYTES = 1 << 26
BLOCK_BYTES = 1 << 20


def line_blocks(
    path: str, errors: str, encoding: str, notes: Notes
) -> Iterator[list[str]]:
    """Yields the lines of a file in groups; an empty line ends a document.

    Raises:
        TextError: If it is not text, cannot be read, or is not in its encoding.
    """
    file = text_files.recognise(path, encoding)
    if file.form != text_files.PLAIN:
        notes.recognise(path, text_files.FORMS[file.form])
    if file.encoding != encoding or file.encoding.startswith("utf-16"):
        notes.recognise(path, f"text in {file.encoding}")
    with text_files.readable(path), file.open(path, "rb") as opened:
        opened.read(file.mark_bytes)
        stream = opened
        if file.encoding != encodings.UTF8:
            raw = encodings.Utf8Reader(
                opened, file.encoding, errors, notes.count_replaced, BLOCK_BYTES
            )
            stream = io.BufferedReader(raw, BLOCK_BYTES)
        try:
            if file.form == text_files.JSON:
                yield from _json_blocks(path, stream, errors, notes)
            else:
                blocks = _decoded_blocks(file, stream, errors, notes)
                yield from _WITHOUT_MARKUP[file.form](file, blocks)
        except encodings.EncodedTextError as error:
            raise TextError(
                f"{path} line {error.line} is not {file.encoding} ({error.reason} at "
                f"byte {error.byte + file.mark_bytes}); set --config.data.encoding to "
                "its encoding"
            ) from error


def _decoded_blocks(file, stream, errors, notes):
    rest, number = b"", 1  # number of the line that `rest` begins
    offset = file.mark_bytes  # of its first byte
    while block := stream.read(BLOCK_BYTES):
        block = rest + block
        end = block.rfind(b"\n") + 1
        if not end and len(block) > MAX_LINE_BYTES:
            end = _cut(block)
        block, rest = block[:end], block[end:]
        if block:
            text = decode(file.path, block, number, errors, notes, offset)
            yield text.removesuffix("\n").split("\n")
            number += block.count(b"\n")
            offset += len(block)
    yield [decode(file.path, rest, number, errors, notes, offset)]


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


def decode(
    where: str, block: bytes, number: int, errors: str, notes: Notes, offset: int = 0
) -> str:
    """Decodes UTF-8.

    Args:
        where: The file or example, for the message.
        number: Number of the first line of the block.
        errors: "strict", or "replace" to read invalid bytes as U+FFFD.
        notes: Counts replaced characters.
        offset: Offset of the first byte of the block.

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
        line = number + block.count(b"\n", 0, error.start)
        raise TextError(
            f"{where} line {line} is not UTF-8 ({error.reason} at byte "
            f"{offset + error.start}); {encodings.advice(block)}"
        ) from error


def _json_blocks(path, stream, errors, notes):
    """Yields the lines of each text, and an empty one after it."""
    number, offset = 0, 0
    while line := stream.readline(MAX_JSON_LINE_BYTES):
        number += 1
        size = len(line)
        line = decode(path, line, number, errors, notes, offset)
        offset += size
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"]
            encoded = text.encode("utf-8", "surrogatepass")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise TextError(
                f'{path} line {number} is not a JSON object with a string "text"'
            ) from None
        # Half of a surrogate pair, "\ud83d", is valid JSON but not a character.
        text = decode(f"{path} text of", encoded, number, errors, notes)
        yield [part for part in text.split("\n") if part.strip()] + [""]


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
