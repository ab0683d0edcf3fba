"""What pretraining gains: our scores over the number of labels, and GPT's by task."""

from docs.course import finetuned, gains_tables
from docs.drawing.canvas import EMBEDDINGS, ENCODER, FAINT, GENERATOR, INK, Canvas
from docs.drawing.charts import Chart, legend, round_ticks

# What a learner's color is on Figures 2, 11 and 12.
LEARNERS = {
    finetuned.PRETRAINED: ENCODER,
    finetuned.SCRATCH: "#c8503c",
    finetuned.PROBE: GENERATOR,
    finetuned.LINEAR: EMBEDDINGS,
    finetuned.MAJORITY: "#b4bac3",
}
_LINES = (finetuned.PRETRAINED, finetuned.SCRATCH, finetuned.LINEAR)
_REGIONS = ((0.95, 3.6), (5.0, 3.6), (0.95, 0.75), (5.0, 0.75))
_WIDTH, _HEIGHT = 3.4, 1.95


def draw(words: dict[str, str]) -> Canvas:
    """Four panels of label curves and eight pairs of bars.

    Args:
        words: The texts in one language (docs.course.words).
    """
    canvas = Canvas(words["gains_title"], words["gains_subtitle"])
    entries = [
        (words[finetuned.CONTESTANTS[who]], LEARNERS[who], False) for who in _LINES
    ]
    legend(canvas, 0.5, 6.2, entries)
    tasks = gains_tables.curve_tasks()[: len(_REGIONS)]
    for task, (x, y) in zip(tasks, _REGIONS, strict=True):
        _panel(canvas, (x, y, _WIDTH, _HEIGHT), task, words)
    _bars(canvas, words)
    return canvas


def _panel(canvas, region, task, words):
    x, y, width, height = region
    lines = {who: points(task, who) for who in _LINES}
    values = [v for found in lines.values() for point in found for v in point[1:]]
    chance = finetuned.summary(task, finetuned.MAJORITY)
    ticks = round_ticks([*values, chance.median] if values and chance else values)
    chart = Chart(canvas, region, (-0.3, 5.3), (ticks[0], ticks[-1]))
    chart.ticks_up(ticks)
    chart.frame()
    names = [f"{size:,}" for size in gains_tables.SIZES] + [words["all_labels"]]
    chart.ticks_across(dict(enumerate(names)))
    title = gains_tables.set_name(task, words)
    metric = finetuned.metric_of(task)
    if metric:
        title += words["comma"] + words[f"metric_{metric}"]
    canvas.text(x, y + height + 0.2, title, 11.5, INK, ha="left")
    if chance:
        ends = [chart.at(a, chance.median) for a in (-0.3, 5.3)]
        chart.stroke(ends, FAINT, 1.2, ":")
    if not values:
        canvas.text(x + width / 2, y + 0.7 * height, words["not_run"], 11, FAINT)
    for who, found in lines.items():
        if found:
            chart.line(found, LEARNERS[who])


def points(task: str, who: str) -> list[tuple[float, float, float, float]]:
    """(place of the size, median, lowest, highest) of each size with results."""
    found = []
    for place, size in enumerate((*gains_tables.SIZES, 0)):
        score = finetuned.summary(task, who, size)
        if score:
            found.append((place, score.median, score.low, score.high))
    return found


def _bars(canvas, words):
    """Both scores of each task of GPT's table."""
    published = gains_tables.published()
    (group,) = (g for g in published["gains"] if g["id"] == "gpt")
    source = gains_tables.source_name(published["sources"][group["source"]], words)
    left, y, full = 10.05, 5.4, 2.35
    canvas.text(9.1, 6.2, source, 11.5, INK, ha="left")
    entries = [
        (words["without_pretraining"], "#b4bac3", False),
        (words["with_pretraining"], ENCODER, False),
    ]
    legend(canvas, 9.1, 5.85, entries)
    for row in group["rows"]:
        if row["metric"] is None:
            continue  # the mean
        canvas.text(left - 0.1, y - 0.02, row["task"], 11, ha="right")
        for which, dy, color in (
            ("without", 0.03, "#b4bac3"), ("with", -0.2, ENCODER),
        ):  # fmt: skip
            value = row[which]
            canvas.box(left, y + dy, full * value / 100, 0.19, "", color)
            canvas.text(left + full * value / 100 + 0.08, y + dy + 0.09,
                        f"{value:.1f}", 9, FAINT, ha="left")  # fmt: skip
        y -= 0.62
