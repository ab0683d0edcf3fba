"""SIGTERM: a checkpoint, exit code 143, and a resume with the same bits."""

import json
import threading
import time
import types

import pytest

from support import programs
from support.corpus import build_tiny_records
from support.paths import PYTHONPATH
from tf_pretrain.config import TrainConfig
from tf_pretrain.training import callbacks, checkpoints

pytestmark = pytest.mark.integration

STEP = 7  # train_tiny.py writes a checkpoint every five steps

_KILLED = f"""
import os, signal, sys, time
from support import train_tiny
from tf_pretrain.training import callbacks

def terminate(self, batch, logs=None):
    if self.start_step + batch + 1 == {STEP}:
        print("killed at", time.time(), flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

callbacks.PeriodicEvaluation.on_train_batch_end = terminate
train_tiny.run(sys.argv[1], sys.argv[2], "one")
"""
_RESUMED = """
import sys
from support import train_tiny
for workdir in sys.argv[2:]:
    train_tiny.run(sys.argv[1], workdir, "one")
"""


def _python(code, *arguments):
    return programs.run("-c", code, *arguments, PYTHONPATH=PYTHONPATH)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    build_tiny_records(folder)
    return folder


def test_sigterm_leaves_a_checkpoint_and_resumes_exactly(records, tmp_path):
    killed = _python(_KILLED, records, tmp_path / "killed")
    exited = time.time()
    assert killed.returncode == 143, killed.stderr
    began = float(killed.stdout.split("killed at ")[1].split()[0])
    assert exited - began < 30  # what is promised, not a timing
    assert f"stopped after step {STEP}" in killed.stdout
    assert checkpoints.latest_step(tmp_path / "killed" / "checkpoints") == STEP
    resumed = _python(_RESUMED, records, tmp_path / "killed", tmp_path / "whole")
    assert resumed.returncode == 0, resumed.stderr
    assert f"continuing at step {STEP}" in resumed.stdout
    results = [
        json.loads((tmp_path / name / "results.json").read_text())
        for name in ("killed", "whole")
    ]
    assert results[0]["weights_sha256"] == results[1]["weights_sha256"]
    assert results[0]["eval"] == results[1]["eval"]


def test_sigterm_waits_for_a_step_that_can_be_kept(tmp_path, monkeypatch):
    """The weights after a skipped step are good, but steps are not kept from there."""
    saved = []
    monkeypatch.setattr(
        checkpoints, "save", lambda folder, step, *_: saved.append(step)
    )
    stop = threading.Event()
    stop.set()
    train = TrainConfig(num_steps=10, checkpoint_every=100)
    hook = callbacks.Checkpoint(tmp_path, 0, train, dict, stop)
    hook.set_model(types.SimpleNamespace(sync=lambda: None))
    hook.on_train_batch_end(0, {"gradient_norm": float("nan")})
    assert not saved
    with pytest.raises(SystemExit) as stopped:
        hook.on_train_batch_end(1, {"gradient_norm": 1.0})
    assert (saved, stopped.value.code) == ([2], 143)
