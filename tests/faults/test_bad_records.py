"""200 mutated record files: each is named with its record, or changes no value.

python -m pytest tests/faults/test_bad_records.py               # the first 60
python -m pytest -m "slow or not slow" tests/faults/test_bad_records.py
"""

import dataclasses
import json
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from support.corpus import build_tiny_records
from support.tiny import one_layer_config
from tf_pretrain.data import batches, record_sets
from tf_pretrain.data.record_sets import RecordError, find_good_records
from tf_pretrain.errors import ConfigError
from tf_pretrain.runs.data import Sources
from tf_pretrain.runs.pretrain import pretrain

NUM_CASES, NUM_INTEGRATION, NUM_KINDS = 200, 60, 15
NUM_RECORDS = 12  # in the file that is mutated
_FRAME_BYTES = 16  # length, its checksum, checksum of the data


@dataclasses.dataclass
class Original:
    """A good file of records and what reads it."""

    records: list[bytes]
    data: object
    tokenizer: object
    rows: list[bytes]  # input_ids of each record, without masks
    good: dict  # an epoch of them as one batch


def _original(folder, masking):
    data, tokenizer = build_tiny_records(folder, masking)
    names = sorted(map(str, folder.glob("train-*.tfrecord")))
    records = list(tf.data.TFRecordDataset(names).take(NUM_RECORDS).as_numpy_iterator())
    original = Original(records, data, tokenizer, [], {})
    for record in records:
        features = tf.train.Example.FromString(record).features.feature
        ids = np.array(_values(features["input_ids"]), np.int32)
        if masking == "static":
            slots = np.array(_values(features["masked_lm_weights"])) > 0
            places = np.array(_values(features["masked_lm_positions"]))[slots]
            ids[places] = np.array(_values(features["masked_lm_ids"]))[slots]
        original.rows.append(ids.tobytes())
    path = _write(folder, records)
    original.good = _epoch(record_sets.find_records(str(path)), original)
    return original


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    return {
        masking: _original(tmp_path_factory.mktemp(masking), masking)
        for masking in ("dynamic", "static")
    }


def _write(folder, records, count=NUM_RECORDS):
    """A file of records beside a manifest that says how many there should be."""
    path = folder / "train-0.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    manifest = {"shards": [{"file": path.name, "examples": count}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return path


def _values(feature):
    kind = feature.WhichOneof("kind")
    return getattr(feature, kind).value


# Mutations of one example: they change it in place, given the random numbers.


def _drop_feature(example, random, original):
    name = random.choice(_read_features(example, original))
    del example.features.feature[name]


def _change_type(example, random, original):
    feature = example.features.feature[random.choice(_read_features(example, original))]
    values = list(_values(feature))
    is_float = feature.WhichOneof("kind") == "float_list"
    if random.random() < 0.5:
        feature.bytes_list.value[:] = [str(value).encode() for value in values]
    elif is_float:
        feature.int64_list.value[:] = [int(value) for value in values]
    else:
        feature.float_list.value[:] = values


def _change_length(example, random, original):
    name = random.choice(_read_features(example, original))
    values = _values(example.features.feature[name])
    if random.random() < 0.5:
        values.append(0)
    else:
        values.pop()


def _id_beyond_vocabulary(example, random, original):
    values = _values(example.features.feature["input_ids"])
    size = original.tokenizer.vocab_size
    bad = [-1, size, size + 5, 2**31, 2**32 + 7, 2**62, -(2**63)]
    values[random.randrange(len(values))] = random.choice(bad)


def _mask_disagrees(example, random, original):
    ids = _values(example.features.feature["input_ids"])
    mask = _values(example.features.feature["input_mask"])
    length = sum(mask)
    kind = random.choice(["hole", "short", "two", "none"])
    if kind == "hole":
        mask[random.randrange(length - 1)] = 0
    elif kind == "short":
        mask[length - 1] = 0
        assert ids[length - 1]
    elif kind == "two":
        mask[random.randrange(length)] = random.choice([2, -1, 2**40])
    else:
        mask[:] = [0] * len(mask)


