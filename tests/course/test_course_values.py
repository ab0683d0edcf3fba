"""Every number of the chapter's tables against its source, by an independent reader."""

import json
import re

import keras
import numpy as np
import pytest

from support.course_pages import numbers, part
from support.paths import CONFIGS, ROOT
from tf_pretrain.config.files import load_config
from tf_pretrain.data import masking
from tf_pretrain.models import flops
from tf_pretrain.models.building import build_objective

PAPERS = ROOT / "tf_pretrain" / "tables" / "definitions" / "papers"
GLUE = ["CoLA", "SST", "MRPC", "STS", "QQP", "MNLI", "QNLI", "RTE"]
SQUAD = [("squad11_f1", "squad11_em"), ("squad20_f1", "squad20_em")]
MEANS = [*SQUAD, "MNLI", "SST2", "RACE", "avg"]
SIZES = ["Small", "Base", "Large"]
SETTINGS = [
    "mask percent",
    "train steps ELECTRA",
    "batch size",
    "max sequence length",
    "learning rate",
    "warmup steps",
    "discriminator loss weight",
]


def named(*names):
    return lambda row: row.get("model") in names


def anything(row):
    return True


# (block, part): paper, its table, which rows, the source of every column but the first.
# None is a column of ours; "text" one whose numbers are within words.
PRINTED = {
    ("t3", "A"): (
        "electra", "table1", anything,
        ["params_M", "train_flops", "infer_flops", "train_speedup_x",
         "train_time_hardware", "glue_dev_avg", None, None, None],
    ),
    ("t3", "B"): (
        "electra", "table2", anything, ["params_M", "train_flops", "avg"],
    ),
    ("t4", "C"): (
        "electra", "table6_pretraining_hparams",
        lambda row: row["hyperparameter"] in SETTINGS, SIZES,
    ),
    ("t4", "D"): ("electra", "weight_tying", anything, ["glue_dev_avg"]),
    ("t5", "A"): (
        "electra", "table2", named("BERT (ours)", "ELECTRA-400K", "ELECTRA-1.75M"),
        [*GLUE, "avg"],
    ),
    ("t5", "B"): ("electra", "readme_expected_dev", anything, GLUE),
    ("t6", "A"): (
        "albert", "table2", anything, ["params_M", *MEANS, "speedup_x", None, None],
    ),
    ("t6", "B"): ("albert", "table6", anything, ["steps", "hours", *MEANS]),
    ("t6", "C"): ("albert", "readme_v1_v2", anything, MEANS),
    ("t7", "A"): (
        "albert", "table1", anything,
        ["params_M", "layers", "hidden", "embedding", "text"],
    ),
    ("t7", "B"): ("albert", "table3", anything, ["params_M", "avg"]),
    ("t7", "C"): ("albert", "table4", anything, ["avg", "params_M", None, None]),
    ("t7", "D"): ("albert", "table11", anything, ["params_M", "avg"]),
    ("t7", "E"): ("albert", "table12", anything, ["params_M", "avg"]),
    ("t8", "A"): (
        "albert", "table5", anything,
        ["intrinsic_mlm", "intrinsic_nsp", "intrinsic_sop", *MEANS],
    ),
    ("t8", "C"): ("albert", "table7", anything, MEANS),
    ("t8", "D"): ("albert", "table8", anything, MEANS),
    ("t9", "B"): (
        "electra", "table3", named("ALBERT", "ELECTRA"),
        ["train_flops", *GLUE[:6], "RTE", "WNLI", "avg_without_QNLI"],
    ),
}  # fmt: skip


def printed(paper, table, keep):
    values = json.loads((PAPERS / f"{paper}.json").read_text("utf-8"))
    return [row for row in values["tables"][table]["rows"] if keep(row)]


