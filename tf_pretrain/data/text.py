"""Streams documents from text files, tensorflow-datasets and built-in documentation.

A document is a list of non-empty lines without white space at their ends. Memory is
bounded whatever the corpus holds: files are read in blocks (see `text_lines`, which
cuts lines that are too long at white space), and a document of more than
MAX_DOCUMENT_CHARS is handed out in pieces that end at a line's end.

tensorflow is imported only for a `tfds:` input, which keeps the process that hands out
work to record builders small.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from tf_pretrain.data import builtin_docs, encodings, sources, text_lines
from tf_pretrain.data.sources import Source
from tf_pretrain.data.text_files import Notes, TextError

__all__ = ["Notes", "Range", "TextError", "describe_inputs", "iter_documents"]

MAX_DOCUMENT_CHARS = 4_000_000


@dataclasses.dataclass(frozen=True)
class Range:
    """A part of a source that is read without the rest of it.

    Attributes:
        kind: As of the `sources.Source`.
        name: As of the source.
        start: Byte of a file, or number of an example. A file's range begins with the
            first document that begins there or later, see `document_bounds`.
        stop: Where the next range starts; None for the rest.
    """

    kind: str
    name: str
    start: int = 0
    stop: int | None = None


def iter_documents(
    inputs: str | Sequence[str],
    errors: str = "strict",
    encoding: str = encodings.UTF8,
    notes: Notes | None = None,
) -> Iterator[list[str]]:
    """Streams the documents of all inputs, in a fixed order.

    Args:
        inputs: A list, or one string with commas between its entries, of
            globs of text files, also of URLs (see `storage`): one sentence or paragraph
            a line, an empty line or the end of the file between documents, or one of
            the other forms, packings and encodings that `text_files.recognise` finds;
            files are read in sorted order, each once;
            `tfds:NAME[/CONFIG][:SPLIT]`: one document per example, from the feature
            "text" or else the first string feature; the split defaults to "train";
            `docs`: documentation of installed packages (see `builtin_docs`).
        errors: "strict", or "replace" to read invalid bytes as U+FFFD.
        encoding: Of files that do not show theirs.
        notes: Where it is noted how files were read.

    Yields:
        Documents, lists of at least one line.

    Raises:
        TextError: If an entry matches nothing, or a file is unreadable, a damaged
            archive, no text or not of the encoding.
    """
    notes = Notes() if notes is None else notes
    encoding = encodings.canonical(encoding)
    for source in sources.find_sources(inputs, encoding):
        yield from range_documents(whole(source), errors, encoding, notes)


def describe_inputs(
    inputs: str | Sequence[str], encoding: str | None = None
) -> list[dict]:
    """What identifies each input, for a manifest: equal lists mean equal text.

    Args:
        inputs: As for `iter_documents`.
        encoding: As for `text_files.recognise`, which sees all files.

    Returns:
        One JSON-serialisable dict per file or named corpus, in reading order: "name",
        "size" in bytes, and for named corpora the versions behind them.

    Raises:
        TextError: As `iter_documents`.
    """
    return [source.description() for source in sources.find_sources(inputs, encoding)]


def whole(source: Source) -> Range:
    """All of a source."""
    stop = source.length if source.kind == sources.TFDS else None
    return Range(source.kind, source.name, 0, stop)


def range_documents(
    part: Range, errors: str, encoding: str, notes: Notes
) -> Iterator[list[str]]:
    """Streams the documents of a range; see `iter_documents`."""
    if part.kind == sources.DOCS:
        blocks = (lines + [""] for _, lines in builtin_docs.modules())
    elif part.kind == sources.TFDS:
        from tf_pretrain.data import tfds_text  # costs seconds and 500 MB

        blocks = tfds_text.line_blocks(part.name, part.start, part.stop, errors, notes)
    else:
        bounds = part.start, part.stop
        blocks = text_lines.line_blocks(part.name, errors, encoding, notes, bounds)
    return _documents(blocks)


def _documents(blocks):
    """Joins blocks of lines to documents; an empty line ends a document."""
    document, size = [], 0
    for lines in blocks:
        for line in lines:
            line = line.strip()
            if line:
                document.append(line)
                size += len(line)
            if document and (not line or size > MAX_DOCUMENT_CHARS):
                yield document
                document, size = [], 0
    if document:
        yield document
