"""The report, from cells with known numbers."""

import copy
import json
import re
import shutil

import numpy as np
import pytest

from support.paths import ROOT
from support.tables_setup import make_record
from tf_pretrain import atomic_files
from tf_pretrain.tables.cells.planning import Plan, PlannedCell
from tf_pretrain.tables.cells.record import Record, folder_of
from tf_pretrain.tables.definitions import papers, registry
from tf_pretrain.tables.report import folder as report
from tf_pretrain.tables.report import markdown, pages
from tf_pretrain.tables.report import results as table_results
from tf_pretrain.tables.report.results import Summary, TableResults, load_all

COMMAND = "python -m tf_pretrain.tables --table=electra_table5 --seeds=3"
# CoLA and RTE, x 100, of each seed. Averages: ELECTRA 60 (58 to 62), Replace MLM 50
# (49 to 51), BERT 61 (60 to 62), All-Tokens 40, alone. Paper: 85.0, 82.4, 82.2, 84.3.
SCORES = {
    "ELECTRA": [(50, 66), (54, 66), (58, 66)],
    "Replace MLM": [(40, 58), (42, 58), (44, 58)],
    "BERT": [(60, 62), (60, 60), (61, 63)],
    "All-Tokens MLM": [(40, 40), (42, 42)],
    "ELECTRA 15%": [(40, 50), (42, 50), (44, 50)],
    "no pretraining": [(40, 58), (41, 58), (42, 58)],
}


ORIGIN = {"command": COMMAND, "commit": "abc1234", "cores": 2}


def write_cell(workdir, key, seed, cola, rte, flops):
    tasks = {
        "CoLA-0": {"task": "CoLA", "median": cola / 100},
        "RTE-0": {
            "task": "RTE",
            "median": rte / 100,
            "notes": ["train is RTE/train_subset.tsv"],
            "commit": "def5678",
        },
    }
    record = make_record(
        key,
        tasks,
        ORIGIN,
        seed=seed,
        flops=flops,
        electra_flops=2.5 * flops,
        pretrain={
            "seconds": 315,
            "eval": {"masked_lm_accuracy": 0.17, "masked_lm_loss": 6.03},
        },
        intrinsic_formats=["next_sentence", "sentence_order"],
        curves={"masked_lm_accuracy": [[0, 0.0], [950, 0.475]]},
    )
    folder = folder_of(workdir, key)
    folder.mkdir(parents=True)
    record.save(folder)


def write_table(workdir, table, scores, flops_of=lambda row: 2e14):
    """Cells of all rows and seeds; returns their plan.

    Args:
        scores: {row: [(CoLA, RTE) of each seed]}.
    """
    planned = []
    for number, (row, seeds) in enumerate(scores.items()):
        for seed, (cola, rte) in enumerate(seeds):
            key = f"{number}{seed}"
            write_cell(workdir, key, seed, cola, rte, flops_of(row))
            planned.append(PlannedCell(row, seed, key, ["CoLA-0", "RTE-0"]))
    return Plan(table, "lab", COMMAND, 3, planned)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("workdir")
    plan = write_table(workdir, "electra_table5", SCORES)
    plan.cells.append(PlannedCell("All-Tokens MLM", 2, "none", []))
    plan.save(workdir)
    return workdir


@pytest.fixture(scope="module")
def results(workdir) -> TableResults:
    (found,) = load_all(workdir)
    return found


def test_summaries(results):
    rows = {row.name: row for row in results.rows}
    assert list(rows) == [
        *("ELECTRA", "All-Tokens MLM", "Replace MLM", "ELECTRA 15%", "BERT"),
        "no pretraining",
    ]
    electra = results.summary(rows["ELECTRA"], "glue")
    assert (electra.median, electra.low, electra.high) == pytest.approx((60, 58, 62))
    assert electra.spread == pytest.approx(4)
    assert results.summary(rows["All-Tokens MLM"], "glue").spread is None
    assert results.summary(rows["BERT"], "CoLA").median == pytest.approx(60)
    assert results.summary(rows["BERT"], "intrinsic masked LM") is None
    heldout = results.summary(rows["BERT"], "held-out masked_lm_accuracy")
    assert heldout.median == pytest.approx(17)
    assert results.printed(rows["BERT"], "glue") == 82.2


