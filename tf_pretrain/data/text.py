"""Streams documents from text files, tensorflow-datasets and built-in documentation.

A document is a list of non-empty lines without white space at their ends. Memory is
bounded for any corpus. Files are read in blocks (see `text_lines`, which splits lines
that are too long at white space). A document of more than MAX_DOCUMENT_CHARS is
returned in parts that end at the end of a line.

tensorflow is imported only for a `tfds:` input, so that the process that distributes
tasks to the record builders stays small.
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
        inputs: A list, or one string with commas between its entries. An entry is one
            of three kinds. (1) A glob of text files or of URLs (see `storage`), with
            one sentence or paragraph in each line and an empty line or the end of the
            file after each document, or of another format, compression or encoding
            that `text_files.recognise` finds. Files are read in sorted order, each
            once. (2) `tfds:NAME[/CONFIG][:SPLIT]`: one document for each example, from
            the feature "text" or else the first string feature; the split defaults to
            "train". (3) `docs`: the documentation of installed packages (see
            `builtin_docs`).
        errors: "strict", or "replace" to read invalid bytes as U+FFFD.
        encoding: The encoding of files from which it cannot be detected.
        notes: Collects how files were read.

    Yields:
        Documents, lists of at least one line.

    Raises:
        TextError: If an entry matches nothing, or if a file cannot be read, is a
            damaged archive, is not text or is not in its encoding.
    """
    notes = Notes() if notes is None else notes
    encoding = encodings.canonical(encoding)
    for source in sources.find_sources(inputs, encoding):
        yield from range_documents(whole(source), errors, encoding, notes)


def describe_inputs(
    inputs: str | Sequence[str], encoding: str | None = None
) -> list[dict]:
    """Identifies each input for a manifest: equal lists mean equal text.

    Args:
        inputs: As for `iter_documents`.
        encoding: As for `text_files.recognise`, which is called for all files.

    Returns:
        One JSON-serialisable dict for each file or named corpus, in reading order:
        "name", "size" in bytes, and for named corpora the versions behind them.

    Raises:
        TextError: As for `iter_documents`.
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
