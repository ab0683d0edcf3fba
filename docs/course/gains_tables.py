"""Table 2: what pretraining gains, in papers and in our own runs."""

import functools
import json
from pathlib import Path

from docs.course import finetuned
from docs.course import words as course_words
from docs.course.parts import Parts
from docs.course.printed import ABSTRACT, NONE, ONE_SOURCE, number

_PUBLISHED = Path(__file__).with_name("published.json")
SIZES = (100, 300, 1000, 3000, 10000)
# Tasks of the label curves, as long as there are no results of others.
CURVES = ("SST-2", "trec", "subj", "STS-B")
_LINES = (finetuned.PRETRAINED, finetuned.SCRATCH, finetuned.LINEAR)


@functools.cache
def published() -> dict:
    """Printed values of other papers, with their sources."""
    return json.loads(_PUBLISHED.read_text(encoding="utf-8"))


def source_mark(source: dict) -> str:
    """How a source is confirmed: "" if two texts agree."""
    if source["found"] == "abstract":
        return ABSTRACT
    return ONE_SOURCE if source["texts"] == 1 else ""


def source_name(source: dict, words: dict[str, str]) -> str:
    """A paper and its table."""
    if source["place"] is None:
        return source["name"]
    place = words["table_number"].format(number=source["place"])
    return f"{source['name']}{words['comma']}{place}"


def set_name(task: str, words: dict[str, str]) -> str:
    """A data set by the name of its folder."""
    return words.get(f"set_{task}", task)


def t2(language: str) -> str:
    """With and without pretraining: papers; ours, all labels; ours, by labels."""
    words = course_words.of(language)
    parts = Parts(words)
    _papers(parts, words)
    _all_labels(parts, words)
    _by_labels(parts, words)
    return parts.markdown()


def _papers(parts, words):
    rows = []
    for group in published()["gains"]:
        source = published()["sources"][group["source"]]
        mark = source_mark(source)
        for row in group["rows"]:
            metric = row["metric"]
            rows.append(
                [
                    words.get(row["task"], row["task"]) + mark,
                    words[f"metric_{metric}"] if metric else NONE,
                    *(_printed(row[which], metric) for which in ("without", "with")),
                    source_name(source, words),
                ]
            )
    compared = [
        words["gain_of_source"].format(
            source=published()["sources"][group["source"]]["name"],
            what=words[f"gain_{group['id']}"],
        )
        for group in published()["gains"]
    ]
    parts.add(
        "t2_papers",
        ["task", "metric", "without_pretraining", "with_pretraining", "source"],
        rows,
        *compared,
        words["gain_note"],
    )


def _printed(value, metric):
    return f"{value:.2f}" if metric == "error" else number(value)


def _all_labels(parts, words):
    found = finetuned.recorded()["glue"]
    rows = [
        [
            row["task"],
            words[f"metric_{row['metric']}"],
            *(_recorded(row[who], words) for who in
              ("scratch", "pretrained", "same_rates")),
        ]
        for row in found["rows"]
    ]  # fmt: skip
    commands = words["list_comma"].join(f"`{command}`" for command in found["commands"])
    parts.add(
        words["t2_ours"].format(width=found["width"]),
        ["task", "metric", "from_scratch", "fine_tuned_layerwise", "fine_tuned_same"],
        rows,
        words["glue_192_note"].format(
            tokens=found["million_tokens"],
            commits=words["list_comma"].join(f"`{c}`" for c in found["commits"]),
            commands=commands,
            link=log_link(found["section"], words),
        ),
    )


def log_link(section: str, words: dict[str, str]) -> str:
    """A link to a section of docs/log."""
    return f"[{words['log_section']}](../log/{section})"


def _recorded(values, words):
    median, low, high = (f"{values[n]:.1f}" for n in ("median", "low", "high"))
    return words["with_seeds"].format(
        median=median, low=low, high=high, count=values["seeds"]
    )


def curve_tasks() -> list[str]:
    """Tasks of the label curves: those with results, and others to make up four."""
    found = finetuned.with_curves()
    others = [task for task in CURVES if task not in found]
    return found + others[: max(0, len(CURVES) - len(found))]


def _by_labels(parts, words):
    rows = []
    for task in curve_tasks():
        for who in _LINES:
            is_fixed = who in finetuned.WITHOUT_SEEDS
            rows.append(
                [
                    set_name(task, words) + words["comma"]
                    + words[finetuned.CONTESTANTS[who]],
                    *(
                        finetuned.written(
                            finetuned.summary(task, who, size), words, is_fixed
                        )
                        for size in (*SIZES, 0)
                    ),
                ]
            )  # fmt: skip
    parts.add(
        "t2_labels",
        ["set_and_learner", *(f"{size:,}" for size in SIZES), "all_labels"],
        rows,
        ours_note(words),
        words["curve_note"],
    )


def ours_note(words: dict[str, str]) -> str:
    """Encoder, recipe, seeds, commits and command of docs/tables/finetuning.json."""
    from benchmarks import parity_contestants as recipe

    (encoder,) = finetuned.recorded()["encoders"].values()
    commits = [f"`{commit}`" for commit in finetuned.commits()]
    return words["finetuned_note"].format(
        **encoder,
        epochs=recipe.EPOCHS,
        steps=recipe.MIN_STEPS,
        batch=recipe.BATCH_SIZE,
        rate=f"{recipe.LEARNING_RATE:g}".replace("e-0", "e-"),
        commits=words["list_comma"].join(commits) or words["commits_not_stored"],
    )
