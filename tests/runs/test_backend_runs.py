"""run_pretraining.py on each Keras backend, as on machines without the others."""

import json
import random

import numpy as np
import pytest

import tf_pretrain
from support.backend_processes import needs, run
from support.corpus import build_tiny_records, write_corpus
from support.paths import ROOT, SUPPORT
from support.tiny import one_layer_config, with_dropout
from tf_pretrain import atomic_files
from tf_pretrain.config import to_dict
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.training import checkpoints
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.strategy import build_strategy

pytestmark = pytest.mark.integration

PROGRAM = ROOT / "run_pretraining.py"
NUM_STEPS = 10
CONFIG = with_dropout(
    one_layer_config(
        model={"vocab_size": 120},
        data={"max_seq_length": 24, "max_predictions_per_seq": 5},
        train={
            "num_steps": NUM_STEPS,
            "warmup_steps": 2,
            "learning_rate": 0.002,
            "log_every": 1,
            "checkpoint_every": 4,
            "eval_steps": 2,
        },
    ),
    rate=0.1,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Records, a config file, and a workdir of weights to start from."""
    folder = tmp_path_factory.mktemp("backends")
    build_tiny_records(folder / "records")
    (folder / "tiny.py").write_text(
        "from tf_pretrain.config import PretrainConfig, from_dict\n\n\n"
        f"def get_config():\n    return from_dict(PretrainConfig, {to_dict(CONFIG)})\n"
    )
    initial = folder / "initial"
    trainer = build_trainer(CONFIG, build_strategy("one"))
    tokenizer = load_tokenizer(folder / "records")
    described = {"vocabulary": tokenizer.fingerprint}
    checkpoints.save(initial / "checkpoints", 0, trainer, 1, described)
    atomic_files.write_json(initial / "config.json", to_dict(CONFIG))
    tokenizer.save(initial)
    return folder


def _arguments(folder, workdir, *more, jit_compile=True):
    return [
        PROGRAM,
        f"--config={folder}/tiny.py",
        f"--records={folder}/records/train-*.tfrecord",
        f"--workdir={workdir}",
        f"--config.train.jit_compile={str(jit_compile).lower()}",
        *more,
    ]


@pytest.fixture(scope="module")
def trained(folder):
    """{backend: workdir} of runs from the same weights, when first asked for."""
    workdirs = {}

    def train(backend):
        if backend not in workdirs:
            workdirs[backend] = folder / backend
            done = run(
                *_arguments(
                    folder,
                    workdirs[backend],
                    f"--init_checkpoint={folder}/initial",
                    # TensorFlow is slow to compile what runs ten times.
                    jit_compile=backend == "jax",
                ),
                backend=backend,
            )
            assert done.returncode == 0, done.stderr[-3000:]
        return workdirs[backend]

    return train


def _lines(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _results(workdir):
    return json.loads((workdir / "results.json").read_text())


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_the_command_trains_the_same(trained, backend):
    """Losses, norms, rates and held-out scores, from the same weights."""
    pairs = zip(_lines(trained("tensorflow")), _lines(trained(backend)), strict=True)
    steps = []
    for expected, got in pairs:
        assert got.keys() == expected.keys()
        assert got["step"] == expected["step"]
        if "eval" in expected:
            expected, got = expected["eval"], got["eval"]
        else:
            steps.append(got["step"])
        for name in expected.keys() - {"step", "tokens_per_s"}:
            np.testing.assert_allclose(
                got[name], expected[name], rtol=1e-4, atol=1e-7, err_msg=name
            )
    assert steps == list(range(1, NUM_STEPS + 1))


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_the_workdir_is_the_same(trained, backend):
    def files(workdir):
        paths = workdir.rglob("*")
        names = {str(p.relative_to(workdir)) for p in paths if p.is_file()}
        return {name for name in names if not name.startswith("tensorboard")}

    workdir, expected = trained(backend), trained("tensorflow")
    assert files(workdir) == files(expected)
    for name in ("config.json", "vocab.txt", "tokenizer.json", "metrics.jsonl"):
        assert name in files(workdir)
    assert {"curves.png", "results.json"} <= files(workdir)
    for name in ("vocab.txt", "tokenizer.json"):
        assert (workdir / name).read_bytes() == (expected / name).read_bytes()
    got, on_tensorflow = _results(workdir), _results(expected)
    assert got.keys() == on_tensorflow.keys()
    assert got["backend"] == backend
    for name in ("step", "parameters", "encoder_parameters", "skipped_steps"):
        assert got[name] == on_tensorflow[name]


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_its_encoder_loads_here(trained, backend):
    features = {"input_ids": np.array([[2, 7, 9, 3], [2, 8, 3, 0]], np.int32)}
    expected, got = (
        tf_pretrain.load_encoder(trained(name))(features)["sequence_output"]
        for name in ("tensorflow", backend)
    )
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    trainer = tf_pretrain.load_pretrainer(trained(backend))
    sha256 = _results(trained(backend))["weights_sha256"]
    assert checkpoints.weights_sha256(trainer) == sha256


@pytest.mark.parametrize("backend", needs("jax"))
def test_a_run_that_is_killed_and_stopped_ends_with_the_same_bits(
    folder, trained, backend, tmp_path
):
    """SIGKILL at a random step after the first checkpoint, then SIGTERM."""
    arguments = _arguments(folder, tmp_path, f"--init_checkpoint={folder}/initial")
    killed_at = random.choice([5, 6, 7])
    killed = run(SUPPORT / "signal_at.py", 9, killed_at, *arguments, backend=backend)
    assert killed.returncode == -9, killed.stderr[-3000:]
    assert checkpoints.latest_step(tmp_path / "checkpoints") == 4
    stopped = run(SUPPORT / "signal_at.py", 15, 9, *arguments, backend=backend)
    assert stopped.returncode == 143, stopped.stderr[-3000:]
    assert "continuing at step 4" in stopped.stdout
    assert "SIGTERM: stopped after step 9" in stopped.stdout
    done = run(*arguments, backend=backend)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "continuing at step 9" in done.stdout
    got, expected = _results(tmp_path), _results(trained(backend))
    assert got["weights_sha256"] == expected["weights_sha256"], killed_at
    assert got["eval"] == expected["eval"]
    trains = [line["step"] for line in _lines(tmp_path) if "eval" not in line]
    assert trains == list(range(1, NUM_STEPS + 1))


@pytest.mark.parametrize("backend", needs("jax"))
def test_what_a_backend_cannot_do_is_one_line(folder, tmp_path, backend):
    """Each such setting: test_jax_step.py."""
    arguments = _arguments(folder, tmp_path, "--config.train.accumulation_steps=2")
    done = run(*arguments, backend=backend)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "error: train.accumulation_steps needs the TensorFlow backend, but "
        f"KERAS_BACKEND is {backend!r}"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("program", ["run_pretraining.py", "run_finetuning.py"])
@pytest.mark.parametrize(
    "chosen,without,message",
    [
        ("pytorch", "", "KERAS_BACKEND is 'pytorch'; expected one of tensorflow, jax"),
        ("jax", "jax", "'jax', but jax is not installed: `pip install jax`, or set "),
        ("tensorflow", "", "'tensorflow', but tensorflow is not installed: `pip"),
        ("", "jax torch", "Keras' backend is 'tensorflow', but tensorflow is not inst"),
    ],
)
def test_a_backend_that_is_not_there(tmp_path, program, chosen, without, message):
    done = run(
        SUPPORT / "without_tensorflow.py",
        ROOT / program,
        backend="tensorflow",  # which the program above takes away
        KERAS_BACKEND=chosen,
        KERAS_HOME=str(tmp_path),
        WITHOUT=without,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and message in line
    if "jax" not in without:
        assert "KERAS_BACKEND=jax" in line or chosen == "pytorch"


@pytest.mark.parametrize("backend", needs("jax"))
def test_text_to_records_without_tensorflow(tmp_path, backend):
    """The whole way from text; records and vocabulary are the same bytes."""
    text = write_corpus(tmp_path / "corpus.txt")
    folders = []
    for name in ("tensorflow", backend):
        data = {**to_dict(CONFIG)["data"], "heldout_fraction": 0.2}
        data |= {"shard_size_mb": 0.004}
        code = (
            "import sys; from pathlib import Path\n"
            "from tf_pretrain.config import *\n"
            "from tf_pretrain.runs.data import *\n"
            f"config = from_dict(PretrainConfig, {to_dict(CONFIG) | {'data': data}})\n"
            f"folder = Path({str(tmp_path / name)!r})\n"
            f"prepare_data(config, folder, Sources({str(text)!r}, num_workers=1))\n"
        )
        (tmp_path / "build.py").write_text(code)
        done = run(tmp_path / "build.py", backend=name)
        assert done.returncode == 0, done.stderr[-3000:]
        folders.append(tmp_path / name / "records")
    names = [sorted(p.name for p in folder.iterdir()) for folder in folders]
    assert names[0] == names[1] and len(names[0]) > 5
    for name in names[0]:
        if name != "manifest.json":
            contents = [(folder / name).read_bytes() for folder in folders]
            assert contents[0] == contents[1], name
