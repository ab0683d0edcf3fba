"""Finds out what an `--input` stands for, before any of its text is read."""

import concurrent.futures
import dataclasses
from collections.abc import Sequence

from tf_pretrain import storage
from tf_pretrain.data import builtin_docs, encodings, text_files
from tf_pretrain.data.text_files import Notes, TextError

FILE, TFDS, DOCS = "file", "tfds", "docs"
TFDS_PREFIX = "tfds:"
_LOOKERS = 16  # threads: to look at a file of an object store takes long, and no work


@dataclasses.dataclass(frozen=True)
class Source:
    """A text file, a data set of tensorflow-datasets, or the documentation.

    Attributes:
        kind: FILE, TFDS or DOCS.
        name: As in a manifest.
        size: Bytes, packed as they are.
        length: What ranges are counted in: bytes of a file, examples of a data set. 0
            for what can only be read from its start to its end.
        versions: What else identifies the text, for a manifest.
    """

    kind: str
    name: str
    size: int
    length: int = 0
    versions: dict = dataclasses.field(default_factory=dict)

    def description(self) -> dict:
        """What identifies the text, JSON-serialisable."""
        return {"name": self.name, "size": self.size, **self.versions}


def find_sources(
    inputs: str | Sequence[str], encoding: str | None = None, notes: Notes | None = None
) -> list[Source]:
    """Expands inputs to what they stand for, in reading order.

    Args:
        inputs: See `text.iter_documents`.
        encoding: As for `text_files.recognise`, which looks at every file.
        notes: Where it is noted how files are read.

    Raises:
        TextError: If an entry matches nothing or cannot be read as text.
    """
    encoding = encoding and encodings.canonical(encoding)
    entries = _expand(inputs)
    names = [name for kind, name, _ in entries if kind == FILE]
    with concurrent.futures.ThreadPoolExecutor(_LOOKERS) as threads:
        looks = threads.map(lambda name: text_files.recognise(name, encoding), names)
        sources = []
        for kind, name, size in entries:
            if kind == FILE:
                file = next(looks)
                if notes is not None:
                    file.note(encoding or encodings.UTF8, notes)
                length = size if file.is_seekable else 0
                sources.append(Source(FILE, name, size, length))
            elif kind == DOCS:
                described = builtin_docs.describe()
                size = described.pop("size")
                sources.append(Source(DOCS, DOCS, size, versions=described))
            else:
                sources.append(_data_set(name))
    return sources


def _expand(inputs):
    """(kind, name, size of a file) of each input, each once."""
    if isinstance(inputs, str):
        inputs = inputs.split(",")
    entries = []
    for item in inputs:
        if item == DOCS:
            entries.append((DOCS, item, 0))
        elif item.startswith(TFDS_PREFIX):
            entries.append((TFDS, item, 0))
        else:
            files = storage.find_files(item)
            if not files:
                is_folder = storage.path(item).is_dir()
                hint = " (a folder; add /*.txt)" if is_folder else ""
                raise TextError(f"no text file matches {item!r}{hint}")
            entries += [(FILE, name, size) for name, size in files]
    return list(dict.fromkeys(entries))


def _data_set(name):
    from tf_pretrain.data import tfds_text  # tensorflow-datasets, seconds and 500 MB

    builder, split = tfds_text.load(name)
    info = builder.info.splits[split]
    version = {"version": str(builder.version)}
    return Source(TFDS, name, info.num_bytes, info.num_examples, version)
