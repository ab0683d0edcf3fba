"""Text classification and sentiment: real examples, and the scores of the tables.

The examples are in docs/course/examples.json; docs/drawing/classified.py makes them.
"""

import json
from pathlib import Path

from docs.course import finetuned
from docs.course.applied_tables import CLASSIFICATION, SENTIMENT
from docs.course.gains_tables import set_name
from docs.drawing.canvas import (
    ENCODER,
    FAINT,
    INK,
    PAPER,
    PLAIN,
    RIGHT,
    WRONG,
    Canvas,
    tint,
)
from docs.drawing.charts import Chart, legend
from docs.drawing.gains import LEARNERS

EXAMPLES = Path(__file__).parents[1] / "course" / "examples.json"


def examples() -> dict[str, dict]:
    """{data set: what `classified.make` found}; {} if there is no file."""
    if not EXAMPLES.exists():
        return {}
    return json.loads(EXAMPLES.read_text(encoding="utf-8"))


def draw_classification(found: dict, words: dict[str, str]) -> Canvas:
    """Questions with the probabilities of their classes, above Table 11's scores.

    Args:
        found: Examples of one data set, from `classified.make`.
        words: The texts in one language (docs.course.words).
    """
    canvas = Canvas(words["classify_title"], words["classify_subtitle"])
    _band(canvas, found, words)
    left, top = 6.55, 5.2
    _class_names(canvas, found, left, top, words)
    for number, example in enumerate(found["examples"]):
        y = top - 0.62 - 0.54 * number
        canvas.box(0.45, y, left - 0.6, 0.44, example["text"], PLAIN, 12)
        _probabilities(canvas, left, y, example, found)
    sets = list(dict.fromkeys(task for task, _ in CLASSIFICATION))
    _scores(canvas, "scores_of_t11", sets, words)
    return canvas


def draw_sentiment(found: dict, words: dict[str, str]) -> Canvas:
    """Sentences with the effect of each word, above Table 12's scores.

    Args: As for `draw_classification`.
    """
    canvas = Canvas(words["sentiment_title"], words["sentiment_subtitle"])
    left, top = 9.2, 6.12
    (encoder,) = finetuned.recorded()["encoders"].values()
    line = words["classifier_line"].format(
        name=encoder["name"],
        epochs=found["epochs"],
        train=found["train_examples"],
        scored=found["scored_examples"],
        score=100 * found["accuracy"],
    )
    canvas.text(0.45, top, line, 10, FAINT, ha="left")
    _class_names(canvas, found, left, top, words)
    for number, example in enumerate(found["examples"]):
        y = top - 0.72 - 0.72 * number
        _words(canvas, 0.45, y, left - 0.65, example)
        _probabilities(canvas, left, y, example, found)
    canvas.text(0.45, 2.82, words["occlusion_note"], 10, FAINT, ha="left")
    _scores(canvas, "scores_of_t12", [task for task, _ in SENTIMENT], words)
    return canvas


def _band(canvas, found, words):
    """Encoder, head, labels, score."""
    (encoder,) = finetuned.recorded()["encoders"].values()
    steps = (
        ("band_encoder", ENCODER,
         {"count": found["encoder_weights"], "name": encoder["name"]}),
        ("band_head", tint(ENCODER, 0.35), {"count": found["head_weights"]}),
        ("band_texts", PLAIN,
         {"count": found["train_examples"], "epochs": found["epochs"]}),
        ("band_score", PLAIN,
         {"count": found["scored_examples"], "score": 100 * found["accuracy"]}),
    )  # fmt: skip
    for number, (name, color, values) in enumerate(steps):
        x = 0.45 + 3.18 * number
        canvas.box(x, 5.55, 2.75, 0.7, words[name].format(**values), color, 12)
        if number:
            canvas.arrow((x - 0.4, 5.9), (x - 0.04, 5.9))


def _columns(left, found):
    step = (13.0 - left) / found["classes"]
    return [left + step * number for number in range(found["classes"])], step - 0.05


def _class_names(canvas, found, left, top, words):
    lefts, width = _columns(left, found)
    for number, x in enumerate(lefts):
        name = words[f"class_{found['name']}_{number}"]
        align = "center" if "\n" in name else "center_baseline"
        canvas.text(x + width / 2, top, name, 10, FAINT, va=align)


def _probabilities(canvas, left, y, example, found):
    """A cell for each class: thick edge: the answer; dashed edge: the true class."""
    probabilities, label = example["probabilities"], example["label"]
    answer = max(range(len(probabilities)), key=probabilities.__getitem__)
    lefts, width = _columns(left, found)
    for number, x in enumerate(lefts):
        color = RIGHT if number == label else WRONG if number == answer else ENCODER
        share = probabilities[number]
        options = {"edge": tint(FAINT, 0.4), "line": 1.0}
        if number == answer:
            options = {"edge": color, "line": 2.4}
        elif number == label:
            options = {"edge": color, "line": 1.8, "style": "--"}
        face = tint(color, max(0.06, 0.75 * share))
        canvas.box(x, y, width, 0.44, f"{100 * share:.1f}", face, 11.5, **options)


def _words(canvas, left, y, room, example):
    """A box for each word, as wide as its letters, with its effect below."""
    letters = [max(len(word), 3) + 1.2 for word in example["words"]]
    x = left
    scale = min(0.125, room / sum(letters))
    for word, count, change in zip(
        example["words"], letters, example["changes"], strict=True
    ):
        width = scale * count
        # Masking a word that supports the answer lowers the answer's probability.
        color = RIGHT if change < 0 else WRONG
        points, face = round(100 * change), PLAIN
        if points:
            face = tint(color, min(0.85, 2.0 * abs(change)))
        canvas.box(x, y, width - 0.05, 0.44, word, face, 11)
        text = f"{points:+}".replace("-", "−") if points else "0"
        canvas.text(x + (width - 0.05) / 2, y - 0.14, text, 8, FAINT)
        x += width


def _scores(canvas, title, sets, words):
    """Bars of all learners on each data set."""
    canvas.text(0.45, 2.48, words[title], 12, INK, ha="left")
    legend(
        canvas,
        0.5,
        2.18,
        [(words[finetuned.CONTESTANTS[w]], LEARNERS[w], False) for w in LEARNERS],
        gap=0.25,
        size=9.5,
    )
    chart = Chart(canvas, (0.85, 0.5, 12.1, 1.3), (0, len(sets)), (0, 100))
    chart.ticks_up((0, 50, 100), 8.5)
    for place, task in enumerate(sets):
        x, y = chart.at(place + 0.5, 0)
        canvas.text(x, y - 0.2, set_name(task, words), 10.5, va="center_baseline")
        _bars_of_a_set(canvas, chart, place, task, words)
    chart.frame()


def _bars_of_a_set(canvas, chart, place, task, words):
    found = {who: finetuned.summary(task, who) for who in LEARNERS}
    if not any(found.values()):
        canvas.text(*chart.at(place + 0.5, 30), words["not_run"], 10, FAINT)
        return
    step = 0.85 / len(found)
    for number, (who, score) in enumerate(found.items()):
        if score is None:
            continue
        left = place + 0.075 + step * number
        (x, y), (right, top) = (
            chart.at(left, 0),
            chart.at(left + 0.86 * step, max(score.median, 0.5)),
        )
        canvas.box(x, y, right - x, top - y, "", LEARNERS[who], edge=PAPER)
        canvas.text((x + right) / 2, top + 0.1, f"{score.median:.1f}", 8, FAINT)
