"""Recognises a text file's compression, encoding and format by its first bytes.

First comes the compression (or that it is not text, which is refused), then the
encoding, then the format: plain lines, WikiExtractor's `<doc>`, Markdown with front
matter, or JSON lines. `text_lines` reads what was recognised.
"""

import bz2
import codecs
import contextlib
import dataclasses
import gzip
import json
import lzma
import re
import zlib
from collections.abc import Callable
from pathlib import Path

from tf_pretrain import storage
from tf_pretrain.data import encodings
from tf_pretrain.errors import UserError

_HEAD_BYTES = 1 << 14
_PACKED = (  # suffix, first bytes, how to open
    (".gz", b"\x1f\x8b", gzip.open),
    (".bz2", b"BZh", bz2.open),
    (".xz", b"\xfd7zXZ\0", lzma.open),
)
PACKED_SUFFIXES = tuple(suffix for suffix, _, _ in _PACKED)
_UNPACK = "unpack it and give the text files in it"
_EXPORT = "save its text as a .txt file (in UTF-8)"
_ROWS = (
    "write the texts themselves to a .txt file, with an empty line after each "
    'document, or to a .jsonl file of lines {"text": ...}'
)
_REFUSED = (  # first bytes (or a suffix), what it is, what to do
    (b"PK\x03\x04", "a .zip archive or an Office document", f"{_UNPACK}, or {_EXPORT}"),
    (b"7z\xbc\xaf\x27\x1c", "a .7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a .rar archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it with `zstd -d`"),
    (b"PAR1", "a Parquet table", _ROWS),
    (b"ARROW1\0", "an Arrow table", _ROWS),
    (b"SQLite format 3", "an SQLite database", _ROWS),
    (b"\x89HDF", "an HDF5 file", _ROWS),
    (b"%PDF-", "a PDF", "take its text out with `pdftotext`"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Office document", _EXPORT),
    (b"{\\rtf", "an RTF document", _EXPORT),
    (b"\x89PNG", "an image", "give text files"),
    (b"\xff\xd8\xff", "an image", "give text files"),
    (b"<mediawiki", "a MediaWiki dump", "take its text out with WikiExtractor"),
    (".csv", "a table", _ROWS),
    (".parquet", "a Parquet table", _ROWS),
)
_TAR_MARK = slice(257, 262)
PLAIN, WIKI = "plain", "wikiextractor"
FRONT_MATTER, JSON = "front matter", "json lines"
FORMS = {
    WIKI: "WikiExtractor's form: each <doc> is a document",
    FRONT_MATTER: "Markdown with front matter, which is left out",
    JSON: 'JSON lines: the field "text" of each is a document',
}
DOC_TAG = re.compile(r"<doc\b.*>|</doc>")
# "key: value" lines between two lines "---", none of them empty.
_FRONT = re.compile(
    r"---[ \t]*\r?\n(?=[\w-]+[ \t]*:)(?:(?!---|\.\.\.)[^\n]*\S[^\n]*\n)+"
    r"(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)"
)


class TextError(UserError, ValueError):
    """Text that cannot be read. The message names the input and, if known, the line."""


@dataclasses.dataclass
class Notes:
    """Collects how files were read and what was wrong with them.

    Args:
        say: Called with a line, once for each kind of file that was recognised.
    """

    say: Callable[[str], None] | None = None
    replaced_characters: int = 0  # number of invalid bytes that were read as U+FFFD
    recognised: dict[str, int] = dataclasses.field(default_factory=dict)  # files

    def count_replaced(self, number: int) -> None:
        """Adds characters that were read as U+FFFD."""
        self.replaced_characters += number

    def recognise(self, path: str, what: str) -> None:
        """Counts a file, and reports it if it is the first one of its kind."""
        if what not in self.recognised and self.say is not None:
            self.say(f"{path} and files like it are read as {what}")
        self.recognised[what] = self.recognised.get(what, 0) + 1


@dataclasses.dataclass(frozen=True)
class TextFile:
    """How a file is read."""

    path: str
    open: Callable | None  # of gzip, bz2 or lzma; None if it is not packed
    encoding: str
    mark_bytes: int  # length of the byte-order mark
    form: str
    front_lines: int  # length of the front matter

    @property
    def is_seekable(self) -> bool:
        """Whether a part of it can be read without what lies before."""
        return (
            self.open is None
            and self.encoding == encodings.UTF8
            and self.form != FRONT_MATTER
        )

    def note(self, encoding: str, notes: Notes) -> None:
        """Notes what is not plain text in the encoding that was set."""
        if self.form != PLAIN:
            notes.recognise(self.path, FORMS[self.form])
        if self.encoding != encoding or self.encoding.startswith("utf-16"):
            notes.recognise(self.path, f"text in {self.encoding}")

    @contextlib.contextmanager
    def reading(self):
        """Yields a binary file of the content, unpacked.

        Raises:
            TextError: Also in the body of the `with`, for what reading raises.
        """
        with readable(self.path), storage.open_to_read(self.path) as raw:
            if self.open is None:
                yield raw
            else:
                with self.open(raw, "rb") as unpacked:
                    yield unpacked


def recognise(path: str, encoding: str | None = None) -> TextFile:
    """Finds out how a file must be read.

    Args:
        path: The file.
        encoding: The encoding of files without a byte-order mark that are not certainly
            UTF-8; None if it is not known yet.

    Raises:
        TextError: If it is not text or cannot be read.
    """
    opener = None
    with readable(path), storage.open_to_read(path) as file:
        head = file.read(_HEAD_BYTES)
        for suffix, magic, unpack in _PACKED:
            if head.startswith(magic):
                opener = unpack
                break
            if path.endswith(suffix):
                opener = unpack
        if opener is not None:
            file.seek(0)
            with opener(file, "rb") as unpacked:
                head = unpacked.read(_HEAD_BYTES)
    name = path
    for suffix in PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    _refuse_other_files(path, name, head)
    mark_bytes, encoding = encodings.byte_order_mark(head) or (
        0,
        encodings.UTF8 if encodings.is_certainly_utf8(head) else encoding,
    )
    if encoding == encodings.UTF8 and (found := encodings.unmarked_utf16(head)):
        raise TextError(
            f"{path} is not UTF-8: every second byte is zero, as in {found}; set "
            f"--config.data.encoding={found}"
        )
    encoding = encoding or encodings.UTF8
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    start = decoder.decode(head[mark_bytes:])
    form = _find_form(path, name, start)
    front_lines = 0
    if form == FRONT_MATTER:
        front_lines = _FRONT.match(start).group().count("\n")
    return TextFile(path, opener, encoding, mark_bytes, form, front_lines)


def _refuse_other_files(path, name, head):
    refused = list(_REFUSED)
    if head[_TAR_MARK] == b"ustar":
        refused.append((b"", "a .tar archive", _UNPACK))
    for sign, what, advice in refused:
        if name.endswith(sign) if isinstance(sign, str) else head.startswith(sign):
            raise TextError(f"{path} is {what} and is not read as text: {advice}")


def _find_form(path, name, start):
    stripped = start.lstrip()
    if stripped.startswith("<doc ") and DOC_TAG.match(stripped):
        return WIKI
    if _FRONT.match(start):
        return FRONT_MATTER
    if stripped.startswith("{"):
        line, end, _ = stripped.partition("\n")
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(json.loads(line).get("text"), str):
                return JSON
        # The first line may be longer than what is looked at.
        if not end and re.match(r'\{\s*"', line) and re.search(r'"text"\s*:\s*"', line):
            return JSON
    if Path(name).suffix in (".json", ".jsonl", ".ndjson") and stripped:
        raise TextError(
            f'{path} is not made of lines {{"text": ...}}, one a document: make it so '
            "(`jq -c '.[] | {text: .NAME}'`), or " + _ROWS
        )
    return PLAIN


@contextlib.contextmanager
def readable(path: str):
    """A context that turns errors of an unreadable or damaged file into TextErrors."""
    try:
        with contextlib.ExitStack() as stack:
            if storage.is_url(path):
                stack.enter_context(storage.reaching(path))
            yield
    except storage.StorageError:
        raise
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise TextError(f"cannot read {path}: {error}") from error