def test_order(results):
    """Medians 60, 41, 50, 46, 61, and 49.5 to begin with; spreads 4, 2 seeds, 2, 2, 2.

    BERT's lead over ELECTRA is inside the spread; that over the others is not.
    """
    order = results.order("glue")
    assert order.ours == [
        *("BERT", "ELECTRA", "Replace MLM", "ELECTRA 15%", "All-Tokens MLM"),
    ]
    assert order.paper == [
        *("ELECTRA", "All-Tokens MLM", "Replace MLM = ELECTRA 15%", "BERT"),
    ]
    assert order.agree == [("ELECTRA", "Replace MLM"), ("ELECTRA", "ELECTRA 15%")]
    assert order.against == [("Replace MLM", "BERT"), ("ELECTRA 15%", "BERT")]
    assert order.inside == [("ELECTRA", "BERT")]
    assert order.tied == [("Replace MLM", "ELECTRA 15%")]
    assert len(order.unknown) == 4
    assert order.floor == ["Replace MLM", "ELECTRA 15%"]
    lines = pages.order_lines(order)
    assert "ours: BERT > ELECTRA > Replace MLM > ELECTRA 15% > All-Tokens MLM" in lines
    assert (
        "agreement: 2 of the 4 pairs of rows that are further apart than the spread "
        "are in the paper's order"
    ) in lines
    assert "inside the spread: ELECTRA and BERT" in lines
    assert "against the paper: Replace MLM and BERT; ELECTRA 15% and BERT" in lines
    assert "equal in the paper: Replace MLM and ELECTRA 15%" in lines
    assert "no better than without pretraining: Replace MLM, ELECTRA 15%" in lines


def test_order_at_the_floor(tmp_path):
    """Two rows no better than without pretraining: their order is noise."""
    rows = {
        "None": [(30, 30), (31, 31), (32, 32)],
        "SOP": [(36, 36), (37, 37), (38, 38)],
        "no pretraining": [(45, 45), (46, 46), (47, 47)],
    }
    plan = write_table(tmp_path, "albert_table5", rows)
    order = TableResults(tmp_path, plan).order("average")
    assert order.at_floor == [("None", "SOP")] and order.agree == []
    assert "further apart than the spread: None and SOP" in pages.order_lines(order)[-1]


def test_a_cell_without_its_intrinsic_scores_is_not_finished(tmp_path):
    rows = {"NSP": [(30, 30), (31, 31)], "SOP": [(36, 36)]}
    plan = write_table(tmp_path, "albert_table5", rows)
    assert TableResults(tmp_path, plan).finished == 3
    path = next(tmp_path.glob("cells/*/cell.json"))
    cell = json.loads(path.read_text())
    path.write_text(json.dumps(cell | {"intrinsic_formats": ["next_sentence"]}))
    assert TableResults(tmp_path, plan).finished == 2


def question_task(name, f1, exact, best=()):
    """A TaskRecord's fields for SQuAD, x 100; `best` are F1 and EM, for SQuAD 2.0."""
    names = ("f1", "exact", "best_f1", "best_exact") if best else ("f1", "exact_match")
    scores = [value / 100 for value in (f1, exact, *best)]
    medians = {"dev": dict(zip(names, scores, strict=True))}
    values = {"metric": "f1", "median": f1 / 100, "medians": medians}
    return {"task": name, "kind": "questions", **values}


@pytest.mark.parametrize("row", papers.table("albert", "table2")["rows"], ids=str)
def test_average_of_questions_and_other_tasks(row):
    """As Lan et al. (2019), Table 2, whose averages were computed from their rows.

    GLUE's average has none of the questions, and SQuAD 2.0 counts with the best
    threshold.
    """
    tasks = {
        "1": question_task("SQuAD1.1", row["squad11_f1"], row["squad11_em"]),
        "2": question_task("SQuAD2.0", 7, 5, (row["squad20_f1"], row["squad20_em"])),
        "3": {"task": "MNLI", "median": row["MNLI"] / 100},
        "4": {"task": "SST-2", "median": row["SST2"] / 100},
        "5": {"task": "RACE", "kind": "choices", "median": row["RACE"] / 100},
    }
    scores = make_record("", tasks, ORIGIN).scores(tasks)
    assert scores["average"] == pytest.approx(row["avg_recomputed"], abs=0.0051)
    assert scores["average"] == pytest.approx(row["avg"], abs=0.051)
    assert scores["glue"] == pytest.approx((row["MNLI"] + row["SST2"]) / 2)
    for name, column in registry.find("albert_table2").metrics.items():
        assert scores[name] == pytest.approx(row[column], abs=0.051)
    assert scores["SQuAD2.0 F1"] == pytest.approx(7)
    assert scores["SQuAD2.0 EM"] == pytest.approx(5)


