import numpy as np
import pytest

from support.tiny import tiny_config
from support.training import fit
from tf_pretrain.training import checkpoints
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.strategy import build_strategy


@pytest.fixture(scope="module")
def trained():
    return fit(tiny_config())[1]


def _fresh():
    return build_trainer(tiny_config(), build_strategy("one"))


def test_restores_every_variable(trained, tmp_path):
    checkpoints.save(tmp_path, 5, trained, keep=2, metadata={"seconds": 1.5})
    fresh = _fresh()
    assert checkpoints.weights_sha256(fresh) != checkpoints.weights_sha256(trained)
    assert checkpoints.restore(tmp_path, fresh) == (5, {"seconds": 1.5})
    pairs = zip(
        checkpoints.named_variables(trained).items(),
        checkpoints.named_variables(fresh).items(),
        strict=True,
    )
    for (name, a), (same_name, b) in pairs:
        assert name == same_name
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert fresh.optimizer.iterations.numpy() == 5


def test_nothing_to_restore(tmp_path):
    assert checkpoints.restore(tmp_path / "none", _fresh()) == (0, {})


def test_keeps_the_newest(trained, tmp_path):
    for step in (1, 2, 3, 4):
        checkpoints.save(tmp_path, step, trained, keep=2, metadata={})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-00000003.safetensors", "step-00000004.safetensors"]


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_a_damaged_file_is_passed_over(trained, tmp_path, damage, capsys):
    checkpoints.save(tmp_path, 1, trained, keep=5, metadata={})
    path = checkpoints.save(tmp_path, 2, trained, keep=5, metadata={})
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-10] ^= 1
    path.write_bytes({"truncate": content[:-100], "empty": b""}.get(damage, content))
    step, _ = checkpoints.restore(tmp_path, _fresh())
    assert step == 1
    assert "step-00000002.safetensors is damaged" in capsys.readouterr().out
    # It does not count as one of those that are kept.
    checkpoints.save(tmp_path, 1, trained, keep=1, metadata={})
    assert checkpoints.restore(tmp_path, _fresh())[0] == 1
    assert not path.exists()


def test_another_model_is_refused(trained, tmp_path):
    checkpoints.save(tmp_path, 1, trained, keep=5, metadata={})
    wide = build_trainer(
        tiny_config(model={"intermediate_size": 64}), build_strategy("one")
    )
    with pytest.raises(checkpoints.CheckpointError, match="intermediate.*shape"):
        checkpoints.restore(tmp_path, wide)
    deep = build_trainer(
        tiny_config(model={"num_hidden_layers": 3}), build_strategy("one")
    )
    with pytest.raises(checkpoints.CheckpointError, match="missing.*attention_2"):
        checkpoints.restore(tmp_path, deep)


def test_full_disk_leaves_the_last_good_one(trained, tmp_path, monkeypatch):
    checkpoints.save(tmp_path, 1, trained, keep=5, metadata={})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tf_pretrain.atomic_files.os.fsync", full)
    with pytest.raises(checkpoints.CheckpointError, match="No space left.*step 1"):
        checkpoints.save(tmp_path, 2, trained, keep=5, metadata={})
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.safetensors"]
    assert checkpoints.restore(tmp_path, _fresh())[0] == 1
