"""kill -9 at ten random steps: the continued run ends with the unbroken run's bits.

    python -m pytest -m slow tests/runs/test_kill.py

The same on JAX without TensorFlow, at three steps, and SIGTERM at another.

Takes about fifteen minutes. TF_PRETRAIN_CORPUS may name a folder with
`wiki-core.txt.gz` (as for the checks of the golden data) to train on instead of
invented text.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from support import backend_processes
from support.corpus import write_corpus
from support.paths import ROOT

NUM_STEPS, NUM_KILLS = 80, 10


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = os.environ.get("TF_PRETRAIN_CORPUS")
    if folder:
        return f"{folder}/wiki-core.txt.gz"
    return write_corpus(tmp_path_factory.mktemp("text") / "corpus.txt", documents=4000)


def _command(config, text, workdir):
    return [
        sys.executable,
        str(ROOT / "run_pretraining.py"),
        f"--config={ROOT}/configs/{config}.py",
        f"--input={text}",
        f"--workdir={workdir}",
        f"--config.train.num_steps={NUM_STEPS}",
        "--config.train.batch_size=16",
        "--config.train.warmup_steps=10",
        "--config.train.checkpoint_every=7",
        "--config.train.log_every=1",
        "--config.train.eval_steps=2",
    ]


def _results(workdir):
    return json.loads((workdir / "results.json").read_text())


def _last_step(workdir):
    path = workdir / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return json.loads(lines[-1])["step"] if lines else 0


def _kill_at(step, command, workdir, log, number=signal.SIGKILL, env=None):
    """Starts the run, sends the signal once it has logged `step`; the exit status."""
    process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
    try:
        while process.poll() is None:
            try:
                if _last_step(workdir) >= step:
                    # Anywhere in the step: not only right after its line.
                    time.sleep(random.random() * 0.2)
                    break
            except (json.JSONDecodeError, KeyError):
                pass  # a line being written
            time.sleep(0.05)
    finally:
        process.send_signal(number)
        status = process.wait()
    return status


@pytest.mark.slow
@pytest.mark.parametrize("config", ["electra_lab", "albert_lab"])
def test_killed_run_ends_with_the_same_bits(config, text, tmp_path):
    generator = random.Random(config)
    with open(tmp_path / "log", "w") as log:
        whole = _command(config, text, tmp_path / "whole")
        subprocess.run(whole, stdout=log, stderr=log, check=True)
        killed = _command(config, text, tmp_path / "killed")
        for step in sorted(generator.sample(range(1, NUM_STEPS - 1), NUM_KILLS)):
            _kill_at(step, killed, tmp_path / "killed", log)
            assert not (tmp_path / "killed" / "results.json").exists()
        subprocess.run(killed, stdout=log, stderr=log, check=True)
    print((tmp_path / "log").read_text().count("continuing at step"), "continued")
    got, expected = _results(tmp_path / "killed"), _results(tmp_path / "whole")
    assert got["weights_sha256"] == expected["weights_sha256"]
    assert got["eval"] == expected["eval"]


@pytest.mark.slow
def test_on_jax_without_tensorflow(text, tmp_path):
    """200 steps of ELECTRA at laboratory scale, killed three times and stopped once."""
    pytest.importorskip("jax")
    num_steps, every = 200, 20
    env = backend_processes.environment("jax")
    del env["XLA_FLAGS"]
    workdir = tmp_path / "killed"

    def command(folder):
        arguments = _command("electra_lab", text, folder)[1:]
        arguments.append(f"--config.train.num_steps={num_steps}")
        arguments.append(f"--config.train.checkpoint_every={every}")
        return backend_processes.command(*arguments, backend="jax")

    generator = random.Random("jax")
    steps = sorted(generator.sample(range(every, num_steps - 10), 4))
    with open(tmp_path / "log", "w") as log:
        subprocess.run(
            command(tmp_path / "whole"), stdout=log, stderr=log, check=True, env=env
        )
        for step in steps:
            is_last = step == steps[-1]
            number = signal.SIGTERM if is_last else signal.SIGKILL
            status = _kill_at(step, command(workdir), workdir, log, number, env)
            assert status == (143 if is_last else -signal.SIGKILL)
        subprocess.run(command(workdir), stdout=log, stderr=log, check=True, env=env)
    output = (tmp_path / "log").read_text()
    assert output.count("continuing at step") == 4
    got, expected = _results(workdir), _results(tmp_path / "whole")
    print(steps, got["weights_sha256"], expected["weights_sha256"])
    assert got["weights_sha256"] == expected["weights_sha256"]
    assert got["eval"] == expected["eval"]
