"""Cells that are run: one after the other, several at a time, after a failure."""

import dataclasses
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest

from support import forked_cells
from support.paths import ROOT
from support.tables_setup import SHRUNKEN, make_record, make_setup
from tf_pretrain.data import build_records, vocabulary
from tf_pretrain.errors import UserError
from tf_pretrain.models import flops
from tf_pretrain.tables.cells import processes, run_cell
from tf_pretrain.tables.cells.planning import plan
from tf_pretrain.tables.cells.run_all import only_command, run
from tf_pretrain.tables.definitions import registry
from tf_pretrain.training.building import check_backend

ONE_LAYER = SHRUNKEN | {"model.num_hidden_layers": "1"}


@pytest.fixture
def setup(tmp_path):
    return make_setup(tmp_path)


def _two_rows(setup):
    """BERT and ELECTRA of Table 5, seed 0."""
    planned = plan(registry.find("electra_table5"), setup, 1, ONE_LAYER)
    return [cell for cell in planned if cell.row in ("ELECTRA", "BERT")]


@pytest.mark.integration
def test_two_rows_run_and_are_not_repeated(setup, monkeypatch):
    """A budget stops before the second cell; a cell that stopped half way goes on."""
    forked_cells.use(monkeypatch)
    planned = _two_rows(setup)
    lines = []
    # The first takes longer than a second. Both are rows of a second table, too.
    assert not run([*planned, *planned], 1 / 60, lines.append)
    assert lines[0] == "0 of 2 cells are finished"
    assert "1 cell remains" in lines[-1] and "BERT, seed 0" in lines[-1]
    folder = planned[0].folder
    cell = json.loads((folder / "cell.json").read_text())
    config = registry.find("electra_table5").configs("lab", ONE_LAYER)["ELECTRA"]
    assert cell["flops"] == flops.matmul_training_flops(config)
    assert cell["electra_flops"] == flops.training_flops(config)
    (result,) = cell["tasks"].values()
    assert (result["task"], result["steps"]) == ("words", 3)
    for part in (cell["pretrain"], result):
        assert part["command"] == "the command" and part["cores"] > 0
    assert cell["seed"] == 0
    assert cell["minutes"] * 60 == pytest.approx(
        cell["pretrain"]["seconds"] + result["seconds"]
    )
    shown = registry.find("electra_table5").metrics
    assert shown.keys() <= planned[0].results.scores(cell["tasks"]).keys()
    # What has no labels is not predicted.
    predictions = folder.glob("words-*/predictions/seed-0/*")
    assert [path.name for path in predictions] == ["dev.tsv"]

    # As if the process had died before it wrote its results: the runs are still there.
    # Their data are not, so both cells want to make them.
    trained = folder / "pretrain" / "results.json"
    before = trained.stat().st_mtime_ns
    (folder / "cell.json").unlink()
    for name in ("tokenizers", "records"):
        shutil.rmtree(Path(setup.workdir, name))
    lines.clear()
    jobs = min(2, len(os.sched_getaffinity(0)))
    assert run(planned, None, lines.append, jobs)
    assert trained.stat().st_mtime_ns == before
    again = json.loads((folder / "cell.json").read_text())
    # It reads their results, and says which cores it had itself.
    for part in (again["pretrain"], *again["tasks"].values()):
        assert part["cores"] * jobs == cell["pretrain"]["cores"]
        part["cores"] = cell["pretrain"]["cores"]
    assert again["tasks"] == cell["tasks"]
    assert again["pretrain"] == cell["pretrain"]

    lines.clear()
    assert run(planned, 0.0, lines.append)
    assert lines == ["2 of 2 cells are finished"]


def test_a_cell_that_fails_names_its_log(setup, monkeypatch):
    """The others are run all the same, and the error comes at the end."""
    planned = _two_rows(setup)

    key = planned[0].request.key
    failing = f"import os; '{key}' in sys.argv[1] and os.kill(os.getpid(), 9)"
    _stand_in(monkeypatch, f"print('what went wrong', flush=True); {failing}")
    lines = []
    with pytest.raises(UserError, match=r"ELECTRA, seed 0, status -9: .*log.txt"):
        run(planned, None, lines.append)
    assert any("what went wrong" in line for line in lines)
    assert planned[1].results is not None


