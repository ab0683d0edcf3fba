"""Batches without TensorFlow against those of tf.data, number for number."""

import dataclasses
import itertools
import pickle
import subprocess
import sys
import threading
import types

import numpy as np
import pytest
import tensorflow as tf

from support.corpus import build_tiny_records
from tf_pretrain.data import batches, numpy_batches, record_sets, tfrecord
from tf_pretrain.data.example_order import (
    epoch_blocks,
    shuffle_seed,
    stateless_permutation,
)
from tf_pretrain.data.record_sets import RecordError, RecordSet
from tf_pretrain.errors import ConfigError


@pytest.fixture(scope="module", params=["dynamic", "static"])
def tiny(request, tmp_path_factory):
    """(record set, data config, tokenizer) with one of both kinds of masks."""
    folder = tmp_path_factory.mktemp("records")
    data, tokenizer = build_tiny_records(folder, masking=request.param)
    return record_sets.find_records(f"{folder}/train-*.tfrecord"), data, tokenizer


def assert_same(got, expected):
    """Compares iterables of batches; `got` may go on."""
    num_batches = 0
    for batch, other in zip(got, expected, strict=False):
        assert list(batch) == list(other)
        for name in other:
            assert batch[name].dtype == other[name].dtype, name
            np.testing.assert_array_equal(batch[name], other[name], err_msg=name)
        num_batches += 1
    return num_batches


def assert_as_tf_data(record_set, data, tokenizer, count, **kwargs):
    arguments = {"seed": 3, "batch_size": 8} | kwargs
    expected = batches.training_batches(record_set, data, tokenizer, **arguments)
    got = numpy_batches.training_batches(record_set, data, tokenizer, **arguments)
    expected = list(expected.take(count).as_numpy_iterator())
    assert assert_same(got, expected) == count
    got.close()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 16, 17, 1000])
def test_permutations_are_those_of_tensorflow(size):
    for seed in [(0, 0), (1, 5), (-3, 7), (10**12 + 7, 1 << 40)]:
        expected = tf.random.experimental.stateless_shuffle(
            tf.range(size), seed=tf.constant(seed, tf.int64)
        )
        np.testing.assert_array_equal(stateless_permutation(size, seed), expected)


@pytest.mark.parametrize(
    "num_shards",
    [1, 3, 17, *(pytest.param(n, marks=pytest.mark.integration) for n in (16, 40))],
)
@pytest.mark.parametrize("sizes", [(0, 50), (1, 2), (16, 17)])
def test_order_of_an_epoch(num_shards, sizes, tmp_path):
    """Shards of unequal sizes, of no example, and of multiples of 16."""
    rng = np.random.default_rng(num_shards)
    counts = rng.integers(*sizes, num_shards) * rng.choice([1, 1, 16], num_shards)
    names = []
    for shard, count in enumerate(counts):
        names.append(str(tmp_path / f"{shard:02}"))
        tfrecord.write_records(names[-1], [b"%d/%d" % (shard, i) for i in range(count)])
    record_set = RecordSet(tuple(names), tuple(map(int, counts)))
    for seed, epoch, block_size in [(0, 0, 7), (5, 1, 100), (10**9, 12, 5000)]:
        dataset = batches._epoch(
            record_set, np.int64(seed), np.int64(epoch), block_size
        )
        got = []
        for block in epoch_blocks(record_set.counts, seed, epoch, block_size):
            names = [b"%d/%d" % (s, i) for s, a, b in block.runs for i in range(a, b)]
            key = shuffle_seed(seed, epoch, block.number + 1)
            got += [names[i] for i in stateless_permutation(len(names), key)]
        assert got == list(dataset.as_numpy_iterator())


