"""Runs that take so many minutes, under a clock that does as it is told."""

import json

import numpy as np
import pytest

from support import budget_run
from support.backend_processes import run as run_process
from support.corpus import build_tiny_records
from support.paths import SUPPORT
from tf_pretrain.runs import budget

pytestmark = pytest.mark.usefixtures("traced_once")


@pytest.mark.parametrize(
    "seconds,step_seconds,pause_seconds,every,expected",
    [
        (100, 1.0, 0.0, 10, 98),  # 98 % of the time
        (100, 0.5, 0.0, 10, 196),
        (110, 1.0, 10.0, 10, 48),  # (107.8 - 10) / (1 + 10 / 10) = 48.9
        (110, 1.0, 10.0, 1000, 96),  # 97.8 / 1.01 = 96.8
        (5, 1.0, 10.0, 10, 1),  # none is affordable: one all the same
        (-5, 1.0, 0.0, 10, 1),
    ],
)
def test_affordable_steps(seconds, step_seconds, pause_seconds, every, expected):
    found = budget.affordable_steps(seconds, step_seconds, pause_seconds, every)
    assert found == expected


@pytest.mark.parametrize(
    "a_dispatch,first,num_steps",
    [(1, 2, 32), (5, 10, 40), (20, 40, 80), (50, 100, 200)],
)
def test_stopwatch_times_what_follows_the_compilation(
    monkeypatch, a_dispatch, first, num_steps
):
    clock = budget_run.Clock()
    monkeypatch.setattr(budget, "time", clock)
    stopwatch = budget.Stopwatch(a_dispatch)
    assert stopwatch.num_steps == num_steps
    for end in range(a_dispatch, num_steps + 1, a_dispatch):
        clock.now += 0.25 * a_dispatch if end > first else 60.0
        stopwatch.on_train_batch_end(end - 1, {})
    assert stopwatch.step_seconds == pytest.approx(0.25)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    build_tiny_records(folder)
    return folder


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(backend, marks=pytest.mark.integration)
        for backend in ("tensorflow", "jax")
    ],
)
def runs(request, records, tmp_path_factory):
    """The runs, how many steps were timed, and how many are to be done."""
    folder = tmp_path_factory.mktemp("budget")
    # Scores before, timed steps, scores and a checkpoint: 4 + 32 + 7 of 300 seconds.
    # Of 98 % of the rest, less 7 for the end, a step takes 1 + 7 / 50.
    if request.param == "tensorflow":
        runs = budget_run.unbroken_and_continued(records, folder)
        return runs, 32, 32 + 214  # (251.86 - 7) / 1.14 = 214.8
    pytest.importorskip("jax")
    output = folder / "found.json"
    done = run_process(SUPPORT / "budget_run.py", records, output, backend="jax")
    assert done.returncode == 0, done.stderr[-3000:]
    # Five steps at once: 40 are timed. (244.02 - 7) / 1.14 = 207.9
    return json.loads(output.read_text()), 40, 40 + 207


@pytest.mark.integration
def test_as_many_steps_as_fit(runs):
    runs, _, num_steps = runs
    whole = runs["whole"]
    assert whole["results"]["step"] == len(whole["rates"]) == num_steps
    assert 285 < whole["seconds"] <= 300
    assert whole["results"]["seconds"] == whole["seconds"]


def test_the_schedule_is_run_through(runs):
    """Warm-up and decay take their share of the steps that there are."""
    runs, timed, num_steps = runs
    peak, warmup = budget_run.RATE, budget_run.WARMUP / budget_run.STEPS
    rates = np.array(runs["whole"]["rates"])
    done = np.arange(num_steps) / num_steps
    done[:timed] = np.arange(timed) / budget_run.STEPS  # not yet known
    expected = peak * (1 - done) * np.minimum(done / warmup, 1)
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-8)
    assert rates[-1] < 0.005 * peak
    assert abs(rates.argmax() - warmup * num_steps) <= 1


def test_a_continued_run_keeps_the_number_of_steps(runs):
    """And ends with the same bits, though its steps take longer now."""
    runs, _, num_steps = runs
    assert runs["killed"]["results"] is None
    continued = runs["continued"]["results"]
    assert len(runs["continued"]["rates"]) == num_steps - 100
    assert continued["step"] == num_steps
    whole = runs["whole"]["results"]
    assert continued["weights_sha256"] == whole["weights_sha256"]
    assert continued["eval"] == whole["eval"]


def test_the_pause_is_not_counted_as_training(runs):
    """A step takes a second: four examples."""
    runs, timed, _ = runs
    assert runs["whole"]["results"]["examples_per_s"] == pytest.approx(4)
    lines = map(json.loads, runs["whole"]["metrics"].splitlines())
    steps = [line["step"] for line in lines if "eval" not in line]
    assert timed in steps and timed - 1 not in steps


def test_lines_of_steps_whose_number_is_not_known(records, tmp_path, capsys):
    budget_run.run(records, tmp_path, killed_at=60)
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("step ")]
    unknown = [x for x in lines if int(x.split()[1].split("/")[0]) <= 32]
    assert len(unknown) == 5  # 1, 10, 20, 30, 32
    assert not any("/246" in x or "left" in x for x in unknown)
    assert [x.split()[1] for x in unknown][1] == "10"
    known = lines[len(unknown) :]
    assert known[0].startswith("step 40/246 ") and known[0].endswith("3:26 left")
