"""Groups a stream of documents into chunks, the work items of the record builder."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from tf_pretrain.config import DataConfig

SPLITS = ("train", "heldout")


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Consecutive whole documents of one split. Each copy of it becomes a shard."""

    split: str
    number: int
    documents: list[list[str]]  # the lines of each
    text_bytes: int

    def shard_name(self, dupe: int) -> str:
        """The name of the file of copy `dupe`."""
        return f"{self.split}-{self.number:05d}-{dupe:02d}.tfrecord"


def statistics_path(shard: Path) -> Path:
    """The file with a shard's counts, which is written when the shard is finished."""
    return shard.with_suffix(".json")


def group_documents(
    documents: Iterable[list[str]], data: DataConfig, seed: int
) -> Iterator[Chunk]:
    """Yields chunks of about `shard_size_mb` MB, which depend on the arguments only.

    `heldout_fraction` of the documents go to chunks of the split "heldout". They are
    chosen by a hash of seed and document number. The first document is never held out.
    If no other document was chosen, the last one is held out (given two documents and a
    fraction above 0).
    """
    limit = data.shard_size_mb * 1e6
    pending = {split: [] for split in SPLITS}
    sizes = dict.fromkeys(SPLITS, 0)
    counts = dict.fromkeys(SPLITS, 0)
    has_heldout = data.heldout_fraction == 0

    def take(split):
        chunk = Chunk(split, counts[split], pending[split], sizes[split])
        pending[split], sizes[split] = [], 0
        counts[split] += 1
        return chunk

    for index, (document, is_last) in enumerate(_with_last(documents)):
        is_heldout = index > 0 and (
            _uniform_hash(seed, index) < data.heldout_fraction
            or (is_last and not has_heldout)
        )
        has_heldout |= is_heldout
        split = SPLITS[is_heldout]
        pending[split].append(document)
        sizes[split] += sum(map(_line_bytes, document))
        if sizes[split] >= limit:
            yield take(split)
    for split in SPLITS:
        if pending[split]:
            yield take(split)


def _with_last(items):
    """Yields (item, whether it is the last one)."""
    items = iter(items)
    for item in items:
        for following in items:
            yield item, False
            item = following
        yield item, True


def _uniform_hash(seed, index):
    """A number in [0, 1)."""
    digest = hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


def _line_bytes(line):
    return 1 + (len(line) if line.isascii() else len(line.encode("utf-8", "replace")))
