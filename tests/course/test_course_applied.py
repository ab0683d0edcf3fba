"""Tables 2, 11, 12 and 14: printed values, our results, the log, what is missing."""

import json
import re
import statistics

import numpy as np
import pytest

from docs.course import applied_tables, finetuned, gains_tables, settings_tables, words
from support.course_pages import block, numbers, part
from support.paths import ROOT

COURSE = ROOT / "docs" / "course"
PAPERS = ROOT / "tf_pretrain" / "tables" / "definitions" / "papers"
PUBLISHED = json.loads((COURSE / "published.json").read_text("utf-8"))
RECORDED = json.loads((COURSE / "recorded.json").read_text("utf-8"))
CELLS = json.loads((ROOT / "docs" / "tables" / "cells.json").read_text("utf-8"))
RESULTS = ROOT / "docs" / "tables" / "finetuning.json"
LEARNERS = [
    "ours",
    "ours from random weights",
    "linear probe on frozen mean-pooled features",
    "TF-IDF and linear",
    "majority class",
]
SETS = {
    "t11": [("trec", "accuracy"), ("trec", "macro_f1"), ("subj", "accuracy"),
            ("CoLA", "matthews"), ("docs", "accuracy")],
    "t12": [(name, "accuracy") for name in
            ("SST-2", "sst2-sentences", "sst5", "rotten-tomatoes")],
}  # fmt: skip


def table_of(paper, name):
    values = json.loads((PAPERS / f"{paper}.json").read_text("utf-8"))
    return values["tables"][name]["rows"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_gains_are_the_published_ones(language):
    rows = part(language, "t2", "A")
    expected = [(g, row) for g in PUBLISHED["gains"] for row in g["rows"]]
    assert len(rows) == len(expected) == 9 + 3 + 5 + 9
    for cells, (group, row) in zip(rows, expected, strict=True):
        assert [numbers(cells[2]), numbers(cells[3])] == [
            [row["without"]],
            [row["with"]],
        ]
        source = PUBLISHED["sources"][group["source"]]
        assert cells[4].startswith(source["name"])
        assert numbers(cells[4])[-1] == source["place"]
        assert ("†" in cells[0]) == (source["texts"] == 1)


def test_published_values_add_up():
    """GPT's printed means are those of its rows. (BERT's count MNLI twice.)"""
    (group,) = (g for g in PUBLISHED["gains"] if g["id"] == "gpt")
    *rows, mean = group["rows"]
    assert mean["task"] == "mean"
    for which in ("without", "with"):
        found = np.mean([row[which] for row in rows])
        assert mean[which] == pytest.approx(found, abs=0.051)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("name", "columns"),
    [("t11", ("TREC", "SUBJ", "CoLA")), ("t12", ("SST-2", "SST-5", "MR"))],
)
def test_published_scores(name, columns, language):
    expected = {}
    for row in PUBLISHED["classification"]:
        scores = [row["scores"].get(column) for column in columns]
        source = PUBLISHED["sources"][row["source"]]
        mark = {"abstract": "§"}.get(source["found"], "†" * (source["texts"] == 1))
        if any(scores):
            expected[row["system"] + mark] = scores
    electra = {
        "Large": "ELECTRA-Large",
        "Base (Base++)": "ELECTRA-Base++",
        "Small (Small++)": "ELECTRA-Small++",
        "Small-OWT (1M steps, OpenWebText)": "ELECTRA-Small-OWT",
    }
    electra = {
        electra[row["model"].removeprefix("ELECTRA-")]: row
        for row in table_of("electra", "readme_expected_dev")
    }
    if name == "t11":
        for model in ("ELECTRA-Large", "ELECTRA-Base++", "ELECTRA-Small++"):
            expected[model] = [None, None, electra[model]["CoLA"]]
        wanted = {"model": "ALBERT (1.5M)", "set": "dev single"}
        rows = table_of("albert", "table9")
        (row,) = (r for r in rows if wanted.items() <= r.items())
        expected["ALBERT (1.5M)"] = [None, None, row["CoLA"]]
    else:
        for model, row in electra.items():
            expected[model] = [row["SST"], None, None]
        for row in table_of("albert", "readme_v1_v2"):
            expected[f"{row['model']} {row['version']}"] = [row["SST2"], None, None]
    rows = part(language, name, "C")
    assert {cells[0]: [numbers(c) for c in cells[1:4]] for cells in rows} == {
        system: [[] if s is None else [s] for s in scores]
        for system, scores in expected.items()
    }


def section(link):
    """The text of a section of docs/log, without its deeper ones."""
    page, _, anchor = link.partition("#")
    text = (ROOT / "docs" / "log" / page).read_text("utf-8")
    for found in re.split(r"^#+ ", text, flags=re.M)[1:]:
        title = found.splitlines()[0]
        slug = re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        if slug == anchor:
            return found
    raise AssertionError(f"no section {link}")