def sources(row, column):
    """The numbers that a paper prints for a column, or for two joined ones."""
    columns = column if isinstance(column, tuple) else (column,)
    values = [row[name] for name in columns if row[name] is not None]
    found = []
    for value in values:
        if isinstance(value, str):
            found += [float(n) for n in re.findall(r"(?<![\w.])\d+", value)]
        else:
            found.append(float(value))
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("place", PRINTED, ids=lambda place: "".join(place))
def test_every_printed_value_is_the_papers(place, language):
    paper, table, keep, columns = PRINTED[place]
    rows = part(language, *place)
    expected = printed(paper, table, keep)
    if place == ("t4", "C"):
        expected.sort(key=lambda row: SETTINGS.index(row["hyperparameter"]))
    assert len(rows) == len(expected)
    for cells, row in zip(rows, expected, strict=True):
        assert len(cells) == len(columns) + 1
        for cell, column in zip(cells[1:], columns, strict=True):
            if column not in (None, "text"):
                assert numbers(cell) == sources(row, column), (cells[0], column)
        name = str(row.get("model", ""))
        assert cells[0].startswith(name.split(" ")[0].removesuffix("-OWT")[:8])
        for key in ("E", "layers", "hidden"):
            if key in row and place[1] in "BCDE":
                assert numbers(cells[0])[-1] == row[key]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_rows_of_two_papers(language):
    """The parts whose rows come from two files, and the means computed here."""
    rows = part(language, "t9", "A")
    electra = printed(
        "electra", "table2", named("BERT", "ELECTRA-400K", "ELECTRA-1.75M")
    )
    for cells, row in zip(rows[:3], electra, strict=True):
        columns = ["params_M", "train_flops", *GLUE, "avg"]
        found = [numbers(cell) for cell in cells[1:]]
        assert found == [[float(row[c])] for c in columns]
    albert = printed("albert", "table9", named("ALBERT (1M)", "ALBERT (1.5M)"))
    for cells, row in zip(rows[3:], albert, strict=True):
        assert row["set"] == "dev single" and cells[0] == row["model"]
        assert [numbers(cell) for cell in cells[3:-1]] == [[row[t]] for t in GLUE]
        mean = np.mean([row[task] for task in GLUE])
        assert numbers(cells[-1]) == [round(float(mean), 1)]
        assert re.search("computed here|本文计算", cells[-1])
    assert [numbers(cells[2]) for cells in rows[3:]] == [[], [3.1e22]]

    rows = part(language, "t9", "C")
    for cells in rows:
        paper = "albert" if cells[0] == "ALBERT-base" else "electra"
        (row,) = printed(
            paper, "table2" if paper == "albert" else "table4",
            named(cells[0].rstrip("†‡")),
        )  # fmt: skip
        middle = "_" if paper == "albert" else "_dev_"
        for cell, test in zip(cells[2:], ("squad11", "squad20"), strict=True):
            assert numbers(cell) == [row[f"{test}{middle}{m}"] for m in ("em", "f1")]

    rows = part(language, "t9", "D")
    released = printed("electra", "readme_expected_dev", lambda r: "++" in r["model"])
    albert = printed("albert", "readme_v1_v2", named("ALBERT-base"))
    expected = [[[r["SST"]], [r["MNLI"]]] for r in released]
    expected += [[[r["SST2"]], [r["MNLI"]]] for r in albert]
    assert [[numbers(c) for c in cells[1:]] for cells in rows] == expected

    method = part(language, "t5", "C")
    values = [row["glue_dev_avg"] for row in printed("electra", "table5", anything)]
    assert [numbers(cells[1]) for cells in method] == [*([v] for v in values), []]


def test_rows_of_one_source_are_marked():
    """Single-source rows have a mark, and rows from memory are not there."""
    marked = {cells[0] for cells in part("en", "t3", "A") if "†" in cells[0]}
    states = printed("electra", "table1", anything)
    single = [row for row in states if "single source" in row["confirmed"]]
    assert len(marked) == len(single) == 3
    assert {name.rstrip("†") for name in marked} == {
        re.sub(r" ([\d.]+)% trained", r", \1 % of the steps", row["model"])
        for row in single
    }
    from docs.course import printed as course_printed

    memory = printed("electra", "table8_glue_test_single", named("ELECTRA-Base"))[0]
    with pytest.raises(Exception, match="from memory; leave it out"):
        course_printed.mark(memory)


CELLS = json.loads((ROOT / "docs" / "tables" / "cells.json").read_text("utf-8"))


def measured(table, row, metric):
    """(median, lowest, highest) of a score from the cells' raw results; or None."""
    values = []
    for planned in CELLS["tables"][table]["cells"]:
        if planned["row"] != row:
            continue
        cell = CELLS["cells"][planned["key"]]
        tasks = {
            cell["tasks"][key]["task"]: 100 * cell["tasks"][key]["median"]
            for key in planned["tasks"]
        }
        scores = {name: 100 * v for name, v in cell["pretrain"]["eval"].items()}
        scores["nats"] = scores.get("masked_lm_loss", 0) / 100
        scores |= {name: 100 * value for name, value in cell["intrinsic"].items()}
        scores |= tasks | {"glue": np.mean(list(tasks.values()))}
        scores["tokens"] = cell["pretrain"]["tokens_per_s"]
        if metric in scores:
            values.append(scores[metric])
    assert len(values) in (0, 3)
    return [np.median(values), min(values), max(values)] if values else []


