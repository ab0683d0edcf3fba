"""A sample of text that one process can hold, to train a vocabulary on."""

import random
from collections.abc import Iterable, Iterator

from tf_pretrain.config import DataConfig
from tf_pretrain.data import chunks, sources
from tf_pretrain.data.text import Notes

MAX_SAMPLE_CHARS = 32_000_000  # SentencePiece needs some 25 bytes of memory for each
# Files of more bytes are not read to their end, but in places.
MAX_READ_BYTES = 1_000_000_000
_PLACE_MB = 4.0


def read_sample(inputs, data: DataConfig, seed: int) -> Iterator[list[str]]:
    """Streams the documents of all inputs, or of random places if they are large.

    Args:
        inputs: See `text.iter_documents`.
        data: How text is read.
        seed: Of the places.
    """
    found = sources.find_sources(inputs, data.encoding)
    for unit in _sample_units(chunks.plan_units(found, _PLACE_MB), seed):
        yield from chunks.unit_documents(unit, data, Notes())


def _sample_units(units, seed):
    """Units of MAX_READ_BYTES or a little more, or all; in their order."""
    if sum(unit.size for unit in units) <= MAX_READ_BYTES:
        return units
    taken, size = [], 0
    for unit in random.Random(seed).sample(units, len(units)):
        if size >= MAX_READ_BYTES:
            break
        taken.append(unit)
        size += unit.size
    return sorted(taken, key=lambda unit: unit.number)


def sample_documents(
    documents: Iterable[list[str]], seed: int, max_chars: int = MAX_SAMPLE_CHARS
) -> list[list[str]]:
    """All documents if they are small enough, else a uniform sample, in their order.

    Whenever what is held exceeds max_chars, each document held is dropped with
    probability 1/2, and later ones are taken with half of the probability before.
    """
    generator = random.Random(seed)
    held, size, probability = [], 0, 1.0
    for document in documents:
        if generator.random() >= probability:
            continue
        held.append(document)
        size += sum(map(len, document))
        while size > max_chars and len(held) > 1:
            held = [document for document in held if generator.random() < 0.5]
            size = sum(len(line) for document in held for line in document)
            probability /= 2
    return held
