"""Batches from TFRecords without TensorFlow, with the same numbers as `batches.py`.

One thread reads, parses and permutes blocks of examples, one block ahead. Some more
threads compute the features of whole batches, a few batches ahead. NumPy releases the
interpreter's lock in its loops, so these threads run in parallel with each other and
with the training step. At any time, about two blocks of `data.shuffle_buffer` examples
are in memory, at three to four bytes a token, and a thousand examples of each of the 16
shards that are being read.
"""

import collections
import concurrent.futures
import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tf_pretrain.config import DataConfig
from tf_pretrain.data import example_order
from tf_pretrain.data.example_reader import ExampleReader
from tf_pretrain.data.featurizer import (
    EVALUATION_STREAM,
    TRAINING_STREAM,
    Featurizer,
)
from tf_pretrain.data.record_sets import RecordSet

_EVALUATION_ROWS = 1024  # read at a time
_BATCHES_AHEAD = 2  # for each thread


def training_batches(
    record_set: RecordSet,
    data: DataConfig,
    tokenizer,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    num_threads: int = 2,
) -> Iterator[dict[str, np.ndarray]]:
    """The endless batches of `batches.training_batches`, starting with `start_step`.

    Nothing is read before the first batch is requested. The threads end when the
    iterator is closed or deleted.

    Args:
        batch_size: B, for a single pipeline.
        num_threads: Threads that compute features, besides the one that reads.

    Returns:
        Feature dicts of B rows, int32 and float32, as `featurizer.Featurizer` returns
        them. Iterating raises RecordError at a record that cannot be used.

    Raises:
        ConfigError: If there are fewer examples than a batch.
    """
    record_set.require_batch(batch_size)
    featurizer = Featurizer(data, tokenizer, (seed, TRAINING_STREAM), batch_size)
    # A batch may span two epochs: position counts examples, not batches.
    first_epoch, skipped = divmod(start_step * batch_size, record_set.num_examples)
    blocks = _shuffled_blocks(
        record_set, data, tokenizer.vocab_size, seed, first_epoch, skipped
    )
    return _featurized(featurizer, blocks, batch_size, start_step, num_threads)


