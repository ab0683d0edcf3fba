"""Table 14: what structure and hyper-parameters do, and where to start."""

import re

from docs.course import finetuned
from docs.course import words as course_words
from docs.course.gains_tables import log_link
from docs.course.measured import Measured
from docs.course.parts import Parts
from docs.course.printed import NONE, number
from tf_pretrain.tables.definitions import papers

LOSS, PARAMETERS = "held-out masked_lm_loss", "encoder parameters, M"
# change: (table, row before, row after, score, digits, cost or None)
FROM_CELLS = {
    "more_compute": (
        "electra_table1-lab", "ELECTRA, 1/4", "ELECTRA",
        "held-out replaced_token_auc", 1, None,
    ),
    "share_layers": (
        "albert_table4-lab", "not-shared, E = 768", "all-shared, E = 768",
        LOSS, 3, PARAMETERS,
    ),
    "narrow_embeddings": (
        "albert_table4-lab", "not-shared, E = 768", "not-shared, E = 128",
        LOSS, 3, PARAMETERS,
    ),
    "sentence_task": ("albert_table5-lab", "None", "NSP", "STS-B", 1, None),
}  # fmt: skip
_DIGITS = {"auc": 3, "nats": 3, "nats_at_step": 2}  # the scores of tasks have 1
_SETTINGS = (
    "learning rate",
    "layer-wise LR decay",
    "warmup fraction",
    "dropout",
    "weight decay",
    "batch size",
    "train epochs",
)


def t14(language: str) -> str:
    """Our changes one at a time; the settings of the papers' fine-tuning."""
    words = course_words.of(language)
    parts = Parts(words)
    _log(parts, words)
    _cells(parts, words)
    _electra(parts, words)
    _albert(parts, words)
    return parts.markdown()


def _log(parts, words):
    rows = []
    for change in finetuned.recorded()["changes"]:
        digits = _DIGITS.get(change["metric"], 1)
        before, after = (f"{change[w]:.{digits}f}" for w in ("before", "after"))
        rows.append(
            [
                words[f"change_{change['id']}"].format(**change["values"]),
                words[f"effect_{change['metric']}"],
                before,
                after,
                _cost(change.get("cost"), words),
                log_link(change["section"], words),
            ]
        )
    parts.add(
        "t14_log",
        ["change", "score", "before", "after", "cost", "source"],
        rows,
        words["t14_log_note"],
    )


def _cost(cost, words):
    if cost is None:
        return NONE
    return words[f"cost_{cost['unit']}"].format(
        before=cost["before"], after=cost["after"]
    )


def _cells(parts, words):
    rows = []
    for change, (table, before, after, score, digits, cost) in FROM_CELLS.items():
        ours = Measured(table)
        spent = words["same_compute"]
        if cost:
            found = [ours.summary(row, cost).median for row in (before, after)]
            spent = words["cost_parameters"].format(
                before=f"{found[0]:.2f}", after=f"{found[1]:.2f}"
            )
        elif change == "more_compute":
            spent = words["cost_steps"].format(
                before=ours.steps(before), after=ours.steps(after)
            )
        rows.append(
            [
                words[f"change_{change}"],
                words[f"effect_{score}"],
                _value(ours, before, score, digits, words),
                _value(ours, after, score, digits, words),
                spent,
                f"[{table}](../tables/{table}.md)",
            ]
        )
    parts.add(
        "t14_cells",
        ["change", "score", "before", "after", "cost", "source"],
        rows,
        words["t14_cells_note"],
    )


def _value(ours, row, score, digits, words):
    found = ours.summary(row, score)
    if found is None:
        return NONE
    median, low, high = (
        f"{v:.{digits}f}" for v in (found.median, found.low, found.high)
    )
    return words["with_range"].format(median=median, low=low, high=high)


def _electra(parts, words):
    """The paper's settings; the words around the numbers are translated."""
    rows = []
    for name in _SETTINGS:
        row = papers.find_row(
            "electra", "table7_finetuning_hparams", {"hyperparameter": name}
        )
        value = row["value"]
        if isinstance(value, str):
            found = re.findall(r"\d[\d.]*(?:e-\d+)?", value)
            value = words[f"value_{name}"].format(*found)
        else:
            value = number(value)
        rows.append([words[f"setting_{name}"], value])
    parts.add(
        "t14_electra", ["setting", "value"], rows,
        parts.paper("electra", 7),
    )  # fmt: skip


def _albert(parts, words):
    columns = ("lr", "batch", "albert_dropout", "classifier_dropout", "train_steps",
               "warmup_steps", "max_seq_len")  # fmt: skip
    parts.add(
        "t14_albert",
        ["task", "learning_rate", "batch_size", "encoder_dropout",
         "classifier_dropout", "steps", "warm_up_steps", "length"],
        [
            [row["task"], *(_plain(row[column]) for column in columns)]
            for row in papers.table("albert", "table14")["rows"]
        ],
        parts.paper("albert", 14),
    )  # fmt: skip


def _plain(value):
    """1e-05 as 1e-5, 5336 as 5,336."""
    if isinstance(value, float) and value < 1e-3:
        return f"{value:g}".replace("e-0", "e-")
    return number(value)