def _wrong_segment(example, random, original):
    values = _values(example.features.feature["segment_ids"])
    values[random.randrange(len(values))] = random.choice([2, -1, 2**33])


def _wrong_label(example, random, original):
    if "next_sentence_labels" in example.features.feature:
        values = _values(example.features.feature["next_sentence_labels"])
        values[0] = random.choice([2, -1, 2**32 + 1])
    else:
        _wrong_segment(example, random, original)


def _wrong_slots(example, random, original):
    if original.data.masking == "dynamic":
        return _id_beyond_vocabulary(example, random, original)
    features = example.features.feature
    name, bad = random.choice(
        [
            ("masked_lm_positions", [-1, original.data.max_seq_length, 2**32]),
            ("masked_lm_ids", [-1, original.tokenizer.vocab_size, 2**40]),
            ("masked_lm_weights", [float("nan"), float("inf"), -1.0, 1e30]),
        ]
    )
    values = _values(features[name])
    values[random.randrange(len(values))] = random.choice(bad)


def _unread_feature(example, random, original):
    """Harmless: nothing reads it."""
    example.features.feature["title"].bytes_list.value.append(random.randbytes(30))


def _read_features(example, original):
    from tf_pretrain.data.records import feature_spec

    return sorted(feature_spec(original.data))


OF_EXAMPLES = [
    _drop_feature,
    _change_type,
    _change_length,
    _id_beyond_vocabulary,
    _mask_disagrees,
    _wrong_segment,
    _wrong_label,
    _wrong_slots,
    _unread_feature,
]


def _mutate(number, original, folder):
    """Writes mutant `number`; returns (path, the bad record or None, ends file)."""
    random_ = random.Random(number)
    kinds = [*OF_EXAMPLES, "garbage", "empty", "flip", "flip", "truncate", "fewer"]
    kind = kinds[number % len(kinds)]
    bad = random_.randrange(NUM_RECORDS)
    records = list(original.records)
    if callable(kind):
        example = tf.train.Example.FromString(records[bad])
        kind(example, random_, original)
        records[bad] = example.SerializeToString()
        path = _write(folder, records)
        return path, (None if kind is _unread_feature else bad), False
    if kind in ("garbage", "empty"):
        size = random_.randrange(1, 200) if kind == "garbage" else 0
        records[bad] = random_.randbytes(size)
        return _write(folder, records), bad, False
    if kind == "fewer":  # a whole record is missing at the end
        return _write(folder, records[:bad]), bad, True
    path = _write(folder, records)
    content = bytearray(path.read_bytes())
    starts = [0]
    for record in records:
        (size,) = struct.unpack_from("<Q", content, starts[-1])
        assert size == len(record)
        starts.append(starts[-1] + size + _FRAME_BYTES)
    place = random_.randrange(1, len(content))
    bad = max(i for i, start in enumerate(starts) if start <= place)
    if kind == "flip":
        content[place] ^= 1 << random_.randrange(8)
    else:
        content = content[:place]
    path.write_bytes(content)
    return path, bad, True


def _epoch(record_set, original):
    """One epoch as one batch."""
    dataset = batches.training_batches(
        record_set, original.data, original.tokenizer, 0, record_set.num_examples
    )
    return next(dataset.as_numpy_iterator())


def _marks(number):
    """The first case of each kind is quick."""
    if number < NUM_KINDS:
        return []
    return pytest.mark.integration if number < NUM_INTEGRATION else pytest.mark.slow