def evaluation_batches(
    record_set: RecordSet,
    data: DataConfig,
    tokenizer,
    seed: int,
    batch_size: int,
    num_batches: int,
    num_threads: int = 2,
) -> "EvaluationBatches":
    """The batches of `batches.evaluation_batches`: the first examples in file order.

    No example is dropped. The last batch is filled with empty rows, whose `input_mask`
    and weights are 0.
    """
    num_batches = min(num_batches, -(-record_set.num_examples // batch_size))
    featurizer = Featurizer(
        data, tokenizer, (seed, EVALUATION_STREAM), batch_size, allow_empty=True
    )

    def make_batches():
        blocks = _blocks_in_order(record_set, data, tokenizer.vocab_size)
        batches = _featurized(featurizer, blocks, batch_size, 0, num_threads)
        return itertools.islice(batches, num_batches)

    return EvaluationBatches(make_batches, num_batches)


class EvaluationBatches:
    """Batches that are computed again, with the same result, at each iteration."""

    def __init__(self, make_batches: Callable[[], Iterator], num_batches: int):
        self._make_batches = make_batches
        self._num_batches = num_batches

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        return self._make_batches()


def _shuffled_blocks(record_set, data, vocab_size, seed, first_epoch, skipped):
    """Yields the examples of `first_epoch` and all later ones as {name: [n, L]}.

    The first `skipped` examples are left out. Blocks that consist of these are not
    read, and other examples before the first one in a shard are not parsed.
    """
    for epoch in itertools.count(first_epoch):
        readers = [
            ExampleReader(record_set, index, data, vocab_size)
            for index in range(len(record_set.files))
        ]
        counts = [reader.num_examples for reader in readers]
        with contextlib.ExitStack() as stack:
            for reader in readers:
                stack.callback(reader.close)
            for block in example_order.epoch_blocks(
                counts, seed, epoch, data.shuffle_buffer
            ):
                size = block.num_examples
                if skipped >= size:
                    skipped -= size
                    continue
                order = example_order.stateless_permutation(
                    size, example_order.shuffle_seed(seed, epoch, block.number + 1)
                )
                yield _read_block(block, order[skipped:], readers)
                skipped = 0


def _read_block(block, order, readers):
    """The examples of a block in some order."""
    ranges = {}  # The runs of a shard within a block are adjacent.
    for shard, first, end in block.runs:
        ranges[shard] = ranges.get(shard, (first,))[0], end
    parts, offsets, num_read = [], {}, 0
    for shard, (first, end) in ranges.items():
        parts.append(readers[shard].read(first, end))
        offsets[shard] = num_read - first
        num_read += end - first
        if end == readers[shard].num_examples:
            readers[shard].close()
    place = np.concatenate(
        [np.arange(first, end) + offsets[shard] for shard, first, end in block.runs]
    )
    rows = place[order]
    return {
        name: np.concatenate([part[name] for part in parts])[rows] for name in parts[0]
    }


def _blocks_in_order(record_set, data, vocab_size):
    """Yields all examples, in file order, as {name: [n, L]}."""
    for index in range(len(record_set.files)):
        reader = ExampleReader(record_set, index, data, vocab_size, allow_empty=True)
        with contextlib.closing(reader):
            for first in range(0, reader.num_examples, _EVALUATION_ROWS):
                end = min(first + _EVALUATION_ROWS, reader.num_examples)
                yield reader.read(first, end)


def _featurized(featurizer, blocks, batch_size, start_step, num_threads):
    """Yields the features of batch `start_step` and the next ones."""
    with contextlib.ExitStack() as stack:

        def closing(generator):
            return stack.enter_context(contextlib.closing(generator))

        blocks = closing(_in_background(closing(blocks)))
        batches = enumerate(closing(_batches(blocks, batch_size)), start_step)
        yield from closing(
            _in_order(
                lambda batch: featurizer(*batch),
                batches,
                num_threads,
                _BATCHES_AHEAD * num_threads,
            )
        )


def _batches(blocks, batch_size):
    """Yields {name: [B, L]}; a short last batch is filled with zeros."""
    parts, missing = [], batch_size

    def joined():
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}

    for block in blocks:
        size, start = len(block["input_ids"]), 0
        while start < size:
            stop = min(start + missing, size)
            parts.append({name: rows[start:stop] for name, rows in block.items()})
            missing -= stop - start
            start = stop
            if not missing:
                yield joined()
                parts, missing = [], batch_size
    if parts:
        zeros = {
            name: np.zeros((missing, *rows.shape[1:]), rows.dtype)
            for name, rows in parts[0].items()
        }
        parts.append(zeros)
        yield joined()


def _in_background(iterator):
    """Yields the same items; a thread prepares the next one while one is used."""
    ended = object()
    items = _in_order(
        lambda _: next(iterator, ended), itertools.repeat(None), num_threads=1, ahead=1
    )
    with contextlib.closing(items):
        yield from itertools.takewhile(lambda item: item is not ended, items)


def _in_order(
    function: Callable, items: Iterable, num_threads: int, ahead: int
) -> Iterator:
    """Yields function(item) for each item, computed by threads, at most `ahead` early.

    An exception of the items or the function is raised at its place in the order. When
    this generator is closed, no thread continues.
    """
    executor = concurrent.futures.ThreadPoolExecutor(num_threads, "batches")
    results, failure = collections.deque(), None
    items = iter(items)
    try:
        while True:
            try:
                results.append(executor.submit(function, next(items)))
            except StopIteration:
                break
            # raised by `items`; the results before it are good
            except Exception as error:
                failure = error
                break
            if len(results) > ahead:
                yield results.popleft().result()
        while results:
            yield results.popleft().result()
        if failure is not None:
            raise failure
    finally:
        for result in results:  # `cancel_futures` fails when the interpreter ends
            result.cancel()
        executor.shutdown()