FIVE = ["CoLA", "SST-2", "MRPC", "STS-B", "RTE"]
AUC = "replaced_token_auc"
# (block, part): table, digits, {column: metric}, rows.
OURS = {
    ("t3", "C"): ("electra_table1-lab", {2: "glue", 3: "STS-B", 4: AUC}, [
        "ELECTRA", "ELECTRA, 1/2", "ELECTRA, 1/4", "BERT", "BERT, 1/2", "BERT, 1/4",
        "no pretraining"]),
    ("t5", "C"): ("electra_table5-lab", {2: "STS-B", 3: AUC}, [
        "ELECTRA", "All-Tokens MLM", "Replace MLM", "ELECTRA 15%", "BERT",
        "no pretraining"]),
    ("t7", "C"): ("albert_table4-lab", {4: "nats"}, [
        f"{name}, E = {size}" for size in (768, 128)
        for name in ("all-shared", "shared-attention", "shared-FFN", "not-shared")]),
    ("t8", "B"): ("albert_table5-lab", {
        1: "masked_lm_accuracy", 2: "next_sentence_accuracy",
        3: "sentence_order_accuracy", 4: "STS-B"},
        ["None", "NSP", "SOP", "no pretraining"]),
    ("t9", "E"): ("families-lab", {
        2: "glue", **{3 + i: task for i, task in enumerate(FIVE)}, 8: "tokens"},
        ["ELECTRA", "BERT", "ALBERT, equal shape", "ALBERT, equal parameters",
         "no pretraining", "no pretraining, ALBERT"]),
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("place", OURS, ids=lambda place: "".join(place))
def test_our_values_are_those_of_the_cells(place, language):
    table, columns, names = OURS[place]
    rows = part(language, *place)
    assert len(rows) == len(names)
    for cells, name in zip(rows, names, strict=True):
        for column, metric in columns.items():
            expected = measured(table, name, metric)
            found = numbers(cells[column])
            half = {"nats": 6e-4, "tokens": 0.6}.get(metric, 0.06)
            assert found == pytest.approx(expected, abs=half), (name, metric)
            assert bool(found) == bool(expected)


def weights(network, pattern):
    return sum(
        int(np.prod(v.shape))
        for v in network.trainable_variables
        if re.search(pattern, v.path)
    )


def test_counts_of_electra_are_built_networks():
    """Table 4, Small: every column of weights, by building the networks."""
    keras.utils.set_random_seed(0)
    network = build_objective(load_config(f"{CONFIGS}/electra_small.py"))
    discriminator, generator = part("en", "t4", "B")[:2]
    columns = [numbers(cell) for cell in discriminator[1:6]]
    total = weights(network, ".")
    own = weights(network, "generator|masked_lm_head")
    head = weights(network, "replaced_token_head")
    embeddings = weights(network, "/embeddings/")
    kept = total - own - head
    expected = [embeddings, kept - embeddings, head, total - own, kept]
    assert columns == [[count] for count in expected]
    assert numbers(generator[4]) == [own]
    assert numbers(generator[3]) == [weights(network, "masked_lm_head")]


def test_counts_of_albert_are_built_networks():
    """Tables 7 and 10: ALBERT-base with all layers shared and E = 128."""
    network = build_objective(load_config(f"{CONFIGS}/albert.py:base_v1"))
    heads = weights(network, "masked_lm_head|sentence_head")
    total = weights(network, ".")
    kept, dropped = part("en", "t10", "B")[2:4]
    assert numbers(kept[3]) == [total - heads]
    assert numbers(dropped[3]) == [heads]
    (row,) = (r for r in part("en", "t7", "C") if r[0] == "all shared, E = 128")
    assert numbers(row[3]) == [round((total - heads) / 1e6, 1)]


def test_targets_are_those_of_full_examples():
    """Table 1, against the slots that masking fills in an example without padding."""
    rng, filled = np.random.default_rng(0), []
    for name in ("electra_small.py", "albert.py:base_v1"):
        data = load_config(f"{CONFIGS}/{name}").data
        settings = masking.MaskingSettings(
            data.masked_lm_prob, data.num_predictions, 1.0, 0.0, (0, 1, 2), 2, 9,
            np.ones(9, bool), data.whole_word_masking, data.max_ngram,
        )  # fmt: skip
        ids = rng.integers(3, 9, (1, data.max_seq_length))
        noise = masking.draw_noise(rng, 1, data.max_seq_length, data.num_predictions)
        row = masking.mask_tokens(noise, ids, np.ones_like(ids), settings)
        filled.append(int(row["masked_lm_weights"].sum()))
    rows = [[numbers(cell)[-1] for cell in row[3:]] for row in part("en", "t1", "B")]
    electra, albert = filled
    assert rows[0] == [round(1000 * electra / 128), electra * 128] == [148, 2432]
    assert rows[1] == [1000, 128 * 128]
    assert rows[2] == [round(1000 * albert / 512), albert * 4096] == [39, 81920]
    assert rows[3:] == [[2, 4096], [2, 256]]


def test_flops_are_those_of_the_formulas():
    rows = part("en", "t10", "B")
    names = ("bert_base.py", "electra_base.py", "albert.py:base_v1")
    models = [load_config(f"{CONFIGS}/{name}").model for name in names]
    for cell, model in zip(rows[5][1:], models, strict=True):
        assert numbers(cell)[0] == pytest.approx(
            flops.encoder_matmul_flops(model, 128), rel=5e-3
        )
    for cell, model in zip(rows[6][1:], models, strict=True):
        assert numbers(cell)[0] == pytest.approx(
            flops.inference_flops(model, 128), rel=5e-3
        )
    # The two counts of ALBERT differ less, because its lookups are cheaper.
    executed, counted = (
        [numbers(cell)[0] for cell in row[1:]] for row in (rows[5], rows[6])
    )
    assert counted[0] / executed[0] > 1.25 and counted[2] / executed[2] < 1.1
