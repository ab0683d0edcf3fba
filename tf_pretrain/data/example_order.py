"""The order of the examples in an epoch, which depends on (seed, epoch) only, in NumPy.

An epoch permutes the shards. It reads 16 shards at a time, 16 examples of one and then
of the next, and permutes this stream in blocks. `batches.py` lets TensorFlow do this.
Here the same order is computed as ranges of examples of shards, so that examples need
to be read only where they are used.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

INTERLEAVED_SHARDS = 16  # read at a time
INTERLEAVED_EXAMPLES = 16  # examples of one shard before the next shard is read
SEED_STRIDE = 1_000_003  # separates neighbouring seeds

_UINT64 = (1 << 64) - 1
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


class Block(NamedTuple):
    """Consecutive examples of an epoch that are permuted together.

    Attributes:
        number: Number of the block, from 0.
        runs: (shard, first example, end) in the order of the stream, before the
            permutation.
    """

    number: int
    runs: list[tuple[int, int, int]]

    @property
    def num_examples(self) -> int:
        return sum(end - first for _, first, end in self.runs)


def shuffle_seed(seed: int, epoch: int, number: int) -> tuple[int, int]:
    """The seed of a permutation: number 0 is for the shards, b + 1 for block b."""
    return seed + SEED_STRIDE * number, epoch


def epoch_blocks(
    counts: Sequence[int], seed: int, epoch: int, block_size: int
) -> Iterator[Block]:
    """The blocks of an epoch.

    Args:
        counts: How many examples each shard has.
        block_size: Examples of a block; the last one may have fewer.
    """
    shards = stateless_permutation(len(counts), shuffle_seed(seed, epoch, 0))
    number, runs, space = 0, [], block_size
    for shard, first, end in _interleave(shards.tolist(), counts):
        while end - first >= space:
            runs.append((shard, first, first + space))
            yield Block(number, runs)
            first += space
            number, runs, space = number + 1, [], block_size
        if first < end:
            runs.append((shard, first, end))
            space -= end - first
    if runs:
        yield Block(number, runs)


def _interleave(shards, counts):
    """Yields runs (shard, first, end) in the order of `tf.data.Dataset.interleave`."""
    waiting = iter(shards)
    # A circle of places. Each has a shard and the number of its examples that were
    # read.
    places = [[shard, 0] for shard in itertools.islice(waiting, INTERLEAVED_SHARDS)]
    while places:
        left = []
        for place in places:
            shard, first = place
            end = min(first + INTERLEAVED_EXAMPLES, counts[shard])
            if first < end:
                yield shard, first, end
            place[1] = end
            if end - first < INTERLEAVED_EXAMPLES:
                # tf.data finds the end of a shard by asking for one example more. If a
                # shard has a multiple of 16 examples, this happens only when its turn
                # comes again. The next shard then has to wait for its own turn.
                place[:] = next(waiting, None), 0
            if place[0] is not None:
                left.append(place)
        places = left


def stateless_permutation(size: int, seed: tuple[int, int]) -> np.ndarray:
    """What `tf.random.experimental.stateless_shuffle` makes of 0, 1, ..., size - 1.

    For each i in turn, it exchanges element i with one at i or later. The random
    numbers are those of the Philox generator for a key that is computed from the seed.

    Returns:
        int64 [size].
    """
    counter = (seed[0] & _UINT64) | (seed[1] & _UINT64) << 64
    words = [int(word) for word in _philox(0x02461E293EC8F720, counter, 1)]
    key = words[0] | words[1] << 32
    counter = (words[2] | words[3] << 32) << 64
    drawn = _philox(key, counter, -(-size // 4))[: max(size - 1, 0)]
    others = np.arange(len(drawn), dtype=np.uint64)
    others += drawn % np.arange(size, size - len(drawn), -1).astype(np.uint64)
    values = list(range(size))
    for i, other in enumerate(others.tolist()):
        values[i], values[other] = values[other], values[i]
    return np.array(values, np.int64)


def _philox(key, counter, num_blocks):
    """Philox 4x32-10 (Salmon et al., 2011) of `counter`, `counter` + 1, and so on.

    Args:
        key: An integer of 64 bits.
        counter: An integer of 128 bits. The sums must not carry out of the lowest 32
            bits.

    Returns:
        [4 * num_blocks] uint64, each below 2^32.
    """
    x0, x1, x2, x3 = (
        np.full(num_blocks, counter >> shift & 0xFFFFFFFF, np.uint64)
        for shift in (0, 32, 64, 96)
    )
    x0 += np.arange(num_blocks, dtype=np.uint64)
    key_low, key_high = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        product_0, product_2 = x0 * np.uint64(0xD2511F53), x2 * np.uint64(0xCD9E8D57)
        x0, x2 = (
            product_2 >> _HALF ^ x1 ^ np.uint64(key_low),
            product_0 >> _HALF ^ x3 ^ np.uint64(key_high),
        )
        x1, x3 = product_2 & _LOW, product_0 & _LOW
        key_low = key_low + 0x9E3779B9 & 0xFFFFFFFF
        key_high = key_high + 0xBB67AE85 & 0xFFFFFFFF
    return np.stack([x0, x1, x2, x3], axis=1).reshape(-1)
