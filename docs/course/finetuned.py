"""Our own fine-tuning results: docs/tables/finetuning.json, and those of docs/log.

`python -m benchmarks.finetuning_parity` writes the first file, with a row for each
training. Rows may be missing: a table shows what there is.
"""

import functools
import json
from pathlib import Path

from docs.course.printed import NONE
from tf_pretrain.tables.report.results import MIN_SEEDS, Summary

_RESULTS = Path(__file__).parents[1] / "tables" / "finetuning.json"
_RECORDED = Path(__file__).with_name("recorded.json")

PRETRAINED, SCRATCH = "ours", "ours from random weights"
LINEAR = "TF-IDF and linear"
PROBE = "linear probe on frozen mean-pooled features"
MAJORITY = "majority class"
CONTESTANTS = {
    PRETRAINED: "fine_tuned",
    SCRATCH: "from_scratch",
    PROBE: "linear_probe",
    LINEAR: "tfidf_linear",
    MAJORITY: "majority",
}  # {name in the file: name of its word}
WITHOUT_SEEDS = (PROBE, LINEAR, MAJORITY)  # these draw nothing


@functools.cache
def _rows():
    if not _RESULTS.exists():
        return []
    return list(json.loads(_RESULTS.read_text(encoding="utf-8")).values())


@functools.cache
def recorded() -> dict:
    """Results in docs/log that the chapter shows, with the section of each."""
    return json.loads(_RECORDED.read_text(encoding="utf-8"))


def trainings(task: str, contestant: str | None = None, size: int | None = 0) -> list:
    """Rows of a task; of any contestant, or of any number of examples, with None."""
    return [
        row
        for row in _rows()
        if row["task"] == task
        and contestant in (None, row["contestant"])
        and size in (None, row["size"])
    ]


def summary(
    task: str, contestant: str, size: int = 0, metric: str | None = None
) -> Summary | None:
    """A score x 100 over the seeds; None without results.

    Args:
        size: Number of training examples; 0 for all.
        metric: None for the task's main one.
    """
    values = []
    for row in trainings(task, contestant, size):
        name = metric or next(iter(row["scores"]))
        if name in row["scores"]:
            values.append(100 * row["scores"][name])
    return Summary.of(values) if values else None


def metric_of(task: str) -> str | None:
    """The main metric of a task; None without results."""
    found = trainings(task, size=None)
    return next(iter(found[0]["scores"])) if found else None


def sizes(task: str) -> list[int]:
    """Numbers of training examples with results, in order; all (0) is the last."""
    found = {row["size"] for row in trainings(task, size=None)}
    return sorted(found - {0}) + [0] * (0 in found)


def with_curves() -> list[str]:
    """Tasks with results for a part of the training examples, in the file's order."""
    return list(dict.fromkeys(row["task"] for row in _rows() if row["size"]))


def commits() -> list[str]:
    """Commits of the code that trained; rows of earlier versions do not name it."""
    return sorted({row["commit"] for row in _rows() if row.get("commit")})


def written(found: Summary | None, words: dict[str, str], is_fixed=False) -> str:
    """A score for a cell: "84.2 (83.9 to 84.5)", or "84.2 (n = 1)" with few seeds.

    Args:
        is_fixed: Whether it draws nothing, so that one run is enough.
    """
    if found is None:
        return NONE
    median, low, high = (f"{v:.1f}" for v in (found.median, found.low, found.high))
    if is_fixed and found.count == 1:
        return median
    if found.count == 1:
        return words["one_seed"].format(median=median)
    name = "with_range" if found.count >= MIN_SEEDS else "with_seeds"
    return words[name].format(median=median, low=low, high=high, count=found.count)


def difference(a: Summary | None, b: Summary | None, words, is_fixed=False) -> str:
    """How far a's median is above b's: "+12.3", and what can be said of it.

    As in docs/tables.md, a difference no larger than the larger spread is called
    inside the spread, and with fewer than MIN_SEEDS seeds nothing is said.

    Args:
        is_fixed: Whether b draws nothing; its spread is 0 then.
    """
    if a is None or b is None:
        return NONE
    value = f"{a.median - b.median:+.1f}".replace("-", "−")
    spreads = [a.spread, 0.0 if is_fixed else b.spread]
    if None in spreads:
        return words["few_seeds_difference"].format(value=value)
    if abs(a.median - b.median) > max(spreads):
        return value
    return words["inside_difference"].format(value=value)


def protocol(task: str, words: dict[str, str]) -> str:
    """Training examples, and the split that is scored with its number of examples."""
    for row in trainings(task):
        if "split" in row:
            return words["protocol_cell"].format(
                train=row["train_examples"],
                scored=row["scored_examples"],
                split=words[f"split_{row['split']}"],
            )
    return NONE
