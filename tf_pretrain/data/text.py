"""Streams documents from text files, tensorflow-datasets and built-in documentation.

A document is a list of non-empty lines without white space at their ends. Memory is
bounded for any corpus. Files are read in blocks (see `text_lines`, which splits lines
that are too long at white space). A document of more than MAX_DOCUMENT_CHARS is
returned in parts that end at the end of a line.

tensorflow is imported only for a `tfds:` input, so that the process that distributes
text to the record builders stays small.
"""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from tf_pretrain.data import builtin_docs, encodings, text_files, text_lines
from tf_pretrain.data.text_files import Notes, TextError

MAX_DOCUMENT_CHARS = 4_000_000
DOCS = "docs"
TFDS_PREFIX = "tfds:"


def iter_documents(
    inputs: str | Sequence[str],
    errors: str = "strict",
    encoding: str = encodings.UTF8,
    notes: Notes | None = None,
) -> Iterator[list[str]]:
    """Streams the documents of all inputs, in a fixed order.

    Args:
        inputs: A list, or one string with commas between its entries. An entry is one
            of three kinds. (1) A glob of text files, with one sentence or paragraph in
            each line and an empty line or the end of the file after each document, or
            of another format, compression or encoding that `text_files.recognise`
            finds. Files are read in sorted order, each once. (2)
            `tfds:NAME[/CONFIG][:SPLIT]`: one document for each example, from the
            feature "text" or else the first string feature; the split defaults to
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
    for kind, name in _resolve(inputs):
        if kind == "docs":
            blocks = (lines + [""] for _, lines in builtin_docs.modules())
        elif kind == "tfds":
            blocks = _tfds_blocks(name, errors, notes)
        else:
            blocks = text_lines.line_blocks(name, errors, encoding, notes)
        yield from _documents(blocks)


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
    encoding = encoding and encodings.canonical(encoding)
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
            # or refuses it before any work is done
            text_files.recognise(name, encoding)
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


def _tfds_blocks(name, errors, notes):
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
        lines = text_lines.decode(where, example[key], 1, errors, notes).split("\n")
        # Here an empty line between paragraphs does not end the document.
        yield [line for line in lines if line.strip()] + [""]
