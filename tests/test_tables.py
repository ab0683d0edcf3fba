"""The definitions of the tables, ids, printed values, costs; and one that is run."""

import dataclasses
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpus import write_corpus
from test_every_config import _shrink
from test_trainer import _fit

from tf_pretrain.config import UserError
from tf_pretrain.models import flops
from tf_pretrain.tables import cells, papers, registry, runner
from tf_pretrain.tables.definition import Recipe, matmul_training_flops, with_steps

REPOSITORY = Path(__file__).parents[1]
RUNS = [
    (table, scale)
    for table in registry.TABLES.values()
    for scale in ("lab", "paper")
    if any(scale in row.recipes for row in table.rows)
]
SHRUNKEN = {
    "model.vocab_size": "120",
    "model.embedding_size": "8",
    "model.hidden_size": "16",
    "model.num_hidden_layers": "2",
    "model.num_attention_heads": "2",
    "model.intermediate_size": "32",
    "data.max_seq_length": "24",
    "data.max_predictions_per_seq": "4",
    "data.heldout_fraction": "0.1",
    "data.shard_size_mb": "1",
    "train.num_steps": "8",
    "train.batch_size": "4",
    "train.eval_steps": "2",
    "train.jit_compile": "false",
}


def test_every_table_is_there():
    """ELECTRA 1 to 8, weight tying, Figures 2 to 4; ALBERT 1 to 14; and ours."""
    electra = {f"electra_table{i}" for i in range(1, 9)}
    electra |= {"electra_weight_tying", "electra_figure2", "electra_figure4"}
    electra |= {"electra_figure3_sizes", "electra_figure3_training"}
    albert = {f"albert_table{i}" for i in range(1, 15)}
    assert set(registry.TABLES) == electra | albert | {"families"}
    listing = registry.listing()
    for table in registry.TABLES.values():
        assert f"\n{table.id} " in listing
        assert (table.kind == "facts") == (not table.rows)
        assert table.kind != "facts" or table.notes, "a reason"


@pytest.mark.parametrize("table", registry.TABLES.values(), ids=lambda t: t.id)
def test_rows_have_their_printed_values(table):
    assert len({row.name for row in table.rows}) == len(table.rows)
    if table.paper is not None:
        assert papers.table(table.paper, table.printed)["rows"]
    for row in table.rows:
        printed = table.printed_row(row)
        if printed:
            for column in filter(None, table.metrics.values()):
                assert isinstance(printed[column], float | int)


def test_a_printed_value():
    """Clark et al. (2020), Table 5; Lan et al. (2019), Table 4, E = 128."""
    for table_id, row_name, column, value in (
        ("electra_table5", "All-Tokens MLM", "glue_dev_avg", 84.3),
        ("albert_table4", "shared-FFN, E = 128", "avg", 80.2),
    ):
        table = registry.find(table_id)
        row = next(row for row in table.rows if row.name == row_name)
        assert table.printed_row(row)[column] == value


@pytest.mark.parametrize(
    "table", [t for t, scale in RUNS if scale == "lab"], ids=lambda t: t.id
)
def test_lab_rows_cost_the_same(table):
    """Within one step of the reference's, or of the row's fraction of it."""
    count = flops.training_flops
    if table.equal == "matmul":
        count = matmul_training_flops
    reference = count(Recipe(table.reference).build({}))
    configs = table.configs("lab")
    for row in table.rows:
        if row.name not in configs:
            continue
        config = configs[row.name]
        one_step = count(config) / config.train.num_steps
        target = row.recipes["lab"].fraction * reference
        assert abs(count(config) - target) <= one_step
        share = config.train.warmup_steps / config.train.num_steps
        assert 0 < share < 0.2
        two_stage = config.objective.generator_training == "two_stage"
        half = config.train.num_steps // 2
        assert config.objective.generator_steps == (half if two_stage else 0)


@pytest.mark.parametrize(
    "table", [t for t, scale in RUNS if scale == "paper"], ids=lambda t: t.id
)
def test_paper_rows_build(table):
    for row in table.rows:
        if "paper" not in row.recipes:
            continue
        config = table.configs("paper")[row.name]
        recipe = row.recipes["paper"]
        steps = recipe.num_steps or recipe.build({}).train.num_steps
        assert config.train.num_steps == round(steps * recipe.fraction)


