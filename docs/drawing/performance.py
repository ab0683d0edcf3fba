"""ELECTRA, ALBERT and BERT by task: as printed, and ours at equal compute."""

from docs.course import words as course_words
from docs.course.applied_tables import CLASSIFICATION, EQUAL_COMPUTE, SENTIMENT
from docs.course.electra_tables import GLUE
from docs.course.gains_tables import set_name
from docs.course.measured import Measured
from docs.course.printed import power
from docs.drawing.canvas import EMBEDDINGS, ENCODER, FAINT, INK, Canvas
from docs.drawing.charts import Chart, legend, round_ticks
from tf_pretrain.tables.definitions import papers

COLORS = {"ELECTRA": ENCODER, "BERT": "#7d8794", "ALBERT": EMBEDDINGS}
_PAPER = {
    "BERT-large": ("electra", "table2", {"model": "BERT"}, "BERT"),
    "ALBERT (1.5M)": (
        "albert", "table9", {"model": "ALBERT (1.5M)", "set": "dev single"}, "ALBERT",
    ),
    "ELECTRA-1.75M": ("electra", "table2", {"model": "ELECTRA-1.75M"}, "ELECTRA"),
}  # fmt: skip
# Row of the table, its family, whether its network was pretrained.
_OURS = {
    "ELECTRA": ("ELECTRA", True),
    "BERT": ("BERT", True),
    "ALBERT, equal shape": ("ALBERT", True),
    "no pretraining": ("ELECTRA", False),
    "no pretraining, ALBERT": ("ALBERT", False),
}
_TASKS = ("CoLA", "SST-2", "MRPC", "STS-B", "RTE")


def draw(words: dict[str, str]) -> Canvas:
    """Two dot plots with a line for each task.

    Args:
        words: The texts in one language (docs.course.words).
    """
    canvas = Canvas(words["performance_title"], words["performance_subtitle"])
    _printed(canvas, words)
    _ours(canvas, words)
    return canvas


def printed_scores() -> dict[str, dict]:
    """{model: its row in a paper}."""
    return {
        name: papers.find_row(paper, table, wanted)
        for name, (paper, table, wanted, _) in _PAPER.items()
    }


def _printed(canvas, words):
    rows = printed_scores()
    albert = papers.find_row("electra", "table4", {"model": "ALBERT"})
    canvas.text(0.45, 6.1, words["performance_paper"], 13, INK, ha="left")
    entries = []
    for name, row in rows.items():
        cost = power(row.get("train_flops") or albert["train_flops"])
        text = words["with_flops"].format(model=name, flops=cost)
        entries.append((text, COLORS[_PAPER[name][3]], False))
    for number, entry in enumerate(entries):
        legend(canvas, 0.5, 5.72 - 0.27 * number, [entry])
    values = [row[task] for row in rows.values() for task in GLUE]
    chart = _chart(canvas, (1.35, 0.75, 4.6, 4.1), GLUE, values)
    for shift, (name, row) in zip((0.2, 0.0, -0.2), rows.items(), strict=True):
        for place, task in enumerate(reversed(GLUE)):
            chart.dot(row[task], place + shift, COLORS[_PAPER[name][3]], 0.075)


def _chart(canvas, region, tasks, values):
    """A chart with a line for each task, the first at the top."""
    ticks = round_ticks(values)
    low, high = ticks[0], ticks[-1]
    chart = Chart(canvas, region, (low, high), (-0.5, len(tasks) - 0.5))
    chart.ticks_across({t: f"{t}" for t in ticks}, 9.5, has_lines=True)
    for place, task in enumerate(reversed(tasks)):
        left, y = chart.at(low, place)
        chart.stroke([(left, y), chart.at(high, place)], "#e9ecf0", 1.0, order=0)
        canvas.text(left - 0.12, y, task, 11, ha="right")
    return chart


def _ours(canvas, words):
    ours = Measured.find(f"{EQUAL_COMPUTE}-lab") or Measured("families-lab")
    more = dict.fromkeys(task for task, _ in (*CLASSIFICATION, *SENTIMENT))
    tasks = [
        task
        for task in dict.fromkeys((*_TASKS, *more))
        if any(ours.summary(r, task) for r in _OURS if r in ours.cells)
    ]
    found = {
        (row, task): ours.summary(row, task)
        for row in _OURS
        if row in ours.cells
        for task in tasks
    }
    found = {key: summary for key, summary in found.items() if summary}
    canvas.text(7.0, 6.1, words["performance_ours"], 13, INK, ha="left")
    entries = [
        (
            course_words.row_name(row, words),
            COLORS[family],
            not is_pretrained,
        )
        for row, (family, is_pretrained) in _OURS.items()
    ]
    legend(canvas, 7.05, 5.72, entries[:3])
    legend(canvas, 7.05, 5.45, entries[3:])
    values = [v for s in found.values() for v in (s.low, s.high)]
    names = [set_name(task, words) for task in tasks]
    chart = _chart(canvas, (8.3, 0.75, 4.6, 4.1), names, values)
    shifts = dict(zip(_OURS, (0.28, 0.14, 0.0, -0.14, -0.28), strict=True))
    for (row, task), summary in found.items():
        family, is_pretrained = _OURS[row]
        place = len(tasks) - 1 - tasks.index(task) + shifts[row]
        ends = [chart.at(v, place) for v in (summary.low, summary.high)]
        chart.stroke(ends, COLORS[family], 1.4)
        chart.dot(summary.median, place, COLORS[family], 0.065, not is_pretrained)
    canvas.text(8.3, 0.28, words["performance_note"].format(seeds=ours.seeds), 10,
                FAINT, ha="left")  # fmt: skip
