"""Streams documents from text files, tensorflow-datasets and built-in documentation.

A document is a list of non-empty lines without white space at their ends. Memory is
bounded whatever the corpus holds: files are read in blocks, a document of more than
MAX_DOCUMENT_CHARS is handed out in pieces that end at a line's end, and a line of more
than MAX_LINE_BYTES is cut at white space.

tensorflow is imported only for a `tfds:` input, which keeps the process that hands out
work to record builders small.
"""

import codecs
import glob
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tf_pretrain.config import UserError
from tf_pretrain.data import builtin_docs

MAX_DOCUMENT_CHARS = 4_000_000
MAX_LINE_BYTES = 1 << 20
BLOCK_BYTES = 1 << 20
_NOT_TEXT = (".csv", ".json", ".jsonl", ".parquet")
DOCS = "docs"
TFDS_PREFIX = "tfds:"


class TextError(UserError, ValueError):
    """Text that cannot be read; the message names the input and, if known, the line."""


def iter_documents(
    inputs: str | Sequence[str], errors: str = "strict"
) -> Iterator[list[str]]:
    """Streams the documents of all inputs, in a fixed order.

    Args:
        inputs: A list, or one string with commas between its entries, of
            globs of text files (`.gz` is unpacked): one sentence or paragraph a line,
            an empty line or the end of the file between documents; files are read in
            sorted order, each once;
            `tfds:NAME[/CONFIG][:SPLIT]`: one document per example, from the feature
            "text" or else the first string feature; the split defaults to "train";
            `docs`: documentation of installed packages (see `builtin_docs`).
        errors: "strict", or "replace" to read bad UTF-8 as U+FFFD.

    Yields:
        Documents, lists of at least one line.

    Raises:
        TextError: If an entry matches nothing, or a file is unreadable, a damaged
            archive or not UTF-8.
    """
    for kind, name in _resolve(inputs):
        if kind == "docs":
            blocks = (lines + [""] for _, lines in builtin_docs.modules())
        elif kind == "tfds":
            blocks = _tfds_blocks(name, errors)
        else:
            blocks = _file_blocks(name, errors)
        yield from _documents(blocks)


def describe_inputs(inputs: str | Sequence[str]) -> list[dict]:
    """What identifies each input, for a manifest: equal lists mean equal text.

    Returns:
        One JSON-serialisable dict per file or named corpus, in reading order: "name",
        "size" in bytes, and for named corpora the versions behind them.

    Raises:
        TextError: As `iter_documents`.
    """
    described = []
    for kind, name in _resolve(inputs):
        if kind == "docs":
            described.append({"name": DOCS, **builtin_docs.describe()})
        elif kind == "tfds":
            builder, split = _tfds_builder(name)
            described.append(
                {
                    "name": name,
                    "size": builder.info.splits[split].num_bytes,
                    "version": str(builder.version),
                }
            )
        else:
            described.append({"name": name, "size": Path(name).stat().st_size})
    return described


def _resolve(inputs):
    """Expands the inputs: (kind, name) pairs, kind "docs", "tfds" or "file"."""
    if isinstance(inputs, str):
        inputs = inputs.split(",")
    entries = []
    for item in inputs:
        if item == DOCS:
            entries.append(("docs", item))
        elif item.startswith(TFDS_PREFIX):
            entries.append(("tfds", item))
        else:
            names = sorted(glob.glob(item, recursive=True))
            files = [name for name in names if Path(name).is_file()]
            if not files:
                hint = " (a folder; add /*.txt)" if names else ""
                raise TextError(f"no text file matches {item!r}{hint}")
            for name in files:
                if Path(name.removesuffix(".gz")).suffix in _NOT_TEXT:
                    raise TextError(
                        f"{name} is not read as plain text: write the texts themselves "
                        "to a .txt file, with an empty line after each document"
                    )
            entries += [("file", name) for name in files]
    return list(dict.fromkeys(entries))


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


def _file_blocks(path, errors):
    """Yields the lines of a file, some at a time."""
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            yield from _decoded_blocks(path, file, errors)
    except (EOFError, zlib.error, OSError) as error:
        raise TextError(f"cannot read {path}: {error}") from error


def _decoded_blocks(path, file, errors):
    rest, number = b"", 1  # number of the line that rest begins
    while block := file.read(BLOCK_BYTES):
        if number == 1 and not rest:
            block = block.removeprefix(codecs.BOM_UTF8)
        block = rest + block
        end = block.rfind(b"\n") + 1
        if not end and len(block) > MAX_LINE_BYTES:
            end = _cut(block)
        block, rest = block[:end], block[end:]
        if block:
            text = _decode(path, block, number, errors)
            yield text.removesuffix("\n").split("\n")
            number += block.count(b"\n")
    yield [_decode(path, rest, number, errors)]


def _cut(block):
    """Where to cut a long line: after white space, or else between two characters."""
    end = max(block.rfind(b" "), block.rfind(b"\t")) + 1
    if not end:
        end = len(block) - 1
        # A UTF-8 sequence has three such bytes at most; more of them are no UTF-8, and
        # to go back over all would leave nearly the whole block for the next time.
        while end > len(block) - 4 and block[end] & 0xC0 == 0x80:
            end -= 1
    return end


def _decode(path, block, number, errors):
    try:
        return block.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        line = number + block.count(b"\n", 0, error.start)
        raise TextError(
            f"{path} line {line} is not UTF-8 ({error.reason}); with data.errors="
            '"replace" such bytes are read as U+FFFD'
        ) from error


def _tfds_builder(name):
    """The builder and the split of `tfds:NAME[/CONFIG][:SPLIT]`."""
    import tensorflow_datasets as tfds  # costs seconds and 500 MB

    dataset, _, split = name.removeprefix(TFDS_PREFIX).partition(":")
    split = split or "train"
    try:
        builder = tfds.builder(dataset)
        builder.download_and_prepare()
        builder.info.splits[split]
    # tfds, its readers and the network raise errors of many kinds.
    except Exception as error:
        raise TextError(f"cannot load {name}: {error}") from error
    return builder, split


def _tfds_blocks(name, errors):
    """Yields the lines of one example at a time, and an empty one after each."""
    import tensorflow_datasets as tfds

    builder, split = _tfds_builder(name)
    features = builder.info.features
    strings = [
        key
        for key, feature in features.items()
        if feature.shape == () and feature.tf_dtype == "string"
    ]
    if not strings:
        raise TextError(f"{name} has no string feature, only {list(features)}")
    key = "text" if "text" in strings else strings[0]
    config = tfds.ReadConfig(try_autocache=False)
    data = builder.as_dataset(split=split, shuffle_files=False, read_config=config)
    for index, example in enumerate(data.as_numpy_iterator()):
        where = f"{name} example {index}"
        lines = _decode(where, example[key], 1, errors).split("\n")
        # An empty line between paragraphs does not end the document.
        yield [line for line in lines if line.strip()] + [""]
