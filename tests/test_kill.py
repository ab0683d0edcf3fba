"""kill -9 at ten random steps: the continued run ends with the unbroken run's bits.

    python -m pytest -m slow tests/test_kill.py

Takes about ten minutes. TF_PRETRAIN_CORPUS may name a folder with `wiki-core.txt.gz`
(as for the checks of the golden data) to train on instead of invented text.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpus import write_corpus

ROOT = Path(__file__).parents[1]
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


def _kill_at(step, command, workdir, log):
    """Starts the run and kills it once it has logged `step`."""
    process = subprocess.Popen(command, stdout=log, stderr=log)
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
        process.send_signal(signal.SIGKILL)
        process.wait()


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