def test_paper_compute():
    """Clark et al. (2020), Table 1: half of ELECTRA-Small's FLOPs, BERT-Base's."""
    configs = registry.find("electra_table1").configs("paper")
    half = flops.training_flops(configs["ELECTRA, 1/2"])
    assert half == pytest.approx(1.294e18 / 2, rel=1e-2)
    assert flops.training_flops(configs["BERT-Base"]) == pytest.approx(6.4e19, rel=0.02)


def test_overrides_move_all_rows():
    configs = registry.find("electra_table5").configs("lab", {"train.num_steps": "600"})
    assert configs["ELECTRA"].train.num_steps == 600
    assert configs["ELECTRA"].train.warmup_steps == round(600 * 300 / 1900)
    costs = [flops.training_flops(config) for config in configs.values()]
    assert max(costs) / min(costs) < 1.002


def test_equal_parameters():
    configs = registry.find("families").configs("lab")
    electra, albert = (
        flops.parameter_counts(configs[name].model)["total"]
        for name in ("ELECTRA", "ALBERT, equal parameters")
    )
    assert albert == pytest.approx(electra, rel=0.1)


def test_unknown_table_and_missing_scale():
    with pytest.raises(UserError, match="did you mean 'electra_table5'"):
        registry.find("electra_tabel5")
    with pytest.raises(UserError, match="albert_table10.*question answering"):
        registry.find("albert_table10").configs("lab")