@pytest.mark.parametrize("block_size", [1, 16, 5000])
def test_training_batches(tiny, block_size):
    record_set, data, tokenizer = tiny
    data = dataclasses.replace(data, shuffle_buffer=block_size)
    epoch = record_set.num_examples // 8
    assert_as_tf_data(record_set, data, tokenizer, epoch + 3)
    # In the middle of an epoch, and several epochs later.
    for start in (epoch // 2, 3 * epoch + 5):
        assert_as_tf_data(record_set, data, tokenizer, 4, start_step=start)


def test_a_batch_of_an_epoch_and_a_half(tiny):
    size = tiny[0].num_examples
    assert_as_tf_data(*tiny, 3, batch_size=size, seed=7)
    assert_as_tf_data(*tiny, 3, batch_size=size // 2 + 1, start_step=1)


@pytest.mark.parametrize("num_threads", [1, 5])
def test_threads_keep_the_order(tiny, num_threads):
    expected = batches.training_batches(*tiny, 0, 8).take(40).as_numpy_iterator()
    got = numpy_batches.training_batches(*tiny, 0, 8, num_threads=num_threads)
    assert assert_same(itertools.islice(got, 40), expected) == 40


def test_records_that_are_left_out(tiny):
    record_set, data, tokenizer = tiny
    left_out = [(0, 0), (0, 1), (0, 5), (0, record_set.counts[0] - 1)]
    left_out += [(1, i) for i in range(record_set.counts[1])]
    record_set = dataclasses.replace(record_set, left_out=tuple(left_out))
    epoch = record_set.num_examples // 8
    assert_as_tf_data(record_set, data, tokenizer, epoch + 3)
    assert_as_tf_data(record_set, data, tokenizer, 4, start_step=epoch + epoch // 3)


@pytest.mark.parametrize("batch_size,num_batches", [(8, 3), (50, 100), (1000, 2)])
def test_evaluation_batches(tiny, batch_size, num_batches):
    arguments = (*tiny, 4, batch_size, num_batches)
    expected = list(batches.evaluation_batches(*arguments).as_numpy_iterator())
    got = numpy_batches.evaluation_batches(*arguments)
    for _ in range(2):
        found = list(got)
        assert len(found) == len(got) == len(expected)
        assert_same(found, expected)


def test_wide_features_and_whole_words(tiny):
    record_set, data, tokenizer = tiny
    data = dataclasses.replace(data, whole_word_masking=True, max_ngram=3)
    assert_as_tf_data(record_set, data, tokenizer, 5)


def test_too_few_examples(tiny):
    with pytest.raises(ConfigError, match="too few for a batch of 100000"):
        numpy_batches.training_batches(*tiny, 0, 100_000)


def _with_damage(tiny, folder, number, content):
    """The set with a copy of its first file in which a record is another one."""
    record_set, data, tokenizer = tiny
    with tfrecord.TFRecordReader(record_set.files[0]) as reader:
        records = reader.read(10**6)
    records[number : number + 1] = [] if content is None else [content]
    path = str(folder / "train-0.tfrecord")
    tfrecord.write_records(path, records)
    files = (path, *record_set.files[1:])
    return path, dataclasses.replace(record_set, files=files), data, tokenizer


@pytest.mark.parametrize(
    "content,reason",
    [
        (b"", "feature input_ids is missing"),
        (b"nonsense", "not a tf.train.Example"),
        (None, "the file ends before it"),
    ],
)
def test_bad_records_are_named(tiny, tmp_path, content, reason):
    path, *damaged = _with_damage(tiny, tmp_path, 3, content)
    number = damaged[0].counts[0] - 1 if content is None else 3
    message = rf"{path} record {number} \(counted from 0\): .*{reason}.*bad_records"
    with pytest.raises(RecordError, match=message):
        list(itertools.islice(numpy_batches.training_batches(*damaged, 0, 8), 100))
    with pytest.raises(RecordError, match=message):
        list(numpy_batches.evaluation_batches(*damaged, 0, 8, 1000))


def test_a_file_that_is_gone(tiny, tmp_path):
    path, *damaged = _with_damage(tiny, tmp_path, 3, b"")
    (tmp_path / "train-0.tfrecord").unlink()
    with pytest.raises(RecordError, match=f"{path} record 0 .*No such file"):
        list(numpy_batches.evaluation_batches(*damaged, 0, 8, 1000))


def test_batches_before_a_bad_record_are_given(tiny, tmp_path):
    path, *damaged = _with_damage(tiny, tmp_path, 0, b"nonsense")
    record_set, data, tokenizer = damaged
    files = record_set.files[1:] + record_set.files[:1]
    counts = record_set.counts[1:] + record_set.counts[:1]
    record_set = RecordSet(files, counts)
    got = []
    with pytest.raises(RecordError):
        for batch in numpy_batches.evaluation_batches(
            record_set, data, tokenizer, 0, 8, 1000
        ):
            got.append(batch)
    assert len(got) == sum(counts[:-1]) // 8


def test_no_thread_goes_on(tiny):
    def own_threads():
        return [t for t in threading.enumerate() if t.name.startswith("batches")]

    iterator = numpy_batches.training_batches(*tiny, 0, 8)
    next(iterator)
    assert own_threads()
    iterator.close()
    assert not own_threads()
    evaluation = iter(numpy_batches.evaluation_batches(*tiny, 0, 8, 4))
    next(evaluation)
    del evaluation
    assert not own_threads()


_WITHOUT_TENSORFLOW = """
import itertools, pickle, sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_text", "keras"):
            raise ModuleNotFoundError(f"no {name} here")


sys.meta_path.insert(0, Refuse())
pattern, data, tokenizer = pickle.load(sys.stdin.buffer)
from tf_pretrain.data import numpy_batches, record_sets, records, unigrams

vocab_size = tokenizer.vocab_size
found, bad = record_sets.find_good_records(pattern, data, vocab_size)
assert found == record_sets.find_records(pattern) and not bad
with record_sets.naming_bad_records([found], data, vocab_size):
    iterator = numpy_batches.training_batches(found, data, tokenizer, 0, 8)
    batches = list(itertools.islice(iterator, 3))
unigrams.count_tokens(found, data, tokenizer, vocab_size)
sys.stdout.buffer.write(pickle.dumps(batches))
"""


def test_where_tensorflow_is_not_installed(tiny):
    record_set, data, tokenizer = tiny
    names = "cls_id", "sep_id", "mask_id", "vocab_size", "is_word_start"
    plain = types.SimpleNamespace(**{name: getattr(tokenizer, name) for name in names})
    result = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TENSORFLOW],
        input=pickle.dumps((",".join(record_set.files), data, plain)),
        stdout=subprocess.PIPE,
        check=True,
    )
    expected = batches.training_batches(*tiny, 0, 8).take(3).as_numpy_iterator()
    assert assert_same(pickle.loads(result.stdout), expected) == 3
