"""The definitions of the tables: ids, printed values, costs, keys of their cells."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support.corpus import write_corpus
from support.paths import ROOT
from support.tables_setup import SHRUNKEN, make_setup
from support.task_files import write_questions
from support.training import fit, shrink
from tf_pretrain.config import QuestionSettings, generator_config
from tf_pretrain.errors import UserError
from tf_pretrain.models import flops, sizes
from tf_pretrain.tables.cells.fine_tuning import finetune_config, task_requests
from tf_pretrain.tables.cells.planning import plan
from tf_pretrain.tables.cells.run_all import run
from tf_pretrain.tables.cells.setup import Setup
from tf_pretrain.tables.definitions import papers, registry
from tf_pretrain.tables.definitions.recipe import Recipe
from tf_pretrain.tables.definitions.table import UNPRETRAINED, with_steps

RUNS = [
    (table, scale)
    for table in registry.TABLES.values()
    for scale in ("lab", "paper")
    if any(scale in row.recipes for row in table.rows)
]
LAB_TABLES = [table for table, scale in RUNS if scale == "lab"]


def test_every_table_is_there():
    """ELECTRA 1 to 8, weight tying, Figures 2 to 4; ALBERT 1 to 14; and ours."""
    electra = {f"electra_table{i}" for i in range(1, 9)}
    electra |= {"electra_weight_tying", "electra_figure2", "electra_figure4"}
    electra |= {"electra_figure3_sizes", "electra_figure3_training"}
    albert = {f"albert_table{i}" for i in range(1, 15)}
    assert set(registry.TABLES) == electra | albert | {"families", "course"}
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
                if printed[column] is None:  # the paper's table has no value there
                    assert (table.id, row.name) == ("electra_table4", "BERT-Base")
                    assert column.startswith("squad20_")
                else:
                    assert isinstance(printed[column], float | int)


def test_a_printed_value():
    """Clark et al. (2020), Table 5; Lan et al. (2019), Table 4, E = 128."""
    for table_id, row_name, column, value in (
        ("electra_table5", "All-Tokens MLM", "glue_dev_avg", 84.3),
        ("electra_table4", "ELECTRA-Base", "squad20_dev_f1", 83.3),
        ("albert_table4", "shared-FFN, E = 128", "avg", 80.2),
    ):
        table = registry.find(table_id)
        row = next(row for row in table.rows if row.name == row_name)
        assert table.printed_row(row)[column] == value


@pytest.mark.parametrize("table", LAB_TABLES, ids=lambda t: t.id)
def test_lab_rows_cost_the_same(table):
    """Within one step of the reference's, or of the row's fraction of it."""
    count = flops.matmul_training_flops
    reference = count(Recipe(table.reference).build({}))
    configs = table.configs("lab")
    for row in table.rows:
        if row.name not in configs:
            continue
        config = configs[row.name]
        one_step = count(config) / config.train.num_steps
        target = row.recipes["lab"].fraction * reference
        if row.is_unpretrained:
            assert (config.train.num_steps, config.train.warmup_steps) == (2, 0)
            continue
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
        # As the released code has it, whatever the steps.
        warmup = 3125 if recipe.file.startswith("albert") else 10_000
        assert config.train.warmup_steps == warmup


def test_paper_compute():
    """Clark et al. (2020), Table 1: half of ELECTRA-Small's FLOPs, BERT-Base's."""
    configs = registry.find("electra_table1").configs("paper")
    half = flops.training_flops(configs["ELECTRA, 1/2"])
    assert half == pytest.approx(1.294e18 / 2, rel=1e-2)
    assert flops.training_flops(configs["BERT-Base"]) == pytest.approx(6.4e19, rel=0.02)


def test_overrides_move_all_rows():
    configs = registry.find("electra_table5").configs("lab", {"train.num_steps": "600"})
    assert configs["ELECTRA"].train.num_steps == 600
    assert configs["ELECTRA"].train.warmup_steps == round(600 * 600 / 9000)
    del configs[UNPRETRAINED]
    costs = [flops.matmul_training_flops(config) for config in configs.values()]
    assert max(costs) / min(costs) < 1.005


@pytest.mark.parametrize("table", LAB_TABLES, ids=lambda t: t.id)
def test_a_width_for_all_rows(table):
    """What depends on the width follows it: in the row's ratios to the config file."""
    at_64 = table.configs("lab")
    at_192 = table.configs("lab", {"model.hidden_size": "192"})
    assert list(at_64) == list(at_192)
    for row, config in at_192.items():
        old, new = at_64[row].model, config.model
        if row != "ALBERT, equal parameters":  # has the width that these give
            assert new.hidden_size == pytest.approx(3 * old.hidden_size, abs=24)
        assert new.embedding_size == pytest.approx(3 * old.embedding_size, abs=8)
        assert new.intermediate_size == 4 * new.hidden_size
        head_size = new.hidden_size // new.num_attention_heads
        assert 48 <= head_size <= 64 and new.num_attention_heads > 1
        deviation = 0.02 * (768 / new.hidden_size) ** 0.5
        assert new.initializer_range == pytest.approx(deviation, abs=1e-4)
        assert config.objective == dataclasses.replace(
            at_64[row].objective, generator_steps=config.objective.generator_steps
        )