def test_recorded_results_are_in_the_log():
    glue = RECORDED["glue"]
    text = section(glue["section"])
    for command in glue["commands"]:
        assert f"\n{command}\n" in text
    assert all(f"`{commit}`" in text for commit in glue["commits"])
    for row in glue["rows"]:
        name = {"matthews": "Matthews", "spearman": "Spearman", "f1": "F1"}
        title = f"{row['task']}, {name.get(row['metric'], row['metric'])}"
        (line,) = (x for x in text.splitlines() if x.startswith(f"| {title} |"))
        cells = [cell.strip() for cell in line.split("|")[2:]]
        for cell, who in zip(
            (cells[0], cells[1], cells[4]),
            ("pretrained", "scratch", "same_rates"),
            strict=True,
        ):
            found = row[who]
            range_ = f"{found['median']} ({found['low']} to {found['high']}"
            assert cell.startswith(range_)
            seeds = re.search(r"(\d+) seeds", cell)
            assert found["seeds"] == (int(seeds[1]) if seeds else 10)


@pytest.mark.parametrize("change", RECORDED["changes"], ids=lambda c: c["id"])
def test_changes_are_in_the_log(change):
    text = section(change["section"])
    found = set(re.findall(r"\d[\d,]*(?:\.\d+)?(?:e-\d)?", text))
    found |= {number.rstrip(",") for number in found}
    digits = settings_tables._DIGITS.get(change["metric"], 1)
    for when in ("before", "after"):
        assert f"{change[when]:.{digits}f}" in found
    for value in change["values"].values():
        assert value in found or value in text
    cost = dict(change.get("cost", {}))
    cost.pop("unit", None)
    assert all(f"{value:,}" in found for value in cost.values()), cost


@pytest.mark.parametrize("language", ["en", "zh"])
def test_effects_of_the_log_and_of_the_cells(language):
    rows = part(language, "t14", "A")
    for cells, change in zip(rows, RECORDED["changes"], strict=True):
        assert [numbers(cells[i]) for i in (2, 3)] == [
            [change["before"]], [change["after"]]
        ]  # fmt: skip
        assert f"(../log/{change['section']})" in cells[5]
    rows = part(language, "t14", "B")
    for cells, (table, before, after, score, digits, _) in zip(
        rows, settings_tables.FROM_CELLS.values(), strict=True
    ):
        for cell, name in ((cells[2], before), (cells[3], after)):
            values = [
                row["scores"][score]
                for found in CELLS["cells"].values()
                for row in found["rows"]
                if (row["table"], row["row"]) == (table, name)
            ]
            expected = [np.median(values), min(values), max(values)]
            assert len(values) == 3
            assert numbers(cell) == pytest.approx(expected, abs=0.6 * 10**-digits)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_settings_are_the_papers(language):
    values = {r["hyperparameter"]: r["value"]
              for r in table_of("electra", "table7_finetuning_hparams")}  # fmt: skip
    for cells, name in zip(
        part(language, "t14", "C"), settings_tables._SETTINGS, strict=True
    ):
        expected = re.findall(r"\d[\d.]*(?:e-\d+)?", str(values[name]))
        assert re.findall(r"\d[\d.]*(?:e-\d+)?", cells[1]) == expected
    columns = ["lr", "batch", "albert_dropout", "classifier_dropout", "train_steps",
               "warmup_steps", "max_seq_len"]  # fmt: skip
    for cells, row in zip(
        part(language, "t14", "D"), table_of("albert", "table14"), strict=True
    ):
        found = [float(cell.replace(",", "")) for cell in cells[1:]]
        assert [cells[0], *found] == [row["task"], *(row[c] for c in columns)]


def results():
    if not RESULTS.exists():
        return []
    return list(json.loads(RESULTS.read_text("utf-8")).values())


def scores(rows, task, learner, metric, size=0):
    wanted = {"task": task, "contestant": learner, "size": size}
    return [100 * r["scores"][metric] for r in rows if wanted.items() <= r.items()]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", SETS)