def _stand_in(monkeypatch, code):
    """Cells become processes that run some code, then write a cell.json.

    Beside it they write when.json: when they ran, on which cores, with what threads.
    """
    origin = {"command": "", "commit": None, "cores": 1}
    record = make_record("", {"words": {"task": "words"}}, origin).to_dict()
    code = f"""
import json, os, pathlib, sys, time
path = pathlib.Path(sys.argv[1])
began = time.monotonic()
{code}
when = {{
    "began": began,
    "ended": time.monotonic(),
    "on": sorted(os.sched_getaffinity(0)),
    "threads": [os.environ.get(name) for name in {processes._THREADS!r}],
}}
path.with_name("when.json").write_text(json.dumps(when))
request, cell = json.loads(path.read_text()), {record!r}
cell["key"] = request["key"]
cell["tasks"] = {{name: cell["tasks"]["words"] for name in request["tasks"]}}
path.with_name("cell.json").write_text(json.dumps(cell))
"""
    monkeypatch.setattr(
        processes, "command", lambda path: [sys.executable, "-c", code, str(path)]
    )


def test_fewer_seeds_leave_the_others_in_the_report(setup):
    table = registry.find("electra_table5")
    path = Path(setup.workdir, "tables", "electra_table5-lab.json")

    def seeds_after(num_seeds, setup=setup):
        planned = plan(table, setup, num_seeds, SHRUNKEN)
        assert {cell.seed for cell in planned} == set(range(num_seeds))
        record = json.loads(path.read_text())
        assert {cell["seed"] for cell in record["cells"]} == set(range(record["seeds"]))
        return record["seeds"]

    assert [seeds_after(n) for n in (2, 1, 3, 2)] == [2, 2, 3, 3]
    # Cells of other settings are another report.
    assert seeds_after(1, dataclasses.replace(setup, finetune={"num_steps": "2"})) == 1


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_two_cells_at_a_time(setup, monkeypatch):
    """Each with its own half of the cores; a cell that two rows have runs once."""
    # The first two processes wait for each other, so they do run at once.
    meet = """
(path.parent.parent / f"met-{path.parent.name}").touch()
while len(list(path.parent.parent.glob("met-*"))) < 2:
    assert time.monotonic() < began + 60
    time.sleep(0.01)
"""
    _stand_in(monkeypatch, meet)
    planned = plan(registry.find("electra_table5"), setup, 1, SHRUNKEN)
    lines, cores = [], os.sched_getaffinity(0)
    assert run([planned[0], *planned], None, lines.append, jobs=2)
    assert os.sched_getaffinity(0) == cores
    assert sum("started" in line for line in lines) == len(planned) == 6
    found = [json.loads((cell.folder / "when.json").read_text()) for cell in planned]
    for cell in found:
        assert cell["threads"] == [str(len(cell["on"]))] * 3
        at_once = [c for c in found if c["began"] <= cell["began"] < c["ended"]]
        assert len(at_once) <= 2
        used = [core for other in at_once for core in other["on"]]
        assert len(used) == len(set(used))
    assert {core for cell in found for core in cell["on"]} == cores


def test_a_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 4, 9, 8})
    assert processes.shares_of_cores(2) == [{3, 4}, {5, 8, 9}]
    with pytest.raises(UserError, match="--jobs=6, but there are 5 cores"):
        processes.shares_of_cores(6)