@pytest.mark.parametrize(
    "number",
    [pytest.param(i, marks=_marks(i)) for i in range(NUM_CASES)],
)
def test_mutated_file(number, originals, tmp_path):
    original = originals["static" if number // NUM_KINDS % 2 else "dynamic"]
    path, bad, ends_file = _mutate(number, original, tmp_path)

    # Strict: the error names file and record.
    record_set = record_sets.find_records(str(path))
    vocab_size = original.tokenizer.vocab_size
    arguments = ([record_set], original.data, vocab_size)
    if bad is None:
        got = _epoch(record_set, original)
        for name in got:
            np.testing.assert_array_equal(got[name], original.good[name], err_msg=name)
    else:
        with pytest.raises(RecordError) as caught:
            with record_sets.naming_bad_records(*arguments):
                _epoch(record_set, original)
        assert str(caught.value).startswith(f"{path} record {bad} (counted from 0): ")

    # Lenient: all but the bad ones are read.
    found, left_out = find_good_records(str(path), original.data, vocab_size)
    assert [(r.number, r.ends_file) for r in left_out] == (
        [] if bad is None else [(bad, ends_file)]
    )
    gone = [] if bad is None else range(bad, NUM_RECORDS if ends_file else bad + 1)
    assert found.num_examples == NUM_RECORDS - len(gone)
    if bad is not None and found.num_examples:
        kept = [row for i, row in enumerate(original.rows) if i not in gone]
        got = _epoch(found, original)["input_ids"]
        assert sorted(map(bytes, got)) == sorted(kept)


@pytest.mark.parametrize("masking", ["dynamic", "static"])
def test_order_without_bad_records_is_a_function_of_seed_and_step(
    masking, originals, tmp_path
):
    original = originals[masking]
    for i in range(3):
        folder = tmp_path / str(i)
        folder.mkdir()
        path = _write(folder, original.records)
        if i != 1:
            records = [b"" if r % 5 == i else x for r, x in enumerate(original.records)]
            with tf.io.TFRecordWriter(str(path)) as writer:
                for record in records:
                    writer.write(record)
    vocab_size = original.tokenizer.vocab_size
    pattern = f"{tmp_path}/*/*.tfrecord"
    found, bad = find_good_records(pattern, original.data, vocab_size)
    assert [(Path(r.file).parent.name, r.number) for r in bad] == [
        ("0", 0), ("0", 5), ("0", 10), ("2", 2), ("2", 7),
    ]  # fmt: skip
    assert found.num_examples == 3 * NUM_RECORDS - 5

    def take(start, count):
        dataset = batches.training_batches(
            found, original.data, original.tokenizer, 0, 8, start_step=start
        )
        return list(dataset.take(count).as_numpy_iterator())

    unbroken = take(0, 10)
    for start in (3, 7):
        for a, b in zip(unbroken[start:], take(start, 10 - start), strict=True):
            for name in a:
                np.testing.assert_array_equal(a[name], b[name])


def test_damage_without_a_manifest(originals, tmp_path):
    original = originals["dynamic"]
    path = _write(tmp_path, original.records)
    (tmp_path / "manifest.json").unlink()
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(RecordError, match=f"{path} record {NUM_RECORDS - 1} "):
        record_sets.find_records(str(path))


def test_damaged_manifest(originals, tmp_path):
    original = originals["dynamic"]
    path = _write(tmp_path, original.records)
    (tmp_path / "manifest.json").write_text('{"shards": [{"file"')
    with pytest.raises(ConfigError, match="manifest.json is damaged"):
        record_sets.find_records(str(path))


@pytest.mark.integration
@pytest.mark.parametrize("split", ["train", "heldout"])
def test_runs_with_a_bad_record(split, tmp_path):
    data, _ = build_tiny_records(tmp_path / "records")
    path = sorted((tmp_path / "records").glob(f"{split}-*.tfrecord"))[0]
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(path)) as writer:
        for i, record in enumerate(records):
            writer.write(b"nonsense" if i == 3 else record)

    def run(bad_records):
        config = one_layer_config(
            model={"vocab_size": 120},
            data=dataclasses.asdict(data),
            train={
                "num_steps": 3,
                "batch_size": 80,
                "bad_records": bad_records,
                "log_every": 3,
            },
        )
        sources = Sources(records=f"{tmp_path}/records/train-*.tfrecord")
        return pretrain(config, tmp_path / "run", sources)

    with pytest.raises(RecordError, match=f"{path} record 3 .*bad_records"):
        run("strict")
    results = run("skip")  # in the same workdir
    assert results["step"] == 3 and results["bad_records"] == 1