def test_widths_and_embeddings_of_rows():
    """At lab scale a twelfth (ELECTRA's: a quarter) of the papers', rounded."""
    for table, field, expected in (
        ("electra_figure4", "hidden_size", [32, 32, 64, 64, 128, 128, 192, 192, 64]),
        ("albert_table12", "hidden_size", [48, 80, 176, 256, 64]),
        ("albert_table13", "hidden_size", [176, 176, 64]),
        ("albert_table3", "embedding_size", [4, 12, 20, 64] * 2 + [32]),
        ("albert_table4", "embedding_size", [64] * 4 + [12] * 4 + [32]),
    ):
        configs = registry.find(table).configs("lab").values()
        assert [getattr(c.model, field) for c in configs] == expected, table


def test_lab_cells_fine_tune_every_task_alike():
    """Whatever the papers' epochs; only the head follows the family."""
    configs = registry.find("families").configs("lab")
    for row, head in (("ELECTRA", "first_token"), ("ALBERT, equal shape", "pooled")):
        settings = [
            finetune_config(Setup(""), task, configs[row]).finetune
            for task in ("CoLA", "RTE")
        ]
        steps = {s.total_steps(examples) for s in settings for examples in (99, 9999)}
        assert len(steps) == 1
        assert {s.head for s in settings} == {head}
        # Shared layers cannot have rates of their own.
        assert {s.layerwise_decay for s in settings} == {1.0}


def test_questions_and_choices_have_the_heads_of_the_family(tmp_path):
    """Also those of a folder. Inputs are no longer than the encoder's positions."""
    write_questions(tmp_path)
    configs = registry.find("families").configs("lab")
    for row, head in (("ELECTRA", "joint"), ("ALBERT, equal shape", "albert")):
        config = configs[row]
        for task in ("SQuAD2.0", str(tmp_path)):
            wanted = finetune_config(Setup(""), task, config)
            assert wanted.questions.head == head
            assert wanted.finetune.max_seq_length == 128
        # An article of RACE has at least half of the input.
        choices = finetune_config(Setup(""), "RACE", config)
        assert choices.questions.max_choice_length == 64
        # Other tasks have the keys that they had before there were questions.
        texts = finetune_config(Setup(""), "CoLA", config)
        assert texts.questions == QuestionSettings()
    paper = registry.find("albert_table2").configs("paper")["ALBERT-base"]
    wanted = finetune_config(Setup("", scale="paper"), "RACE", paper)
    lengths = wanted.finetune.max_seq_length, wanted.questions.max_choice_length
    assert lengths == (512, 128)


@pytest.mark.parametrize(
    "table, key", [("electra_table5", "7105f4e5"), ("albert_table4", "7f858a98")]
)
def test_fine_tuning_keys_are_those_of_older_reports(table, key, tmp_path):
    """Otherwise every finished cell would be run again."""
    (tmp_path / "CoLA").mkdir()
    for name, size in (("train.tsv", 5), ("dev.tsv", 3)):
        (tmp_path / "CoLA" / name).write_text("x" * size)
    setup = Setup("", data_dir=str(tmp_path), tasks=("CoLA",))
    config = next(iter(registry.find(table).configs("lab").values()))
    assert list(task_requests(setup, config)) == [f"CoLA-{key}"]


