"""The kit for one GPU: rehearsed on a CPU from records to fine-tuned weights."""

import json

import numpy as np
import pytest
import safetensors.numpy

from benchmarks import gpu_kit
from support.backend_processes import run
from support.corpus import build_tiny_records
from support.paths import ROOT
from tf_pretrain.training import checkpoints

pytestmark = pytest.mark.integration

MODULE = ROOT / "benchmarks" / "gpu_kit.py"


def test_parts_hold_the_records(tmp_path, monkeypatch):
    """Each at most as large as asked for, and together everything."""
    build_tiny_records(tmp_path / "records")
    gpu_kit.pack(tmp_path / "records", tmp_path / "parts", part_mib=0.11)
    parts = sorted((tmp_path / "parts").iterdir())
    assert len(parts) > 1
    assert all(path.stat().st_size <= 0.11 * 2**20 for path in parts)
    gpu_kit.unpack(tmp_path / "parts", tmp_path / "again")
    names = {path.name for path in (tmp_path / "again").iterdir()}
    expected = {path.name for path in (tmp_path / "records").glob("*.tfrecord")}
    assert names == expected | {"manifest.json", "tokenizer.json", "vocab.txt"}
    for name in names:
        content = (tmp_path / "again" / name).read_bytes()
        assert content == (tmp_path / "records" / name).read_bytes(), name


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """A folder with records, parts, out (what the run wrote) and its workdir."""
    pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp("kit")
    build_tiny_records(folder / "records", length=128)
    gpu_kit.pack(folder / "records", folder / "parts", part_mib=0.11)
    done = run(
        MODULE,
        "run",
        f"--parts={folder}/parts",
        f"--output={folder}/out",
        f"--workdir={folder}/workdir",
        "--minutes=0.1",
        "--weights_every=1",
        "--tiny",
        backend="jax",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "replaced_token_auc" in done.stdout
    return folder


def test_joined_weights_are_those_of_the_last_checkpoint(rehearsed):
    folder = rehearsed
    results = json.loads((folder / "out" / "results.json").read_text())
    assert results["backend"] == "jax" and results["step"] > 32
    assert len(list((folder / "out").glob("weights-*.safetensors"))) > 0
    gpu_kit.join(folder / "out", folder / "records", folder / "joined")
    _, got, header = checkpoints.read_newest(folder / "joined" / "checkpoints")
    _, expected, _ = checkpoints.read_newest(folder / "workdir" / "run" / "checkpoints")
    assert int(header["step"]) == results["step"]
    for name, value in got.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)
    networks = ("model/discriminator/", "model/generator/")
    assert got.keys() >= {name for name in expected if name.startswith(networks)}
    assert {name.split("/")[1] for name in got} >= {"discriminator", "generator"}


def test_it_is_fine_tuned(rehearsed):
    folder = rehearsed
    gpu_kit.join(folder / "out", folder / "records", folder / "joined")
    (folder / "task").mkdir()
    for split in ("train", "dev"):
        rows = "sentence\tlabel\n" + "bake li\tp\nmonu ra\tn\n" * 8
        (folder / "task" / f"{split}.tsv").write_text(rows)
    done = run(
        ROOT / "run_finetuning.py",
        f"--task={folder}/task",
        f"--init_checkpoint={folder}/joined",
        f"--workdir={folder}/tuned",
        "--config.finetune.num_steps=3",
        "--config.finetune.num_trials=1",
        "--config.finetune.max_seq_length=16",
        backend="jax",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads((folder / "tuned" / "results.json").read_text())
    assert results["trials"][0]["history"][-1]["step"] == 3


def test_parts_that_do_not_belong_together_are_refused(tmp_path):
    build_tiny_records(tmp_path / "records")
    values = {"step": "7", "parts": "2", "config": "{}"}
    for number, step in ((1, "7"), (2, "8")):
        content = safetensors.numpy.save(
            {f"v{number}": np.ones(3, np.float32)}, metadata=values | {"step": step}
        )
        (tmp_path / f"weights-{number}-of-2.safetensors").write_bytes(content)
    arguments = tmp_path, tmp_path / "records", tmp_path / "joined"
    with pytest.raises(ValueError, match="2 parts of .*'7', '2'.*'8', '2'"):
        gpu_kit.join(*arguments)
    (tmp_path / "weights-2-of-2.safetensors").unlink()
    with pytest.raises(ValueError, match="1 parts of"):
        gpu_kit.join(*arguments)
    assert not (tmp_path / "joined").exists()


def test_without_an_accelerator_it_says_so(tmp_path):
    pytest.importorskip("jax")
    done = run(
        MODULE,
        "run",
        f"--parts={tmp_path}",
        f"--output={tmp_path}/out",
        backend="jax",
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: no accelerator that Keras on jax can use; --tiny rehearses on a CPU"
    )
    assert "Traceback" not in done.stderr and not (tmp_path / "out").exists()
