import resource
import signal

import numpy as np
import pytest
import tensorflow as tf

from tf_pretrain.config import DataConfig
from tf_pretrain.data import records
from tf_pretrain.data.batches import parsing_spec


def make_features(num_examples=5, length=200):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 1 << 21, (num_examples, length))
    ids[0, :6] = 0, 127, 128, 16383, 16384, (1 << 21) - 1
    return {
        "input_ids": ids,
        "input_mask": rng.random((num_examples, length)) < 0.5,
        "masked_lm_weights": rng.random((num_examples, 20)).astype(np.float32),
        "next_sentence_labels": np.ones((num_examples, 1), np.int32),
    }


def test_bytes_are_those_of_the_protobuf_library():
    features = make_features(length=9000)  # lengths of one, two and three bytes

    def feature(row):
        if row.dtype == np.float32:
            return tf.train.Feature(float_list=tf.train.FloatList(value=row))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=row.astype(int)))

    for i, got in enumerate(records.encode_examples(features)):
        message = {name: feature(rows[i]) for name, rows in features.items()}
        example = tf.train.Example(features=tf.train.Features(feature=message))
        assert got == example.SerializeToString(deterministic=True)


@pytest.mark.parametrize("value", [-1, 1 << 21])
def test_integers_that_cannot_be_encoded_are_refused(value):
    with pytest.raises(ValueError, match=str(value)):
        records.encode_examples({"input_ids": np.array([[1, value]])})


@pytest.mark.parametrize("example_format", ["electra", "sentence_order"])
@pytest.mark.parametrize("masking", ["static", "dynamic"])
def test_what_is_written_is_read(tmp_path, example_format, masking):
    data = DataConfig(max_seq_length=16, example_format=example_format, masking=masking)
    spec = records.feature_spec(data)
    rng = np.random.default_rng(0)
    written = {
        name: rng.integers(0, 1000, (7, length)).astype(dtype)
        for name, (length, dtype) in spec.items()
    }
    records.write_shard(tmp_path / "a.tfrecord", records.encode_examples(written))
    dataset = tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord")).batch(7)
    (got,) = dataset.map(lambda x: tf.io.parse_example(x, parsing_spec(spec)))
    assert set(got) == set(written)
    for name, value in written.items():
        assert got[name].dtype == value.dtype
        np.testing.assert_array_equal(got[name], value)
    assert ("token_boundary" in got) == (example_format != "electra")
    assert ("masked_lm_ids" in got) == (masking == "static")


def test_a_full_disk_leaves_no_half_shard(tmp_path):
    serialized = records.encode_examples(make_features(400))
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        with pytest.raises(OSError, match="a.tfrecord"):
            records.write_shard(tmp_path / "a.tfrecord", serialized)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())