def test_large_models_are_fine_tuned_as_such(setup):
    """Clark et al. (2020), Table 7: rate and decay of Base, and of Large."""
    configs = registry.find("electra_table2").configs("paper")
    base = registry.find("electra_table5").configs("paper")["ELECTRA"]
    setup = dataclasses.replace(setup, scale="paper")
    for config, expected in (
        (base, (1e-4, 0.8)),
        *((c, (5e-5, 0.9)) for c in configs.values()),
    ):
        settings = finetune_config(setup, "CoLA", config).finetune
        assert (settings.learning_rate, settings.layerwise_decay) == expected
    # Table 2: the paper's own BERT, with Table 6's steps.
    bert = flops.training_flops(configs["BERT (ours)"])
    assert bert == pytest.approx(7.1e20, rel=0.02)


@pytest.mark.parametrize("overrides", [{}, {"model.hidden_size": "192"}])
def test_generators_of_one_size_differ_in_nothing(overrides):
    """Weight tying is all that these rows compare."""
    configs = registry.find("electra_weight_tying").configs("lab", overrides)
    del configs[UNPRETRAINED]
    assert len({generator_config(config) for config in configs.values()}) == 1
    assert len({config.train.num_steps for config in configs.values()}) == 1


def test_overrides_win_over_what_follows():
    overrides = {
        "model.hidden_size": "192",
        "model.embedding_size": "64",
        "model.initializer_range": "0.03",
        "data.max_seq_length": "64",
    }
    configs = registry.find("families").configs("lab", overrides)
    for name in ("ELECTRA", "BERT", "ALBERT, equal shape"):
        model = configs[name].model
        assert (model.hidden_size, model.embedding_size) == (192, 64)
        assert (model.num_attention_heads, model.initializer_range) == (3, 0.03)
    # 20 and 19 of the files' 128 pieces.
    assert configs["ALBERT, equal shape"].data.num_predictions == 10
    assert configs["ELECTRA"].data.num_predictions == 9
    table3 = registry.find("albert_table3").configs("lab", overrides)
    assert table3["all-shared, E = 768"].model.embedding_size == 192
    assert table3["all-shared, E = 64"].model.embedding_size == 16


@pytest.mark.parametrize("overrides", [{}, {"model.hidden_size": "192"}])
def test_equal_parameters(overrides):
    configs = registry.find("families").configs("lab", overrides)
    electra, albert = (
        sizes.parameter_counts(configs[name].model)["total"]
        for name in ("ELECTRA", "ALBERT, equal parameters")
    )
    assert albert == pytest.approx(electra, rel=0.1)


def test_dropout_of_the_papers_rows():
    """ALBERT's tables of 125,000 steps have it; Table 8 is about it."""
    for table_id in ("albert_table2", "albert_table6", "albert_table13"):
        for config in registry.find(table_id).configs("paper").values():
            assert config.model.hidden_dropout_prob == 0.1
            assert config.model.attention_probs_dropout_prob == 0.1
    rates = [
        config.model.hidden_dropout_prob
        for config in registry.find("albert_table8").configs("paper").values()
    ]
    assert rates == [0.1, 0.0]


@pytest.mark.parametrize("width", ["224", "256", "512"])
def test_generators_of_any_width(width):
    """A generator's width is a multiple of its heads, and near its fraction."""
    configs = registry.find("electra_figure3_sizes").configs(
        "lab", {"model.hidden_size": width}
    )
    for name, fraction in (("generator 1/3", 1 / 3), ("generator 2/3", 2 / 3)):
        generator = generator_config(configs[name])
        assert generator.hidden_size % generator.num_attention_heads == 0
        expected = fraction * int(width)
        assert generator.hidden_size == pytest.approx(expected, rel=0.02)


def test_depths_of_rows_follow_the_file():
    overrides = {"model.num_hidden_layers": "6"}
    table13 = registry.find("albert_table13").configs("lab", overrides)
    assert table13["12 layers"].model.num_hidden_layers == 6
    assert table13["24 layers"].model.num_hidden_layers == 12
    table6 = registry.find("albert_table6").configs("lab", overrides)
    assert table6["BERT-large"].model.num_hidden_layers == 12


def test_equal_rows_of_two_tables_are_one_cell():
    """Figure 4's width 256 is Table 1's row."""
    for overrides in ({}, {"model.hidden_size": "192"}):
        figure4, table1 = (
            registry.find(name).configs("lab", overrides)
            for name in ("electra_figure4", "electra_table1")
        )
        for family in ("ELECTRA", "BERT"):
            assert figure4[f"{family}, width 256"] == table1[family]


def test_unknown_table_and_missing_scale():
    with pytest.raises(UserError, match="did you mean 'electra_table5'"):
        registry.find("electra_tabel5")
    with pytest.raises(UserError, match="albert_table10.*of other authors"):
        registry.find("albert_table10").configs("lab")