def test_our_scores_are_those_of_the_file(name, language):
    rows = part(language, name, "A")
    for cells, learner in zip(rows[: len(LEARNERS)], LEARNERS, strict=True):
        for cell, (task, metric) in zip(cells[1:], SETS[name], strict=True):
            values = scores(results(), task, learner, metric)
            expected = []
            if values:
                expected = [np.median(values), min(values), max(values)]
                if len(values) == 1:
                    expected = expected[:1]
            few = re.search(r"n = (\d)", cell)
            draws = learner.startswith("ours")
            assert (int(few[1]) if few else None) == (
                len(values) if draws and 0 < len(values) < 3 else None
            )
            found = numbers(cell.split("n =")[0])
            assert found == pytest.approx(expected, abs=0.051)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_scores_by_number_of_labels(language):
    rows = part(language, "t2", "C")
    learners = [LEARNERS[0], LEARNERS[1], LEARNERS[3]]
    tasks = gains_tables.curve_tasks()
    assert len(rows) == len(tasks) * len(learners)
    for number, cells in enumerate(rows):
        task, learner = tasks[number // 3], learners[number % 3]
        for cell, size in zip(cells[1:], (100, 300, 1000, 3000, 10000, 0), strict=True):
            found = [r for r in results() if r["task"] == task]
            metric = next(iter(found[0]["scores"])) if found else "accuracy"
            values = scores(results(), task, learner, metric, size)
            expected = [statistics.median(values)] if values else []
            assert numbers(cell)[:1] == pytest.approx(expected, abs=0.051)


def test_the_results_name_no_folder_of_a_machine():
    text = json.dumps(results())
    assert not re.search(r'"[^"]*(?:^|")/|/(?:tmp|home|work|root)/', text)
    for row in results():
        assert "/" not in row["task"]


def made(task, learner, values, size=0, **more):
    return [
        {"task": task, "contestant": learner, "size": size, "seed": seed,
         "scores": {"accuracy": value}, **more}
        for seed, value in enumerate(values)
    ]  # fmt: skip


@pytest.fixture
def partial(monkeypatch):
    """Results with three seeds, two, one and none."""
    rows = [
        *made("SST-2", "ours", [0.9, 0.92, 0.91]),
        *made("SST-2", "ours from random weights", [0.8, 0.805, 0.79]),
        *made("SST-2", "TF-IDF and linear", [0.905]),
        *made("sst5", "ours", [0.5, 0.4], split="test", train_examples=8544,
              scored_examples=2210),
        *made("sst5", "ours from random weights", [0.3]),
        *made("sst5", "ours", [0.2], size=100),
    ]  # fmt: skip
    monkeypatch.setattr(finetuned, "_rows", lambda: rows)
    return rows


def cells_of(text, letter):
    text = text[text.index(f"**{letter}. ") :]
    table = text[text.index("\n| ") :].split("\n\n")[0].strip()
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_missing_and_few_results(partial):
    rows = cells_of(applied_tables.t12("en"), "A")
    assert rows[0][1:] == [
        "91.0 (90.0 to 92.0)", "–", "45.0 (40.0 to 50.0; n = 2)", "–"
    ]  # fmt: skip
    assert rows[1][1:] == ["80.0 (79.0 to 80.5)", "–", "30.0 (n = 1)", "–"]
    assert rows[3][1:] == ["90.5", "–", "–", "–"]  # draws nothing
    # 11 points are more than the larger spread of 2, and half a point is not.
    assert rows[5][1:] == ["+11.0", "–", "+15.0 (too few seeds)", "–"]
    assert rows[6][1:] == ["+0.5 (inside the spread)", "–", "–", "–"]
    assert rows[7][1:] == ["–", "–", "8,544 / 2,210 (test)", "–"]


def test_curves_with_results_are_the_first(partial):
    rows = cells_of(gains_tables.t2("en"), "C")
    assert rows[0][:2] == ["SST-5, pretrained encoder, fine-tuned", "20.0 (n = 1)"]
    assert [row[0].partition(",")[0] for row in rows[::3]] == [
        "SST-5", "SST-2", "TREC", "SUBJ"
    ]  # fmt: skip


def test_rows_without_results_of_a_table_are_named():
    """Equal compute: until the table is run, the tasks that it shares with another."""
    text = block("en", "t12")
    rows = part("en", "t12", "B")
    if "course-lab" not in CELLS["tables"]:
        assert [cells[2:] for cells in rows] == [["–"] * 3] * 5
        assert "Not run yet: SST-2, whole sentences, SST-5, MR." in text
        assert "families-lab.md" in text
    values = [
        r["scores"]["SST-2"]
        for found in CELLS["cells"].values()
        for r in found["rows"]
        if (r["table"], r["row"]) == ("families-lab", "ALBERT, equal shape")
    ]
    assert numbers(rows[2][1])[0] == round(float(np.median(values)), 1)


def test_differences_in_both_languages():
    summary = finetuned.Summary
    a, b = summary(50.0, 49.0, 51.0, 3), summary(53.0, 53.0, 53.0, 3)
    texts = [finetuned.difference(a, b, words.of(lang)) for lang in ("en", "zh")]
    assert texts == ["−3.0", "−3.0"]
    assert finetuned.difference(a, None, words.of("en")) == "–"
