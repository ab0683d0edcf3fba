"""Full and read-only disks, damaged checkpoints: the same command ends the same."""

import errno
import os
import random

import pytest

from support.tiny import one_layer_config
from tf_pretrain import atomic_files
from tf_pretrain.runs.data import Sources
from tf_pretrain.runs.pretrain import pretrain
from tf_pretrain.training.checkpoints import CheckpointError

pytestmark = pytest.mark.usefixtures("traced_once")


def _run(records, workdir):
    config = one_layer_config(
        model={"vocab_size": 120, "hidden_dropout_prob": 0.1},
        data={"max_seq_length": 24, "max_predictions_per_seq": 5},
        train={"num_steps": 8, "checkpoint_every": 2, "log_every": 4},
    )
    return pretrain(config, workdir, Sources(records=f"{records}/train-*.tfrecord"))


@pytest.fixture(scope="module")
def unbroken(records, tmp_path_factory, traced_once):
    return _run(records, tmp_path_factory.mktemp("whole"))["weights_sha256"]


@pytest.mark.integration
@pytest.mark.parametrize(
    "number,call", [(errno.ENOSPC, "fsync"), (errno.EROFS, "replace")]
)
def test_checkpoint_that_cannot_be_written(
    number, call, records, unbroken, tmp_path, monkeypatch
):
    """The disk fails at the third checkpoint; the run is continued after that."""
    path = tmp_path / "checkpoints"
    original = getattr(os, call)

    def fail(*args):
        if (path / "step-00000004.safetensors").exists():
            raise OSError(number, os.strerror(number))
        return original(*args)

    monkeypatch.setattr(atomic_files.os, call, fail)
    with pytest.raises(CheckpointError, match="step 6 .*that of step 4"):
        _run(records, tmp_path)
    monkeypatch.undo()
    names = sorted(file.name for file in path.iterdir())
    assert names == ["step-00000002.safetensors", "step-00000004.safetensors"]
    assert _run(records, tmp_path)["weights_sha256"] == unbroken


def test_workdir_that_cannot_be_written(records, tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(atomic_files.os, "replace", fail)
    with pytest.raises(OSError, match="Read-only file system"):
        _run(records, tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.integration
@pytest.mark.parametrize("damage", ["truncated", "flipped", "deleted"])
def test_damaged_checkpoints_are_passed_over(
    damage, records, unbroken, tmp_path, capsys
):
    """The two newest are damaged, at places drawn at random."""
    _run(records, tmp_path)
    (tmp_path / "results.json").unlink()
    generator = random.Random(damage)
    for step in (6, 8):
        path = tmp_path / "checkpoints" / f"step-{step:08d}.safetensors"
        content = bytearray(path.read_bytes())
        place = generator.randrange(len(content))
        if damage == "deleted":
            path.unlink()
        elif damage == "truncated":
            path.write_bytes(content[:place])
        else:
            content[place] ^= 1 << generator.randrange(8)
            path.write_bytes(content)
    capsys.readouterr()
    assert _run(records, tmp_path)["weights_sha256"] == unbroken
    output = capsys.readouterr().out
    assert "continuing at step 4" in output
    assert output.count("is damaged") == (0 if damage == "deleted" else 2)
