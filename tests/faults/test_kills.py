"""kill -9 at random points of a run: the same weights and records as without.

    python -m pytest -s tests/faults/test_kills.py                     # 3 kills
    python -m pytest -s -m slow tests/faults/test_kills.py             # 2 times 25

Points are drawn in every phase of a run: the vocabulary, the record build, the first
trace, a step, a checkpoint's write, an evaluation. `tests/runs/test_kill.py` kills the
real command at random steps of larger models.
"""

import collections
import json
import multiprocessing
import random
import statistics
import time

import pytest

from support import announced_run
from support.corpus import write_corpus
from support.paths import PYTHONPATH

pytestmark = pytest.mark.integration

QUICK = {"records": 1, "trace": 1, "checkpoint": 1}
FULL = {
    "vocabulary": 2,
    "records": 6,
    "trace": 4,
    "step": 4,
    "checkpoint": 5,
    "evaluation": 4,
}
_BEFORE_TRAINING = ("vocabulary", "records")


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Starts a run in a process forked off one that has imported everything."""
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.announced_run"])
    text = write_corpus(tmp_path / "corpus.txt", documents=400)
    return lambda *arguments: _Run(context, text, *arguments)


class _Run:
    """A run in a process of its own, followed by what it announces."""

    def __init__(self, context, text, *arguments):
        self._events, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=announced_run.run, args=(theirs, text, *arguments)
        )
        self._process.start()
        theirs.close()
        self.is_open = None  # the phase that has begun and not ended

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.join()
        self._events.close()

    def events(self):
        """Yields ("begin" or "end", phase) until the process is gone."""
        while True:
            try:
                event, phase = self._events.recv()
            except (EOFError, OSError):
                return
            self.is_open = phase if event == "begin" else None
            yield event, phase

    def finish(self):
        """Runs to the end; returns the seconds that each phase took, {phase: [...]}."""
        seconds = collections.defaultdict(list)
        for event, phase in self.events():
            if event == "begin":
                began = time.perf_counter()
            else:
                seconds[phase].append(time.perf_counter() - began)
        self._process.join()
        assert self._process.exitcode == 0
        return seconds

    def kill_in(self, phase, occurrence, delay):
        """Kills it `delay` seconds into a phase; returns the phase it was in."""
        for event in self.events():
            if event == ("begin", phase):
                occurrence -= 1
            if occurrence == 0:
                time.sleep(delay)
                self._process.kill()
                break
        else:
            pytest.fail(f"the run ended before phase {phase} came again")
        for _ in self.events():
            pass  # what it still said: where the kill really fell
        return self.is_open or "between"


def _points(counts, seconds, generator):
    """(phase, occurrence in its process, delay) of each kill."""
    phases = [phase for phase, count in counts.items() for _ in range(count)]
    before = [phase for phase in phases if phase in _BEFORE_TRAINING]
    after = [phase for phase in phases if phase not in _BEFORE_TRAINING]
    generator.shuffle(after)
    most = {"step": 2 * announced_run.CHECKPOINT_EVERY, "checkpoint": 2}
    for phase in before + after:
        occurrence = generator.randint(1, most.get(phase, 1))
        yield phase, occurrence, generator.random() * statistics.median(seconds[phase])


def _files(workdir, pattern):
    return {p.name: p.read_bytes() for p in workdir.glob(pattern)}


@pytest.mark.parametrize(
    "objective,counts,num_steps",
    [
        pytest.param("replaced_token_detection", QUICK, 60, id="quick"),
        pytest.param(
            "replaced_token_detection", FULL, 400, marks=pytest.mark.slow, id="electra"
        ),
        pytest.param("masked_lm", FULL, 400, marks=pytest.mark.slow, id="albert"),
    ],
)
def test_killed_anywhere(objective, counts, num_steps, start, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with start(whole, objective, num_steps) as run:
        seconds = run.finish()
    hit = collections.Counter()
    for point in _points(counts, seconds, random.Random(objective)):
        with start(killed, objective, num_steps) as run:
            hit[run.kill_in(*point)] += 1
        assert not (killed / "results.json").exists()
    with start(killed, objective, num_steps) as run:
        run.finish()
    print(f"\n{hit.total()} kills; they fell into: {dict(hit)}")
    got, expected = (
        json.loads((folder / "results.json").read_text()) for folder in (killed, whole)
    )
    for name in ("weights_sha256", "eval", "eval_untrained"):
        assert got[name] == expected[name]
    assert _files(killed, "records/*") == _files(whole, "records/*")
    names = set(_files(whole, "checkpoints/*"))
    assert set(_files(killed, "checkpoints/*")) == names  # and no half one
    steps = [json.loads(line) for line in open(killed / "metrics.jsonl")]
    assert [s["step"] for s in steps if "eval" not in s] == [*range(1, num_steps + 1)]