def test_columns_of_questions_stand_beside_the_papers(tmp_path):
    """ELECTRA's Table 4 with SQuAD 2.0 alone, from cells without GLUE."""
    planned = []
    for row, f1 in (("BERT-Base", 40), ("ELECTRA-Base", 60)):
        tasks = {"2": question_task("SQuAD2.0", f1, f1 - 1, (f1 + 2, f1 + 1))}
        record = make_record(row, tasks, ORIGIN)
        folder = folder_of(tmp_path, row)
        folder.mkdir(parents=True)
        record.save(folder)
        planned.append(PlannedCell(row, 0, row, ["2"]))
    Plan("electra_table4", "lab", COMMAND, 1, planned).save(tmp_path)
    folder = report.write(tmp_path)
    page = (folder / "electra_table4-lab.md").read_text()
    columns = "SQuAD2.0 F1 | paper's squad20_dev_f1 | SQuAD2.0 EM | paper's squad20"
    assert columns in page
    assert "| 60.0 | 83.3 | 59.0 | 80.5 |" in page and "| 40.0 | – | 39.0 | – |" in page
    assert "| row | SQuAD2.0 best F1 | SQuAD2.0 best EM |" in page
    assert "| ELECTRA-Base | 62.0 | 61.0 |" in page
    assert "Order by" not in page  # the paper has a value of one of these rows
    assert "glue" not in page
    assert (folder / "images" / "electra_table4-lab-scores.png").is_file()


def test_a_family_has_a_floor_of_its_own(tmp_path):
    rows = {
        "ELECTRA": [(50, 50)] * 3,
        "ALBERT, equal shape": [(50, 50)] * 3,
        "no pretraining": [(40, 40)] * 3,
        "no pretraining, ALBERT": [(60, 60)] * 3,
    }
    plan = write_table(tmp_path, "families", rows)
    order = TableResults(tmp_path, plan).order("glue")
    assert order.floor == ["ALBERT, equal shape"]
    assert order.ours == ["ELECTRA", "ALBERT, equal shape"]


def test_costs_of_the_papers_runs_are_drawn(budgets, tmp_path):
    """Of which some are larger than any integer of NumPy."""
    workdir = tmp_path / "copy"
    shutil.copytree(budgets, workdir)
    for path in workdir.glob("cells/*/cell.json"):
        cell = json.loads(path.read_text())
        atomic_files.write_json(path, cell | {"flops": int(cell["flops"]) * 10**6})
    folder = report.write(workdir)
    assert (folder / "images" / "electra_table1-lab-flops.png").is_file()


@pytest.mark.parametrize("seeds,expected", [(2, 0.21), (3, 0.06)])
def test_how_often_chance_is_outside_the_spread(seeds, expected, monkeypatch):
    """Of two rows that do not differ, with normal scores."""
    monkeypatch.setattr(table_results, "MIN_SEEDS", 2)
    scores = np.random.default_rng(0).normal(size=(4000, 2, seeds)).tolist()
    pairs = [(Summary.of(a), Summary.of(b)) for a, b in scores]
    found = np.mean([a.is_clear_of(b) for a, b in pairs])
    assert found == pytest.approx(expected, abs=0.02)


def test_pages(workdir, tmp_path):
    folder = report.write(workdir, tmp_path / "out")
    page = (folder / "electra_table5-lab.md").read_text()
    counts = "1,900 | 2.00e+14 | 5.00e+14"
    assert f"| ELECTRA | 3 | {counts} | 60.0 (58.0 to 62.0) | 85 |" in page
    assert f"| All-Tokens MLM | 2 | {counts} | 41.0 (40.0 to 42.0) | 84.3 |" in page
    assert "17 of 18 cells are finished" in page
    assert "- RTE: train is RTE/train_subset.tsv" in page
    assert "glue: the mean of CoLA (accuracy), RTE (subset, accuracy)." in page
    assert (
        "| BERT | 2 | 62.00 | 7.2 | 2 | tensorflow | abc1234, def5678 | `22` | [1] |"
        in page
    )
    assert page.count(COMMAND) == 1
    for image in re.findall(r"\]\((images/.*png)\)", page):
        assert (folder / image).read_bytes().startswith(b"\x89PNG")
    html = (folder / "index.html").read_text()
    assert html.count("data:image/png;base64,") == 2
    assert not re.search(r'(src|href)="(?!data:|#)', html)  # self-contained
    for anchor in re.findall('href="#([^"]*)"', html):
        assert f'id="{anchor}"' in html
    assert re.search(r"<td[^>]*>60.0 \(58.0 to 62.0\)</td>\s*<td[^>]*>85</td>", html)
    found = json.loads((folder / "cells.json").read_text())
    assert found["cells"]["00"]["rows"][0]["scores"]["glue"] == pytest.approx(58)


