"""The wall clock jumps: nothing that a run computes or chooses depends on it."""

import os
import random
import time

import pytest

from support.corpus import write_corpus
from support.tiny import one_layer_config
from tf_pretrain.runs.data import Sources
from tf_pretrain.runs.pretrain import pretrain

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("traced_once")]

YEAR = 365 * 86_400.0


@pytest.fixture
def jumping_clock(monkeypatch):
    """time.time() is off by up to ten years, at each call by others; its answers."""
    generator, now, answers = random.Random(0), time.time, []

    def jumping():
        answers.append(now() + generator.uniform(-10, 10) * YEAR)
        return answers[-1]

    def start():
        monkeypatch.setattr(time, "time", jumping)
        monkeypatch.setattr(time, "time_ns", lambda: int(jumping() * 1e9))
        return answers

    return start


def _run(text, workdir):
    config = one_layer_config(
        model={"vocab_size": 120, "hidden_dropout_prob": 0.1},
        data={"max_seq_length": 24, "heldout_fraction": 0.2, "shard_size_mb": 0.004},
        train={"num_steps": 8, "checkpoint_every": 2, "log_every": 1, "eval_steps": 1},
    )
    return pretrain(config, workdir, Sources(inputs=str(text), num_workers=1))


def _reverse_ages(folder):
    """Gives files times against their order, from next year to last year."""
    now = folder.stat().st_mtime
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for number, path in enumerate(paths):
        when = now + YEAR * (1 - 2 * number / len(paths))
        os.utime(path, (when, when))


def _records(workdir):
    return {p.name: p.read_bytes() for p in (workdir / "records").iterdir()}


def test_a_jumping_clock_changes_nothing(tmp_path, jumping_clock, capsys):
    text = write_corpus(tmp_path / "corpus.txt")
    expected = _run(text, tmp_path / "whole")
    answers = jumping_clock()
    jumped = tmp_path / "jumped"
    _run(text, jumped)
    assert len(answers) > 8  # the clock was asked, and jumped
    # Stopped after step 6, restored from a backup: the oldest checkpoint and record
    # seem the newest, and newer than now.
    (jumped / "results.json").unlink()
    (jumped / "checkpoints" / "step-00000008.safetensors").unlink()
    _reverse_ages(tmp_path)
    assert len(list((jumped / "checkpoints").iterdir())) > 1
    capsys.readouterr()
    got = _run(text, jumped)
    assert "continuing at step 6" in capsys.readouterr().out
    assert got["weights_sha256"] == expected["weights_sha256"]
    assert got["eval"] == expected["eval"]
    assert _records(jumped) == _records(tmp_path / "whole")
    names = sorted(path.name for path in (jumped / "checkpoints").iterdir())
    assert names[-1] == "step-00000008.safetensors"
