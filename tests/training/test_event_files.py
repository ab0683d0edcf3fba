"""Files for TensorBoard, read by TensorFlow."""

import builtins

import tensorflow as tf

from tf_pretrain.training.event_files import EventFile


def test_tensorflow_reads_what_was_written(tmp_path):
    events = EventFile(tmp_path / "a" / "b")
    written = [(3, {"train/loss": 1.5, "train/x": -2.25}), (2**40, {"eval/y": 0.125})]
    for step, scalars in written:
        events.write(step, scalars)
    (path,) = (tmp_path / "a" / "b").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    version, *found = tf.compat.v1.train.summary_iterator(str(path))
    assert version.file_version == "brain.Event:2"
    assert version.wall_time <= found[0].wall_time <= found[1].wall_time
    assert [
        (event.step, {v.tag: v.simple_value for v in event.summary.value})
        for event in found
    ] == written


def test_without_tensorboard_nothing_is_written(tmp_path, monkeypatch):
    original = builtins.__import__

    def missing(name, *arguments):
        if name.startswith("tensorboard"):
            raise ImportError(name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    EventFile(tmp_path / "none").write(1, {"train/loss": 1.0})
    monkeypatch.undo()
    assert not (tmp_path / "none").exists()
