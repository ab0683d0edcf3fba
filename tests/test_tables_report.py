"""The report, from cells with known numbers."""

import json
import re

import pytest

from tf_pretrain.data import atomic_files
from tf_pretrain.tables import cells, document, report
from tf_pretrain.tables.results import TableResults, load_all

COMMAND = "python -m tf_pretrain.tables --table=electra_table5 --seeds=3"
# CoLA and RTE, x 100, of each seed. Averages: ELECTRA 60 (58 to 62), Replace MLM 50
# (49 to 51), BERT 61 (60 to 62), All-Tokens 40, alone. Paper: 85.0, 82.4, 82.2, 84.3.
SCORES = {
    "ELECTRA": [(50, 66), (54, 66), (58, 66)],
    "Replace MLM": [(40, 58), (42, 58), (44, 58)],
    "BERT": [(60, 62), (60, 60), (61, 63)],
    "All-Tokens MLM": [(40, 40)],
}


def write_cell(workdir, key, seed, cola, rte):
    folder = cells.folder(workdir, key)
    (folder / "pretrain").mkdir(parents=True)

    def task(name, value, notes=()):
        return {
            "task": name,
            "metric": "accuracy",
            "median": value / 100,
            "notes": list(notes),
            "seconds": 60,
        }

    cell = {
        "key": key,
        "seed": seed,
        "config": {},
        "command": COMMAND,
        "commit": "abc1234",
        "flops": 2e14,
        "memory_bytes": 2**30,
        "minutes": 7.25,
        "pretrain": {
            "step": 1900,
            "seconds": 300,
            "tokens_per_s": 9000.0,
            "encoder_parameters": 2_300_000,
            "eval": {"masked_lm_accuracy": 0.17, "masked_lm_loss": 6.03},
        },
        "tasks": {
            "CoLA-0": task("CoLA", cola),
            "RTE-0": task("RTE", rte, ["train is RTE/train_subset.tsv"]),
        },
        "intrinsic": {},
        "intrinsic_formats": [],
    }
    atomic_files.write_json(folder / "cell.json", cell)
    lines = [{"step": s, "eval": {"masked_lm_accuracy": s / 2000}} for s in (0, 950)]
    (folder / "pretrain" / "metrics.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines)
    )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("workdir")
    planned = []
    for number, (row, seeds) in enumerate(SCORES.items()):
        for seed, (cola, rte) in enumerate(seeds):
            key = f"{number}{seed}"
            write_cell(workdir, key, seed, cola, rte)
            planned.append(
                {"row": row, "seed": seed, "key": key, "tasks": ["CoLA-0", "RTE-0"]}
            )
    planned.append({"row": "ELECTRA 15%", "seed": 0, "key": "none", "tasks": []})
    (workdir / "tables").mkdir()
    record = {
        "table": "electra_table5",
        "scale": "lab",
        "command": COMMAND,
        "cells": planned,
    }
    atomic_files.write_json(workdir / "tables" / "electra_table5-lab.json", record)
    return workdir


@pytest.fixture(scope="module")
def results(workdir) -> TableResults:
    (found,) = load_all(workdir)
    return found


def test_summaries(results):
    rows = {row.name: row for row in results.rows}
    assert list(rows) == ["ELECTRA", "All-Tokens MLM", "Replace MLM", "BERT"]
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
    """BERT's lead over ELECTRA is inside the spread; Replace MLM's lag is not."""
    order = results.order("glue")
    assert order.ours == ["BERT", "ELECTRA", "Replace MLM", "All-Tokens MLM"]
    assert order.paper == ["ELECTRA", "All-Tokens MLM", "Replace MLM", "BERT"]
    assert order.agree == [("ELECTRA", "Replace MLM")]
    assert order.against == [("Replace MLM", "BERT")]
    assert order.inside == [("ELECTRA", "BERT")]
    assert len(order.unknown) == 3
    lines = report.order_lines(order)
    assert "ours: BERT > ELECTRA > Replace MLM > All-Tokens MLM" in lines
    assert (
        "agreement: 1 of the 2 pairs of rows that are further apart than the spread "
        "are in the paper's order"
    ) in lines
    assert "inside the spread: ELECTRA and BERT" in lines
    assert "against the paper: Replace MLM and BERT" in lines


def test_pages(workdir, tmp_path):
    folder = report.write(workdir, tmp_path / "out")
    page = (folder / "electra_table5-lab.md").read_text()
    assert "| ELECTRA | 3 | 1,900 | 2.00e+14 | 60.0 (58.0 to 62.0) | 85 |" in page
    assert "| All-Tokens MLM | 1 | 1,900 | 2.00e+14 | 40.0 | 84.3 |" in page
    assert "10 of 11 cells are finished" in page
    assert "- RTE: train is RTE/train_subset.tsv" in page
    assert "glue: the mean of CoLA (accuracy), RTE (subset, accuracy)." in page
    assert "| BERT | 2 | 62.00 | 7.2 | abc1234 | `cells/22` | [1] |" in page
    assert page.count(COMMAND) == 1
    for image in re.findall(r"\]\((images/.*png)\)", page):
        assert (folder / image).read_bytes().startswith(b"\x89PNG")
    html = (folder / "index.html").read_text()
    assert html.count("data:image/png;base64,") == 2
    assert not re.search(r'(src|href)="(?!data:)', html)  # self-contained
    assert "<td>60.0 (58.0 to 62.0)</td><td>85</td>" in html
    found = json.loads((folder / "cells.json").read_text())
    assert found["00"]["rows"][0]["scores"]["glue"] == pytest.approx(58)


def test_nothing_finished(tmp_path):
    assert report.write(tmp_path) is None
    assert not (tmp_path / "report").exists()


def test_document_escapes():
    blocks = [
        document.Heading("a < b", 1),
        document.Grid(["x", "y"], [["`a|b`", "<"]]),
    ]
    assert document.to_markdown(blocks) == (
        "# a < b\n\n| x | y |\n| --- | ---: |\n| `a\\|b` | < |\n"
    )
    html = document.to_html(blocks, "t", ".")
    assert "<h1>a &lt; b</h1>" in html and "<td><code>a|b</code></td>" in html