def test_list_without_tensorflow():
    code = (
        "import sys; from tf_pretrain.tables.definitions import registry;"
        "from tf_pretrain.tables.cells import run_all;"
        "from tf_pretrain.tables.report import folder;"
        "registry.listing(); assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture
def setup(tmp_path):
    return make_setup(tmp_path)


def test_keys_are_of_the_content(setup, tmp_path):
    """Figure 2 has Table 1's cells; another seed, step or text has another key."""
    shrunken = SHRUNKEN | {"train.num_steps": "40"}  # a quarter is more than 2 steps
    table1, figure2 = (
        plan(registry.find(name), setup, 2, shrunken)
        for name in ("electra_table1", "electra_figure2")
    )
    assert len({cell.request.key for cell in table1}) == len(table1) == 14
    assert [c.request.key for c in table1] == [c.request.key for c in figure2]
    longer = SHRUNKEN | {"train.num_steps": "80"}
    for other in (
        plan(registry.find("electra_table1"), setup, 2, longer),
        plan(
            registry.find("electra_table1"),
            dataclasses.replace(
                setup, inputs=str(write_corpus(tmp_path / "b.txt", documents=50))
            ),
            2,
            SHRUNKEN,
        ),
    ):
        keys = {c.request.key for c in other if c.row != UNPRETRAINED}
        assert len(keys) == 12
        assert not keys & {cell.request.key for cell in table1}


def test_keys_of_races_folders(tmp_path):
    """RACE's files lie two folders deep; a larger one is another task."""
    config = registry.find("albert_table4").configs("lab")["all-shared, E = 128"]
    setup = Setup("", data_dir=str(tmp_path), tasks=("RACE",))
    file = tmp_path / "RACE" / "train" / "middle" / "1.txt"
    file.parent.mkdir(parents=True)

    def key_with(text):
        file.write_text(text)
        return list(task_requests(setup, config))

    assert key_with("one") == key_with("two") != key_with("three")


def test_fine_tuning_keys_are_of_the_data(setup, tmp_path):
    """Another size of a task's file has another key; another place has not."""
    (task,) = setup.tasks
    copy = tmp_path / "copy" / Path(task).name
    shutil.copytree(task, copy)

    def keys(folder):
        there = dataclasses.replace(setup, tasks=(str(folder),))
        planned = plan(registry.find("electra_table5"), there, 1, SHRUNKEN)
        return {key for cell in planned for key in cell.request.tasks}

    assert keys(task) == keys(copy)
    with open(copy / "train.tsv", "a") as file:
        file.write("one more\t1\n")
    assert not keys(task) & keys(copy)


@pytest.mark.slow
def test_rows_train_shrunken():
    """Each structure that a row has takes three steps, with sizes of a few dozen."""
    seen = {}
    for table, scale in RUNS:
        if scale == "lab":
            for name, config in table.configs("lab", SHRUNKEN).items():
                seen.setdefault(shrink(with_steps(config, 4)), f"{table.id}, {name}")
    assert len(seen) > 20
    for config, row in seen.items():
        if config.objective.generator == "unigram":
            continue  # needs the counts of a corpus, which `pretrain` takes
        losses, trainer = fit(config, num_steps=3, num_batches=1)
        assert np.isfinite(losses[-1]["loss"]), row
        assert losses[-1]["gradient_norm"] > 0, row


@pytest.mark.slow
def test_intrinsic_scores(setup):
    """ALBERT's Table 5: sentence scores on both formats, but for "None"."""
    setup = dataclasses.replace(setup, tasks=())
    planned = plan(registry.find("albert_table5"), setup, 1, SHRUNKEN)
    assert run(planned)
    scores = {cell.row: cell.results.scores(()) for cell in planned}
    intrinsic = {
        row: {name for name in values if name.startswith("intrinsic ")}
        for row, values in scores.items()
    }
    wanted = set(registry.find("albert_table5").metrics) & set().union(
        *intrinsic.values()
    )
    assert len(wanted) == 3
    others = dict.fromkeys(("NSP", "SOP", UNPRETRAINED), wanted)
    assert intrinsic == {"None": {"intrinsic masked LM"}, **others}
    for row, own in (("NSP", "next_sentence"), ("SOP", "sentence_order")):
        heldout = scores[row][f"held-out {own}_accuracy"]
        assert scores[row][f"intrinsic {own}"] == pytest.approx(heldout)