@pytest.mark.parametrize("early", [True, False], ids=["while importing", "later"])
def test_no_cell_outlives_its_runner(early, tmp_path):
    """Not even one whose runner was killed before it could look."""
    die, wait = "processes.die_with_parent(parent)", "wait()"
    child = f"""
import os, pathlib, sys, time
from tf_pretrain import processes
parent = int(sys.argv[1])
def wait():
    pathlib.Path({str(tmp_path / "ready")!r}).touch()
    while os.getppid() == parent:
        time.sleep(0.01)
{wait if early else die}
{die if early else wait}
time.sleep(5)
print("alive")
"""
    runner_process = f"""
import os, pathlib, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {child!r}, str(os.getpid())])
while not pathlib.Path({str(tmp_path / "ready")!r}).exists():
    time.sleep(0.01)
"""
    # Waits until nobody has its output open.
    done = subprocess.run(
        [sys.executable, "-c", runner_process],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_shared_data_are_made_by_one_process(setup, monkeypatch):
    """While a folder is being made, its lock is held; each folder has its own."""
    made = []

    def make(folder):
        with open(f"{folder}.lock") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.append(folder)

    request = _two_rows(setup)[0].request
    (wanted,) = request.data.values()
    tokenizer, records = wanted.tokenizer, wanted.records
    monkeypatch.setattr(
        vocabulary, "prepare_tokenizer", lambda *arguments: make(arguments[-1])
    )
    monkeypatch.setattr(
        build_records, "build_records", lambda *arguments: make(arguments[2])
    )
    run_cell._prepare_data(request, wanted)
    assert made == [tokenizer, records, records]


def test_one_command_at_a_time(setup):
    """A command that is refused leaves the plan of the one that runs."""
    _two_rows(setup)
    path = Path(setup.workdir, "tables", "electra_table5-lab.json")
    before = path.read_bytes()
    command = f"--table=electra_table5 --input={setup.inputs} --seeds=2"
    with only_command(setup.workdir):
        refused = subprocess.run(
            [sys.executable, "-m", "tf_pretrain.tables", f"--workdir={setup.workdir}"]
            + command.split(),
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
    assert refused.returncode == 1
    assert "another command runs cells" in refused.stderr
    assert path.read_bytes() == before


def test_what_cannot_be_run_is_refused_before_anything_is(setup, tmp_path):
    table = registry.find("electra_table5")
    for tasks, data_dir, message in (
        ((*setup.tasks, "./nope"), None, "no folder nope for the task ./nope"),
        (("CoLA",), str(tmp_path), "no folder .*CoLA"),
        ((*setup.tasks, f"{tmp_path}/other/words"), None, "two of the tasks have one"),
    ):
        other = dataclasses.replace(setup, tasks=tasks, data_dir=data_dir)
        with pytest.raises(UserError, match=message):
            plan(table, other, 1, SHRUNKEN)
    overwritten = {"train.checkpoint_every": "100"}
    with pytest.raises(UserError, match="decides train.checkpoint_every itself"):
        plan(table, setup, 1, SHRUNKEN | overwritten)
    sizes = registry.find("electra_figure3_sizes")
    with pytest.raises(UserError, match="decides train.num_steps itself"):
        sizes.configs("paper", {"train.num_steps": "100"})


@pytest.mark.integration
@pytest.mark.parametrize(
    "backend", ["jax", pytest.param("torch", marks=pytest.mark.slow)]
)
def test_a_cell_on_another_backend(setup, backend):
    """Pretrained there, fine-tuned here, with a key of its own."""
    pytest.importorskip(backend)
    cell = _backend_cell(setup, backend)
    assert run([cell])
    record = cell.results
    assert (record.backend, record.pretrain.step) == (backend, 8)
    scores = record.scores(cell.request.tasks)
    assert 0 <= scores["words"] <= 100
    # An untrained network of 120 pieces has log(120) = 4.79.
    assert 0 < scores["held-out masked_lm_loss"] < 4.79
    lines = (cell.folder / "pretrain" / "metrics.jsonl").read_text().splitlines()
    lines = [json.loads(line) for line in lines]
    assert [x["step"] for x in lines if "eval" in x] == list(range(9))
    training = [x for x in lines if "eval" not in x]
    assert [x["step"] for x in training] == list(range(1, 9))
    # The first step has a learning rate of 0.
    assert training[0]["update_norm"] == 0 < min(x["update_norm"] for x in training[1:])
    assert all(0 < x["loss"] < 500 for x in training)
    on_tensorflow = _backend_cell(setup, "tensorflow")
    assert on_tensorflow.request.key != cell.request.key


@pytest.mark.slow
def test_a_cell_on_jax_that_is_killed(setup):
    """Killed after a checkpoint, it ends with the weights of an unbroken run."""
    pytest.importorskip("jax")
    setup = dataclasses.replace(setup, tasks=())
    cell = _backend_cell(setup, "jax")
    folder = cell.folder
    assert run([cell])
    unbroken = cell.results.pretrain
    shutil.rmtree(folder)

    process = processes.start(cell.request, folder, os.sched_getaffinity(0), None)
    checkpoints = folder / "pretrain" / "checkpoints"
    while process.poll() is None and not list(checkpoints.glob("*.safetensors")):
        time.sleep(0.01)
    process.kill()
    process.wait()
    time.sleep(2)  # its own process ends with it
    assert not (folder / "pretrain" / "results.json").exists()
    assert run([cell])
    again = cell.results.pretrain
    assert again.weights_sha256 == unbroken.weights_sha256
    assert again.eval == unbroken.eval


def _backend_cell(setup, backend):
    """ELECTRA of Table 5."""
    setup = dataclasses.replace(setup, backend=backend)
    # JAX is slow without XLA; the rate is for something to be learned in 8 steps.
    overrides = SHRUNKEN | {"train.jit_compile": "true", "train.learning_rate": "0.01"}
    return plan(registry.find("electra_table5"), setup, 1, overrides)[0]


def test_what_a_backend_cannot_do(monkeypatch):
    rows = registry.find("electra_figure3_training").configs("lab", SHRUNKEN)
    check_backend(rows["two-stage"])  # TensorFlow can
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    check_backend(rows["joint"])
    check_backend(rows["adversarial"])
    with pytest.raises(UserError, match="generator_training=two_stage needs the Tens"):
        check_backend(rows["two-stage"])