def test_list_without_tensorflow():
    code = (
        "import sys; from tf_pretrain.tables import registry, runner, report;"
        "registry.listing(); assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


@pytest.fixture
def setup(tmp_path):
    """Invented text, a task of two words and settings of a few steps."""
    task = tmp_path / "words"
    task.mkdir()
    for split in ("train", "dev"):
        rows = "sentence\tlabel\n" + "good\tp\nbad\tn\n" * 6
        (task / f"{split}.tsv").write_text(rows)
    return cells.Setup(
        workdir=str(tmp_path / "workdir"),
        inputs=str(write_corpus(tmp_path / "text.txt", documents=60)),
        tasks=(str(task),),
        finetune={"num_steps": "3", "max_seq_length": "16"},
        command="the command",
    )


def test_keys_are_of_the_content(setup, tmp_path):
    """Figure 2 has Table 1's cells; another seed, step or text has another key."""
    table1, figure2 = (
        runner.plan(registry.find(name), setup, 2, SHRUNKEN)
        for name in ("electra_table1", "electra_figure2")
    )
    assert len({cell.request["key"] for cell in table1}) == len(table1) == 12
    assert [c.request["key"] for c in table1] == [c.request["key"] for c in figure2]
    longer = SHRUNKEN | {"train.num_steps": "80"}
    for other in (
        runner.plan(registry.find("electra_table1"), setup, 2, longer),
        runner.plan(
            registry.find("electra_table1"),
            dataclasses.replace(
                setup, inputs=str(write_corpus(tmp_path / "b.txt", documents=50))
            ),
            2,
            SHRUNKEN,
        ),
    ):
        keys = {cell.request["key"] for cell in other}
        assert not keys & {cell.request["key"] for cell in table1}


def _two_rows(setup):
    """BERT and ELECTRA of Table 5, seed 0."""
    planned = runner.plan(registry.find("electra_table5"), setup, 1, SHRUNKEN)
    return [cell for cell in planned if cell.row in ("ELECTRA", "BERT")]


def test_two_rows_run_and_are_not_repeated(setup, monkeypatch):
    """A budget stops before the second cell; a cell that stopped half way goes on."""
    monkeypatch.setattr(runner, "estimate_minutes", lambda request: 1.0)
    planned = _two_rows(setup)
    lines = []
    # After the first, a little less than the minute for the second is left.
    assert not runner.run(planned, 1.001, lines.append)
    assert lines[0] == "0 of 2 cells are finished"
    assert "1 cells" in lines[-1] and "BERT (seed 0)" in lines[-1]
    folder = cells.folder(setup.workdir, planned[0].request["key"])
    cell = json.loads((folder / "cell.json").read_text())
    assert cell["flops"] == flops.training_flops(
        registry.find("electra_table5").configs("lab", SHRUNKEN)["ELECTRA"]
    )
    assert (cell["seed"], cell["command"]) == (0, "the command")
    (result,) = cell["tasks"].values()
    assert (result["task"], result["steps"]) == ("words", 3)

    # As if the process had died before it wrote its results: the runs are still there.
    trained = folder / "pretrain" / "results.json"
    before = trained.stat().st_mtime_ns
    (folder / "cell.json").unlink()
    lines.clear()
    assert runner.run(planned, None, lines.append)
    assert trained.stat().st_mtime_ns == before
    again = json.loads((folder / "cell.json").read_text())
    assert again["tasks"] == cell["tasks"]
    assert again["pretrain"] == cell["pretrain"]

    lines.clear()
    assert runner.run(planned, 0.0, lines.append)
    assert lines == ["2 of 2 cells are finished"]


def _write_cell(request, **values):
    """A finished cell that pretrained for a minute, and fine-tuned for half of one."""
    folder = cells.folder(request["workdir"], request["key"])
    folder.mkdir(parents=True, exist_ok=True)
    cell = {
        "key": request["key"],
        "config": request["config"],
        "pretrain": {"seconds": 60},
        "tasks": {key: {"task": "words", "seconds": 30} for key in request["tasks"]},
        "intrinsic_formats": [],
        "minutes": 1.5,
    }
    (folder / "cell.json").write_text(json.dumps(cell | values))


def test_a_cell_that_fails_names_its_log(setup, monkeypatch):
    """The others are run all the same, and the error comes at the end."""
    planned = _two_rows(setup)

    def process(request):
        folder = cells.folder(request["workdir"], request["key"])
        folder.mkdir(parents=True)
        (folder / "log.txt").write_text("what went wrong")
        if request == planned[0].request:
            return -9
        _write_cell(request)
        return 0

    monkeypatch.setattr(runner, "_run_process", process)
    lines = []
    with pytest.raises(UserError, match=r"ELECTRA \(seed 0\), status -9: .*log.txt"):
        runner.run(planned, None, lines.append)
    assert any("what went wrong" in line for line in lines)
    assert cells.load(setup.workdir, planned[1].request["key"]) is not None


def test_one_command_at_a_time(setup):
    planned = _two_rows(setup)
    with open(Path(setup.workdir, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another command"):
            runner.run(planned)


def test_estimates_are_measured(setup):
    """At the rate of finished cells; what is done of a cell costs nothing."""
    electra, bert = (cell.request for cell in _two_rows(setup))
    start = runner._MINUTES_TO_START
    assert runner.estimate_minutes(electra) > start + runner._MINUTES_A_TASK
    _write_cell(bert)
    configs = registry.find("electra_table5").configs("lab", SHRUNKEN)
    ratio = matmul_training_flops(configs["ELECTRA"]) / matmul_training_flops(
        configs["BERT"]
    )
    assert runner.estimate_minutes(electra) == pytest.approx(start + ratio + 0.5)
    _write_cell(bert, tasks={})  # pretrained, not fine-tuned
    assert not cells.is_finished(cells.load(setup.workdir, bert["key"]), bert)
    expected = start + runner._MINUTES_A_TASK
    assert runner.estimate_minutes(bert) == pytest.approx(expected)


@pytest.mark.slow
def test_rows_train_shrunken():
    """Each structure that a row has takes three steps, with sizes of a few dozen."""
    seen = {}
    for table, scale in RUNS:
        if scale == "lab":
            for name, config in table.configs("lab", SHRUNKEN).items():
                seen.setdefault(_shrink(with_steps(config, 4)), f"{table.id}, {name}")
    assert len(seen) > 20
    for config, row in seen.items():
        if config.objective.generator == "unigram":
            continue  # needs the counts of a corpus, which `pretrain` takes
        losses, trainer = _fit(config, num_steps=3, num_batches=1)
        assert np.isfinite(losses[-1]["loss"]), row
        assert losses[-1]["gradient_norm"] > 0, row


@pytest.mark.slow
def test_intrinsic_scores(setup):
    """ALBERT's Table 5: sentence scores on both formats, but for "None"."""
    setup = dataclasses.replace(setup, tasks=())
    planned = runner.plan(registry.find("albert_table5"), setup, 1, SHRUNKEN)
    assert runner.run(planned)
    scores = {
        p.row: cells.scores(cells.load(setup.workdir, p.request["key"]), ())
        for p in planned
    }
    intrinsic = {
        row: {name for name in values if name.startswith("intrinsic ")}
        for row, values in scores.items()
    }
    wanted = set(registry.find("albert_table5").metrics) & set().union(
        *intrinsic.values()
    )
    assert len(wanted) == 3
    assert intrinsic == {"None": {"intrinsic masked LM"}, "NSP": wanted, "SOP": wanted}
    for row, own in (("NSP", "next_sentence"), ("SOP", "sentence_order")):
        heldout = scores[row][f"held-out {own}_accuracy"]
        assert scores[row][f"intrinsic {own}"] == pytest.approx(heldout)
