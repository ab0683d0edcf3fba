"""Replicas and workers in processes of their own against one device."""

import json
import socket
from pathlib import Path

import numpy as np
import pytest

from support.corpus import build_tiny_records
from support.paths import PYTHONPATH, SUPPORT
from support.programs import Program
from support.train_tiny import NUM_STEPS, run

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    build_tiny_records(folder)
    return folder


@pytest.fixture(scope="module")
def one_device(records, tmp_path_factory):
    """Losses of every step on one device."""
    workdir = tmp_path_factory.mktemp("one")
    run(records, workdir, "one")
    return _losses(workdir)


def _losses(workdir):
    lines = [json.loads(line) for line in open(Path(workdir) / "metrics.jsonl")]
    steps = [line for line in lines if "eval" not in line]
    assert [line["step"] for line in steps] == list(range(1, NUM_STEPS + 1))
    names = ("loss", "masked_lm", "replaced_token", "gradient_norm")
    return {name: [line[name] for line in steps] for name in names}


def _start(records, workdir, strategy, **environment):
    return Program(
        *(SUPPORT / "train_tiny.py", records, workdir, strategy),
        PYTHONPATH=PYTHONPATH,
        **environment,
    )


def _assert_same_losses(workdir, expected):
    got = _losses(workdir)
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-5, err_msg=name)


def test_two_mirrored_replicas(records, one_device, tmp_path):
    process = _start(records, tmp_path, "mirrored")
    done = process.finish()
    assert done.returncode == 0, done.stderr
    _assert_same_losses(tmp_path, one_device)


def test_two_worker_processes(records, one_device, tmp_path):
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    processes = [
        _start(
            records,
            tmp_path,
            "multi_worker",
            TF_CONFIG=json.dumps(
                {
                    "cluster": {"worker": workers},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index in range(2)
    ]
    done = [process.finish() for process in processes]
    outputs = [each.stdout for each in done]
    assert [each.returncode for each in done] == [0, 0], done
    assert "step 20/20" in outputs[0]
    assert "step 20/20" not in outputs[1]  # one worker reports
    _assert_same_losses(tmp_path, one_device)
