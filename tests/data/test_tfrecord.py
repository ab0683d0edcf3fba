"""The framing and parsing without TensorFlow, with TensorFlow as the judge."""

import random

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError

from tf_pretrain.data.batches import parsing_spec
from tf_pretrain.data.example_parsing import FeatureSpec, parse_examples
from tf_pretrain.data.tfrecord import DamageError, TFRecordReader, write_records

RECORDS = [b"", b"a", bytes(range(256)) * 3, b"\xff" * 70_000]
LENGTH = 6
SPEC = {
    "input_ids": FeatureSpec(LENGTH, np.int64),
    "masked_lm_weights": FeatureSpec(3, np.float32),
    "next_sentence_labels": FeatureSpec(1, np.int64),
}


def write_with_tensorflow(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def test_files_are_those_of_tensorflow(tmp_path):
    expected = write_with_tensorflow(tmp_path / "expected", RECORDS)
    write_records(tmp_path / "got", RECORDS)
    assert (tmp_path / "got").read_bytes() == expected.read_bytes()
    with TFRecordReader(expected) as reader:
        assert reader.read(3) == RECORDS[:3] and reader.number == 3
        assert reader.read(3) == RECORDS[3:] and reader.number == 4
        assert reader.read(3) == []
    with TFRecordReader(expected) as reader:
        reader.skip(2)
        assert reader.read(1) == RECORDS[2:3]


@pytest.mark.parametrize("place", [0, 5, 8, 12, 15, 17, 40])
def test_damage_is_found_at_its_record(tmp_path, place):
    path = write_with_tensorflow(tmp_path / "a", [b"first", b"other", b"third"])
    size = len(b"first") + 16  # a frame
    content = bytearray(path.read_bytes())
    content[size + place % size] ^= 4
    path.write_bytes(content)
    with TFRecordReader(path) as reader:
        assert reader.read(9) == [b"first"] and reader.number == 1
        for _ in range(2):
            with pytest.raises(DamageError, match="checksum"):
                reader.read(9)


@pytest.mark.parametrize("left", [1, 11, 12, 14, 20])
def test_a_file_that_was_cut_off(tmp_path, left):
    path = write_with_tensorflow(tmp_path / "a", [b"first", b"other"])
    path.write_bytes(path.read_bytes()[: 21 + left])
    with TFRecordReader(path) as reader:
        assert reader.read(9) == [b"first"]
        with pytest.raises(DamageError, match="the file ends"):
            reader.read(9)
    with TFRecordReader(path) as reader:
        with pytest.raises(DamageError, match="the file ends"):
            reader.skip(2)
        assert reader.number == 1


def test_no_such_file(tmp_path):
    with pytest.raises(DamageError, match="No such file"):
        TFRecordReader(tmp_path / "a")


def make_example(ids, weights=(0.5, 1.0, -2.0), label=1, extra=False):
    features = {
        "input_ids": tf.train.Feature(int64_list=tf.train.Int64List(value=ids)),
        "masked_lm_weights": tf.train.Feature(
            float_list=tf.train.FloatList(value=weights)
        ),
        "next_sentence_labels": tf.train.Feature(
            int64_list=tf.train.Int64List(value=[label])
        ),
    }
    if extra:
        value = tf.train.BytesList(value=[b"one", b"two"])
        features["title"] = tf.train.Feature(bytes_list=value)
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def field(number, content):
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def entry(name, list_field, content):
    return field(1, field(1, name.encode()) + field(2, field(list_field, content)))


def unusual_examples():
    """Legal ones that are not laid out as the usual serialisation is."""
    numbers = bytes([1, 2, 3, 4, 5, 6])
    unpacked = b"".join(bytes([1 << 3, n]) for n in numbers)
    floats = np.array([1, 2, 3], "<f4").tobytes()
    unpacked_floats = b"".join(b"\x0d" + floats[i : i + 4] for i in (0, 4, 8))
    ids = entry("input_ids", 3, field(1, numbers))
    weights = entry("masked_lm_weights", 2, field(1, floats))
    label = entry("next_sentence_labels", 3, field(1, b"\x01"))
    value_first = field(
        1, field(2, field(3, field(1, b"\x01"))) + field(1, b"next_sentence_labels")
    )
    return {
        "usual": field(1, ids + weights + label),
        "other order": field(1, label + weights + ids),
        "unpacked": field(1, entry("input_ids", 3, unpacked) + weights + label),
        "unpacked floats": field(
            1, ids + entry("masked_lm_weights", 2, unpacked_floats) + label
        ),
        "value before key": field(1, ids + weights + value_first),
        "unknown field": field(1, ids + weights + label) + field(9, b"?"),
    }  # fmt: skip


def assert_as_tensorflow(serialized):
    expected = tf.io.parse_example(serialized, parsing_spec(SPEC))
    got, reasons = parse_examples(serialized, SPEC)
    assert not reasons
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values.numpy(), err_msg=name)


@pytest.mark.parametrize("kind", unusual_examples())
def test_any_legal_example(kind):
    usual = unusual_examples()["usual"]
    assert_as_tensorflow([usual, unusual_examples()[kind], usual])


@pytest.mark.parametrize("limit", [1, 128, 30_000, 1 << 40, 1 << 63])
def test_integers_of_all_sizes(limit):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, limit, (40, LENGTH), dtype=np.int64)
    if limit > 1 << 40:
        rows[::3] *= -1  # ten bytes each
    assert_as_tensorflow(
        [make_example(row, extra=i % 5 == 0) for i, row in enumerate(rows)]
    )


def test_no_examples():
    features, reasons = parse_examples([], SPEC)
    assert features["input_ids"].shape == (0, LENGTH) and not reasons


@pytest.mark.parametrize(
    "bad,reason",
    [
        (make_example([1] * 5), "input_ids has 5 values, not 6"),
        (make_example([300] * 7), "input_ids has 7 values, not 6"),
        (make_example([]), "input_ids has 0 values, not 6"),
        (
            field(1, entry("input_ids", 2, field(1, bytes(24)))),
            "input_ids holds floats, not integers",
        ),
        (b"", "input_ids is missing"),
        (b"nonsense", "not a tf.train.Example"),
        (make_example([1] * 6)[:-2], "not a tf.train.Example"),
    ],
)
def test_what_is_wrong_is_said(bad, reason):
    good = make_example([1000] * LENGTH)
    features, reasons = parse_examples([good, bad, good], SPEC)
    assert list(reasons) == [1] and reason in reasons[1]
    assert (features["input_ids"] == [[1000], [0], [1000]]).all()


def test_mutated_bytes_are_judged_as_by_tensorflow():
    random_ = random.Random(0)
    ids = [0, 127, 128, 70_000, 5, 1 << 33]
    refused = 0
    for _ in range(600):
        content = bytearray(make_example(ids, extra=random_.random() < 0.3))
        for _ in range(random_.choice([1, 1, 2])):
            content[random_.randrange(len(content))] = random_.randrange(256)
        content = bytes(content)
        got, reasons = parse_examples([content], SPEC)
        try:
            expected = tf.io.parse_example([content], parsing_spec(SPEC))
        except (tf.errors.OpError, UnicodeDecodeError):
            if not reasons:  # nor does it like unknown fields, which are legal
                tf.train.Example.FromString(content)
            refused += 1
            continue
        if reasons:  # TensorFlow's parser overlooks some wrong lengths
            with pytest.raises(DecodeError):
                tf.train.Example.FromString(content)
            refused += 1
            continue
        for name, values in expected.items():
            np.testing.assert_array_equal(got[name], values.numpy(), err_msg=name)
    assert 100 < refused < 550
