"""One of two workers is killed or hangs: the other stops and says so.

Another number of replicas continues the run on the same batches, and the same commands
end it with the same bits. `tests/training/test_distribution.py` compares unbroken runs.
"""

import json
import time

import numpy as np
import pytest

from support import workers

pytestmark = pytest.mark.integration

NUM_STEPS, STEP = 20, 7  # train_tiny.py writes a checkpoint every five steps
SECONDS = 60  # promised: the others stop within


@pytest.fixture(scope="module")
def one_device(records, tmp_path_factory):
    """Losses of every step of an unbroken run on one device."""
    workdir = tmp_path_factory.mktemp("one")
    workers.finish(workers.start(records, workdir, "one"))
    return _losses(workdir)


def _losses(workdir):
    lines = [json.loads(line) for line in open(workdir / "metrics.jsonl")]
    steps = [line for line in lines if "eval" not in line]
    assert [line["step"] for line in steps] == list(range(1, NUM_STEPS + 1))
    return [line["loss"] for line in steps]


def _sha256(workdir):
    return json.loads((workdir / "results.json").read_text())["weights_sha256"]


def _lose(records, workdir, victim, signal_name):
    """Starts two workers, hits one; returns what the other said when it stopped."""
    pair = workers.start_pair(records, workdir, victim, (STEP, signal_name))
    lost, left = pair[victim], pair[1 - victim]
    try:
        if signal_name == "SIGKILL":
            lost.finish(timeout=200)
        else:
            _wait_for_step(workdir, STEP)
        began = time.monotonic()
        done = left.finish(timeout=SECONDS)
        print(f"the other stopped after {time.monotonic() - began:.1f} s")
    finally:
        for process in pair:
            process.kill()
    assert done.returncode == 1, done
    return done.stderr.strip().splitlines()[-1]


def _wait_for_step(workdir, step):
    """Until worker 0 has logged the step before, so worker 1 is at it or behind."""
    path = workdir / "metrics.jsonl"
    for _ in range(2000):
        if path.exists() and f'{{"step": {step - 1},' in path.read_text():
            return
        time.sleep(0.1)
    pytest.fail(f"{path} never came to step {step - 1}")


@pytest.mark.parametrize(
    "victim,signal_name",
    [
        (0, "SIGKILL"),
        pytest.param(1, "SIGKILL", marks=pytest.mark.slow),
        pytest.param(1, "SIGSTOP", marks=pytest.mark.slow),
    ],
)
def test_the_other_stops_and_one_replica_goes_on(
    victim, signal_name, records, one_device, tmp_path
):
    message = _lose(records, tmp_path, victim, signal_name)
    assert f"error: worker {1 - victim} stops, for another worker is gone" in message
    assert "The same commands on all workers continue the run" in message
    assert not (tmp_path / "results.json").exists()
    (output,) = workers.finish(workers.start(records, tmp_path, "one"))
    assert "continuing at step 5" in output
    np.testing.assert_allclose(_losses(tmp_path), one_device, rtol=1e-5)


@pytest.mark.slow
def test_the_same_commands_end_with_the_same_bits(records, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    workers.finish(*workers.start_pair(records, whole))
    _lose(records, killed, 1, "SIGKILL")
    outputs = workers.finish(*workers.start_pair(records, killed))
    assert all("continuing at step 5" in output for output in outputs)
    assert _sha256(killed) == _sha256(whole)
