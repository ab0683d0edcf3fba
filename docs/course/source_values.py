"""Numbers in the chapter's sentences that a paper prints or that we measured."""

import functools
import re

from docs.course.gains_tables import published
from docs.course.measured import Measured
from docs.course.printed import number, power
from tf_pretrain.tables.definitions import papers

_SMALL = "ELECTRA-Small"
# name: paper, table, what the row has, column.
_PRINTED = {
    "bert-small": ("electra", "table1", {"model": "BERT-Small"}, "glue_dev_avg"),
    "electra-small": ("electra", "table1", {"model": _SMALL}, "glue_dev_avg"),
    "electra-small-sixteenth": (
        "electra", "table1", {"model": f"{_SMALL} 6.25% trained"}, "glue_dev_avg",
    ),
    "bert-base": ("electra", "table1", {"model": "BERT-Base"}, "glue_dev_avg"),
    "electra-base": ("electra", "table1", {"model": "ELECTRA-Base"}, "glue_dev_avg"),
    "electra-400k": ("electra", "table2", {"model": "ELECTRA-400K"}, "avg"),
    "electra-1750k": ("electra", "table2", {"model": "ELECTRA-1.75M"}, "avg"),
    "electra-large-params": (
        "electra", "table2", {"model": "ELECTRA-1.75M"}, "params_M",
    ),
    "roberta-500k": ("electra", "table2", {"model": "RoBERTa-500K"}, "avg"),
    "electra-test": ("electra", "table3", {"model": "ELECTRA"}, "avg_without_QNLI"),
    "albert-test": ("electra", "table3", {"model": "ALBERT"}, "avg_without_QNLI"),
    "electra-squad": (
        "electra", "table4", {"model": "ELECTRA-1.75M"}, "squad20_dev_f1",
    ),
    "albert-squad": ("electra", "table4", {"model": "ALBERT"}, "squad20_dev_f1"),
    "table5-electra": ("electra", "table5", {"model": "ELECTRA"}, "glue_dev_avg"),
    "table5-all": ("electra", "table5", {"model": "All-Tokens MLM"}, "glue_dev_avg"),
    "table5-replace": ("electra", "table5", {"model": "Replace MLM"}, "glue_dev_avg"),
    "table5-fifteen": ("electra", "table5", {"model": "ELECTRA 15%"}, "glue_dev_avg"),
    "table5-bert": ("electra", "table5", {"model": "BERT"}, "glue_dev_avg"),
    "tying-none": (
        "electra", "weight_tying", {"setting": "no weight tying"}, "glue_dev_avg",
    ),
    "tying-tokens": (
        "electra", "weight_tying", {"setting": "tied token embeddings"},
        "glue_dev_avg",
    ),
    "tying-all": (
        "electra", "weight_tying", {"setting": "all weights tied"}, "glue_dev_avg",
    ),
    "small-pp-sst": (
        "electra", "readme_expected_dev", {"model": "ELECTRA-Small (Small++)"}, "SST",
    ),
    "albert-v2-sst": (
        "albert", "readme_v1_v2", {"model": "ALBERT-base", "version": "v2"}, "SST2",
    ),
    "bert-base-params": ("albert", "table2", {"model": "BERT-base"}, "params_M"),
    "albert-base-params": ("albert", "table2", {"model": "ALBERT-base"}, "params_M"),
    "bert-large-params": ("albert", "table2", {"model": "BERT-large"}, "params_M"),
    "albert-large-params": ("albert", "table2", {"model": "ALBERT-large"}, "params_M"),
    "xxlarge-params": ("albert", "table2", {"model": "ALBERT-xxlarge"}, "params_M"),
    "bert-base-mean": ("albert", "table2", {"model": "BERT-base"}, "avg"),
    "albert-base-mean": ("albert", "table2", {"model": "ALBERT-base"}, "avg"),
    "bert-large-mean": ("albert", "table2", {"model": "BERT-large"}, "avg"),
    "albert-large-mean": ("albert", "table2", {"model": "ALBERT-large"}, "avg"),
    "bert-base-speed": ("albert", "table2", {"model": "BERT-base"}, "speedup_x"),
    "albert-base-speed": ("albert", "table2", {"model": "ALBERT-base"}, "speedup_x"),
    "xxlarge-speed": ("albert", "table2", {"model": "ALBERT-xxlarge"}, "speedup_x"),
    "nsp-nsp": ("albert", "table5", {"sp_task": "NSP"}, "intrinsic_nsp"),
    "nsp-sop": ("albert", "table5", {"sp_task": "NSP"}, "intrinsic_sop"),
    "sop-nsp": ("albert", "table5", {"sp_task": "SOP"}, "intrinsic_nsp"),
    "sop-sop": ("albert", "table5", {"sp_task": "SOP"}, "intrinsic_sop"),
}  # fmt: skip

