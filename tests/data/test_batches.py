import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from support.corpus import build_tiny_records
from tf_pretrain.data import batches, record_sets
from tf_pretrain.errors import ConfigError


@pytest.fixture(scope="module", params=["dynamic", "static"])
def tiny(request, tmp_path_factory):
    """(record set, data config, tokenizer) with one of both kinds of masks."""
    folder = tmp_path_factory.mktemp("records")
    data, tokenizer = build_tiny_records(folder, masking=request.param)
    return record_sets.find_records(f"{folder}/train-*.tfrecord"), data, tokenizer


def _take(tiny, count, seed=0, batch_size=8, **kwargs):
    dataset = batches.training_batches(*tiny, seed, batch_size, **kwargs)
    return list(dataset.take(count).as_numpy_iterator())


def _assert_same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_batch_s_is_a_function_of_seed_and_s(tiny):
    unbroken = _take(tiny, 12)
    _assert_same(unbroken, _take(tiny, 12))
    for start in (1, 7):
        _assert_same(unbroken[start:], _take(tiny, 12 - start, start_step=start))
    other = _take(tiny, 1, seed=1)[0]
    assert (other["input_ids"] != unbroken[0]["input_ids"]).any()


def test_every_epoch_has_every_example_once_in_another_order(tiny):
    count = tiny[0].num_examples
    epochs = [
        _take(tiny, 1, batch_size=count, start_step=step)[0]["input_ids"]
        for step in (0, 1)
    ]
    assert (epochs[0] != epochs[1]).any()
    rows = [sorted(map(bytes, epoch)) for epoch in epochs]
    assert rows[0] == rows[1]
    # A batch that spans two epochs continues with the next one.
    size = count // 2 + 1
    spanning = _take(tiny, 2, batch_size=size)
    expected = np.concatenate(epochs)[: 2 * size]
    got = np.concatenate([batch["input_ids"] for batch in spanning])
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("pipelines,replicas", [(2, 1), (1, 2), (2, 2)])
def test_replicas_share_the_global_batch(tiny, pipelines, replicas):
    whole = _take(tiny, 3)
    parts = [
        _take(
            tiny,
            3 * replicas,
            num_pipelines=pipelines,
            pipeline=pipeline,
            replicas_per_pipeline=replicas,
        )
        for pipeline in range(pipelines)
    ]
    for step, batch in enumerate(whole):
        elements = [
            part[step * replicas + r] for part in parts for r in range(replicas)
        ]
        for name in batch:
            got = np.concatenate([element[name] for element in elements])
            np.testing.assert_array_equal(got, batch[name], err_msg=name)


def test_masks_hide_the_original_tokens(tiny):
    _, _, tokenizer = tiny
    batch = _take(tiny, 1)[0]
    row, slot = np.nonzero(batch["masked_lm_weights"])
    position = batch["masked_lm_positions"][row, slot]
    chosen = np.zeros_like(batch["input_ids"])
    chosen[row, position] = 1
    np.testing.assert_array_equal(
        batch["input_ids"][row, position], batch["masked_lm_ids"][row, slot]
    )
    assert tokenizer.mask_id not in batch["input_ids"]
    assert tokenizer.mask_id in batch["masked_input_ids"]
    differs = batch["input_ids"] != batch["masked_input_ids"]
    assert not (differs & (chosen == 0)).any()


def test_evaluation_pads_with_empty_rows_and_repeats(tiny):
    record_set, data, tokenizer = tiny
    size = record_set.num_examples - 3
    dataset = batches.evaluation_batches(record_set, data, tokenizer, 0, size, 5)
    first, second = (list(dataset.as_numpy_iterator()) for _ in range(2))
    _assert_same(first, second)
    assert len(first) == 2
    real = np.concatenate([batch["input_mask"].any(1) for batch in first])
    assert real.sum() == record_set.num_examples
    assert first[1]["masked_lm_weights"][3:].sum() == 0
    assert first[1]["masked_lm_weights"][:3].sum() > 0


def test_nothing_to_tune(tiny):
    """Else deleting an iterator waits for tf.data's tuner, up to a minute."""
    training = batches.training_batches(*tiny, 0, 8)
    evaluation = batches.evaluation_batches(*tiny, 0, 8, 2)
    assert training.options().autotune.enabled is False
    assert evaluation.options().autotune.enabled is False


def test_too_few_examples(tiny):
    with pytest.raises(ConfigError, match="too few for a batch of 100000"):
        batches.training_batches(*tiny, 0, 100_000)


def test_no_such_records(tmp_path):
    with pytest.raises(ConfigError, match="no record file matches"):
        record_sets.find_records(f"{tmp_path}/*.tfrecord")


def test_records_without_a_manifest_are_counted(tiny, tmp_path):
    record_set, _, _ = tiny
    for number, name in enumerate(record_set.files):
        (tmp_path / f"{number}.tfrecord").write_bytes(open(name, "rb").read())
    found = record_sets.find_records(f"{tmp_path}/*.tfrecord")
    assert found.num_examples == record_set.num_examples


def test_the_manifest_counts_what_a_relative_pattern_finds(tmp_path, monkeypatch):
    build_tiny_records(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifest.json").write_text(
        json.dumps(
            {
                "shards": [
                    {"file": path.name, "examples": 7}
                    for path in tmp_path.glob("train-*.tfrecord")
                ]
            }
        )
    )
    files, counts = record_sets._files("./train-*.tfrecord")
    assert set(files) == set(counts) and set(counts.values()) == {7}


def test_records_of_the_original_programs(tmp_path):
    """ELECTRA's and ALBERT's features under their names; ELECTRA's by themselves."""
    folder = tmp_path / "ours"
    data, tokenizer = build_tiny_records(folder, masking="static")
    path = next(folder.glob("train-*.tfrecord"))
    example = tf.train.Example.FromString(
        next(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    )
    assert set(example.features.feature) == {
        "input_ids",
        "input_mask",
        "segment_ids",
        "token_boundary",
        "masked_lm_positions",
        "masked_lm_ids",
        "masked_lm_weights",
        "next_sentence_labels",
    }
    dynamic = dataclasses.replace(data, masking="dynamic", example_format="electra")
    for name in list(example.features.feature):
        if name not in ("input_ids", "input_mask", "segment_ids"):
            del example.features.feature[name]
    with tf.io.TFRecordWriter(str(tmp_path / "electra.tfrecord")) as writer:
        for _ in range(4):
            writer.write(example.SerializeToString())
    record_set = record_sets.find_records(str(tmp_path / "electra.tfrecord"))
    batch = _take((record_set, dynamic, tokenizer), 1, batch_size=4)[0]
    expected = example.features.feature["input_ids"].int64_list.value
    np.testing.assert_array_equal(batch["input_ids"], [expected] * 4)