def test_a_report_brings_its_cells_to_another_workdir(workdir, budgets, tmp_path):
    """Finished there too, those of other tables beside them, and reported alike."""
    kept = report.write(workdir, tmp_path / "kept")
    page = (kept / "electra_table5-lab.md").read_text()
    assert report.restore(kept, tmp_path / "new") == 17
    assert report.restore(kept, tmp_path / "new") == 0
    again = report.write(tmp_path / "new", tmp_path / "again")
    assert (again / "electra_table5-lab.md").read_text() == page
    assert (again / "cells.json").read_text() == (kept / "cells.json").read_text()

    # A plan with fewer cells, or none of these, takes nothing out of the report.
    report.write(budgets, again)
    found = json.loads((again / "cells.json").read_text())
    assert set(found["tables"]) == {"electra_table1-lab", "electra_table5-lab"}
    assert len(found["cells"]) > 17

    (own,) = (budgets / "cells").glob("00/cell.json")
    before = own.read_text()
    both = shutil.copytree(budgets, tmp_path / "both")
    report.restore(kept, both)
    assert {r.table.id for r in load_all(both)} == {"electra_table1", "electra_table5"}
    assert (both / "cells" / "00" / "cell.json").read_text() == before
    assert report.restore(tmp_path / "nothing", both) == 0


def test_a_report_as_it_was_always_written():
    """The cells of the docs' report load, and have the scores that it says."""
    kept = json.loads((ROOT / "docs" / "tables" / "cells.json").read_text())
    keys = {
        (name, cell["row"], cell["key"]): cell["tasks"]
        for name, plan in kept["tables"].items()
        for cell in plan["cells"]
    }
    for key, cell in kept["cells"].items():
        record = Record.from_dict(cell)
        # Reports from before there were other kinds of tasks are read alike.
        older = copy.deepcopy(cell)
        for task in older["tasks"].values():
            del task["kind"]
        assert Record.from_dict(older) == record
        assert record.to_dict() | {"rows": cell["rows"]} == cell
        for row in cell["rows"]:
            tasks = keys[row["table"], row["row"], key]
            assert record.scores(tasks) == row["scores"]


def test_nothing_finished(tmp_path):
    assert report.write(tmp_path) is None
    assert not (tmp_path / "report").exists()


def test_markdown_and_its_html():
    text = markdown.joined(
        [
            "# a < b",
            markdown.table(["x", "y"], [["`a|b`", "<"]]),
            markdown.folded("a & b", markdown.code("c < `d`")),
            "[see](page.md) [1], <b>5</b>",
        ]
    )
    assert text == (
        "# a < b\n\n| x | y |\n| --- | ---: |\n| `a\\|b` | < |\n\n"
        "<details><summary>a &amp; b</summary>\n\n```\nc < `d`\n```\n\n</details>\n\n"
        "[see](page.md) [1], <b>5</b>"
    )
    html = markdown.to_html({"one": text, "page": "## Two"}, "t", ".")
    assert "<pre><code>c &lt; `d`\n</code></pre>\n</details>" in html
    assert "<summary>a &amp; b</summary>" in html
    assert '<a href="#page">see</a> [1], &lt;b&gt;5&lt;/b&gt;</p>' in html
    assert '<section id="page">\n<h2>Two</h2>' in html
    assert "<h1>a &lt; b</h1>" in html and "<td><code>a|b</code></td>" in html


# GLUE of ELECTRA and of BERT, by fraction of the compute and seed.
BY_BUDGET = {
    "ELECTRA, 1/4": [50, 51, 52],
    "BERT, 1/4": [50, 52, 51],
    "ELECTRA, 1/2": [53, 54],
    "BERT, 1/2": [52, 52],
    "ELECTRA": [58, 59, 57],
    "BERT": [55, 57, 51],
    "ELECTRA, 1/8": [40],
}


@pytest.fixture(scope="module")
def budgets(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("budgets")

    def flops_of(row):
        return 8e13 / int(row.partition(", 1/")[2] or 1)

    scores = {row: [(v, v) for v in values] for row, values in BY_BUDGET.items()}
    write_table(workdir, "electra_table1", scores, flops_of).save(workdir)
    return workdir