# name: (paper, table, row, column) of numbers that are written as powers of ten.
_POWERS = {
    "electra-400k-flops": ("table2", {"model": "ELECTRA-400K"}),
    "electra-1750k-flops": ("table2", {"model": "ELECTRA-1.75M"}),
    "roberta-500k-flops": ("table2", {"model": "RoBERTa-500K"}),
    "albert-flops": ("table4", {"model": "ALBERT"}),
}

_GAINS = {"gpt-mean": "mean", "gpt-sts": "STS-B", "gpt-rte": "RTE"}

_AUC = "held-out replaced_token_auc"
# name: table, row, score, digits; written as "median (lowest–highest)".
_RANGES = {
    "e-sts": ("families-lab", "ELECTRA", "STS-B", 1),
    "e-sst": ("families-lab", "ELECTRA", "SST-2", 1),
    "b-sts": ("families-lab", "BERT", "STS-B", 1),
    "none-sts": ("families-lab", "no pretraining", "STS-B", 1),
    "none-sst": ("families-lab", "no pretraining", "SST-2", 1),
}
# The same, but the median only.
_MEDIANS = {
    "e-glue": ("electra_table1-lab", "ELECTRA", "glue", 1),
    "none-glue": ("electra_table1-lab", "no pretraining", "glue", 1),
    "auc-full": ("electra_table1-lab", "ELECTRA", _AUC, 1),
    "auc-quarter": ("electra_table1-lab", "ELECTRA, 1/4", _AUC, 1),
    "auc-none": ("electra_table1-lab", "no pretraining", _AUC, 1),
    "auc-fifteen": ("electra_table5-lab", "ELECTRA 15%", _AUC, 1),
    "our-sop-nsp": ("albert_table5-lab", "SOP", "intrinsic next_sentence", 1),
    "nats-all": (
        "albert_table4-lab", "all-shared, E = 768", "held-out masked_lm_loss", 3,
    ),
    "nats-none": (
        "albert_table4-lab", "not-shared, E = 768", "held-out masked_lm_loss", 3,
    ),
    "collapsed": ("families-lab", "ALBERT, equal parameters", "SST-2", 1),
}  # fmt: skip


def printed(paper: str, table: str, row: dict, column: str):
    """A number of a paper, as it is in the paper's file."""
    return papers.find_row(paper, table, row)[column]


def summary(table: str, row: str, score: str):
    """Median, lowest and highest of our seeds."""
    return _measured(table).summary(row, score)


@functools.cache
def _measured(table):
    return Measured(table)


def _range(table, row, score, digits):
    found = summary(table, row, score)
    numbers = (found.median, found.low, found.high)
    return "{} ({}–{})".format(*(f"{x:.{digits}f}" for x in numbers))


def _median(table, row, score, digits):
    return f"{summary(table, row, score).median:.{digits}f}"


def _gain(task):
    """GPT without and with pretraining (Table 2, part A)."""
    (group,) = (g for g in published()["gains"] if g["id"] == "gpt")
    (row,) = (row for row in group["rows"] if row["task"] == task)
    return row


def _accuracies():
    """Percentages of masked words that two generators predict (on Figure 3)."""
    facts = [row["fact"] for row in papers.table("electra", "figure3")["rows"]]
    (fact,) = (f for f in facts if f.startswith("adversarial generator"))
    return re.findall(r"(\d+) %", fact)


def values() -> dict[str, str]:
    """{name: text}"""
    found = {name: number(printed(*place)) for name, place in _PRINTED.items()}
    for name, place in _POWERS.items():
        found[name] = power(printed("electra", *place, "train_flops"))
    found |= {name: _range(*place) for name, place in _RANGES.items()}
    found |= {name: _median(*place) for name, place in _MEDIANS.items()}
    for name, task in _GAINS.items():
        row = _gain(task)
        found[f"{name}-without"] = number(row["without"])
        found[f"{name}-with"] = number(row["with"])
    found["adversarial-accuracy"], found["likelihood-accuracy"] = _accuracies()
    found["mae-share"] = "75"  # He et al. (2021), abstract
    return found
