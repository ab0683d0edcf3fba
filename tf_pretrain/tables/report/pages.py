"""The page of one table: scores, orders, trend, plots and cells, as blocks."""

import re

from tf_pretrain.tables.definitions import papers
from tf_pretrain.tables.report import plots as figures
from tf_pretrain.tables.report import trends
from tf_pretrain.tables.report.document import (
    Code,
    Folded,
    Grid,
    Heading,
    Image,
    Items,
    Paragraph,
)
from tf_pretrain.tables.report.results import MIN_SEEDS, Order, TableResults


def table_blocks(results: TableResults, folder) -> list:
    """The blocks of one table; draws its images into the folder."""
    table, main = results.table, next(iter(results.table.metrics))
    title = f"{table.title} (`{table.id}`, {results.scale} scale)"
    blocks = [Heading(title, 2, name_of(results))]
    blocks += [Paragraph(text) for text in _introduction(results)]
    facts = _printed_facts(table)
    if facts:
        blocks += [Paragraph("What is known of it, and from where:"), Items(facts)]
    blocks.append(_scores_grid(results, _shown(results)))
    tasks = [m for m in _task_labels(results) if m not in table.metrics]
    if tasks:
        blocks += [Paragraph("Each task:"), _scores_grid(results, tasks, costs=False)]
    for metric in _shown(results):
        if metric == main or table.metrics[metric] is not None:
            lines = order_lines(results.order(metric))
            if lines:
                blocks += [Paragraph(f"Order by {metric}:"), Items(lines)]
    blocks += _trend_blocks(results, main, folder)
    notes = [*table.notes, *_task_notes(results)]
    if notes:
        blocks += [Paragraph("Notes:"), Items(notes)]
    blocks += _images(results, main, folder)
    return [*blocks, Folded(f"{results.finished} cells", _cell_blocks(results))]


def order_lines(order: Order) -> list[str]:
    """How our order of the rows compares with the paper's, for people."""
    if len(order.ours) < 2:
        return []
    lines = [f"ours: {' > '.join(order.ours)}"]
    if order.paper:
        lines.append(f"the paper's: {' > '.join(order.paper)}")
        decided = len(order.agree) + len(order.against)
        if decided:
            lines.append(
                f"agreement: {len(order.agree)} of the {decided} pairs of rows that "
                "are further apart than the spread are in the paper's order"
            )
        elif order.inside:
            lines.append("agreement: no pair of rows is further apart than the spread")
    if order.against:
        lines.append(f"against the paper: {_pairs(order.against)}")
    if order.inside:
        lines.append(f"inside the spread: {_pairs(order.inside)}")
    if order.tied:
        lines.append(f"equal in the paper: {_pairs(order.tied)}")
    if order.unknown:
        lines.append(f"fewer than {MIN_SEEDS} seeds: {_pairs(order.unknown)}")
    if order.floor:
        lines.append(f"no better than without pretraining: {', '.join(order.floor)}")
    if order.at_floor:
        lines.append(
            "so nothing is said about the order of pairs of these, though they are "
            f"further apart than the spread: {_pairs(order.at_floor)}"
        )
    return lines


def _trend_blocks(results, metric, folder):
    points = trends.points(results, metric)
    if len(points) < 2:
        return []
    path = f"images/{name_of(results)}-trend.png"
    first, second = results.table.trend
    text = f"{first} minus {second}, {metric}"
    figures.plot_trend(points, text, folder / path)
    header = ["rows", "FLOPs", "parameters, M", text, "the paper's"]
    rows = [
        [
            point.label,
            f"{point.flops:.2e}",
            f"{point.parameters / 1e6:.2f}",
            _show_signed(point.difference),
            "–" if point.printed is None else f"{point.printed:+.1f}",
        ]
        for point in points
    ]
    return [
        Paragraph(f"{first} minus {second} over scales, seed by seed:"),
        Grid(header, rows),
        Items(trends.lines(points)),
        Image(path, text),
    ]


def _introduction(results):
    table = results.table
    if table.paper is not None:
        printed = papers.table(table.paper, table.printed)
        caption = printed["caption"].rstrip(".")
        yield (
            f"{papers.PAPERS[table.paper]}, `{table.printed}`: {caption}. "
            f"State of the printed values: {printed['status']}."
        )
    if results.scale == "lab":
        yield (
            "All rows, but those with a fraction in their name, have equal compute "
            "(operations in the matrix products that are executed): that of `configs/"
            f"{table.reference}` with the values of `--set`, or as the notes say. The "
            "ELECTRA paper also counts lookups as products; its count is beside ours."
        )
    yield (
        f"{results.finished} of {results.planned} cells are finished. Scores are x 100 "
        "on the dev sets: median over the seeds (lowest to highest)."
    )
    tasks = _task_labels(results)
    if tasks:
        yield f"glue: the mean of {', '.join(tasks.values())}."


def _printed_facts(table):
    """Of a figure whose values are not printed; then the sources that these cite."""
    if table.paper is None:
        return []
    rows = papers.table(table.paper, table.printed)["rows"]
    facts = [row["fact"] for row in rows if "fact" in row]
    sources = papers.load(table.paper)["sources"]
    cited = re.findall(r"\b[AS]\d+\b", " ".join(facts))
    return facts + [f"{name}: {sources[name]}" for name in sorted(set(cited))]


def _shown(results):
    """The table's metrics that a cell has; our other scores come below."""
    return [
        metric
        for metric in results.table.metrics
        if any(results.summary(row, metric) for row in results.rows)
    ]


def _task_labels(results):
    """{task: its name for people}, e.g. {"MNLI": "MNLI (subset, accuracy)"}."""
    found = {}
    for runs in results.cells.values():
        for cell, scores in runs:
            for task in cell["tasks"].values():
                if task["task"] in scores:
                    is_subset = any("_subset." in note for note in task["notes"])
                    kind = "subset, " if is_subset else ""
                    found[task["task"]] = f"{task['task']} ({kind}{task['metric']})"
    return found


def _scores_grid(results, metrics, costs=True):
    columns = []
    for metric in metrics:
        has_paper = any(
            results.printed(row, metric) is not None for row in results.rows
        )
        columns.append((metric, has_paper))
    header, labels = ["row"], _task_labels(results)
    if costs:
        header += ["seeds", "steps", "FLOPs", "as ELECTRA counts"]
    for metric, has_paper in columns:
        header.append(labels.get(metric, metric))
        if has_paper:
            header.append(f"paper's {results.table.metrics[metric]}")
    rows = []
    for row in results.rows:
        runs = results.cells[row.name]
        cell = runs[0][0]
        line = [row.name]
        if costs:
            steps = f"{cell['pretrain']['step']:,}"
            counts = [f"{cell[name]:.2e}" for name in ("flops", "electra_flops")]
            line += [str(len(runs)), steps, *counts]
        for metric, has_paper in columns:
            line.append(_show(results.summary(row, metric)))
            if has_paper:
                printed = results.printed(row, metric)
                line.append("–" if printed is None else f"{printed:g}")
        rows.append(line)
    return Grid(header, rows)


def _show(summary):
    if summary is None:
        return "–"
    digits = 0 if summary.median >= 1000 else 1 if summary.median >= 10 else 2
    median = f"{summary.median:,.{digits}f}"
    if summary.count == 1:
        return median
    return f"{median} ({summary.low:,.{digits}f} to {summary.high:,.{digits}f})"


def _show_signed(summary):
    if summary.count == 1:
        return f"{summary.median:+.1f}"
    return f"{summary.median:+.1f} ({summary.low:+.1f} to {summary.high:+.1f})"


def _task_notes(results):
    found = {}
    for runs in results.cells.values():
        for cell, scores in runs:
            for task in cell["tasks"].values():
                if task["task"] in scores:
                    found |= {f"{task['task']}: {n}": None for n in task["notes"]}
    return list(found)


def _images(results, main, folder):
    blocks = []

    def add(kind, text, draw):
        path = f"images/{name_of(results)}-{kind}.png"
        if draw(folder / path) is not False:
            blocks.append(Image(path, text))

    if main in _shown(results):
        text = f"{main} of each row"
        add("scores", text, lambda path: figures.plot_scores(results, main, path))
        if results.table.by_compute and figures.spans_compute(results):
            text = f"{main} against training FLOPs"
            add(
                "flops", text, lambda path: figures.plot_by_compute(results, main, path)
            )
    text = "held-out scores during pretraining"
    add("curves", text, lambda path: figures.plot_curves(results, path))
    return blocks


def _cell_blocks(results):
    commands, rows = [], []
    for row in results.rows:
        for cell, scores in results.cells[row.name]:
            parts = (cell["pretrain"], *cell["tasks"].values())
            for part in parts:
                if part["command"] not in commands:
                    commands.append(part["command"])

            def each(name, parts=parts):
                """What its parts were made with; one value, as a rule."""
                return ", ".join({str(part[name] or "–"): None for part in parts})

            numbers = {commands.index(part["command"]) + 1: None for part in parts}
            glue = scores.get("glue")
            rows.append(
                [
                    row.name,
                    str(cell["seed"]),
                    "–" if glue is None else f"{glue:.2f}",
                    f"{cell['minutes']:.1f}",
                    each("cores"),
                    cell["backend"],
                    each("commit"),
                    f"`{cell['key']}`",
                    ", ".join(f"[{number}]" for number in numbers),
                ]
            )
    header = ["row", "seed", "glue", "minutes", "cores", "backend", "commit"]
    header += ["in cells.json", "command"]
    lines = [f"# [{i + 1}]\n{command}" for i, command in enumerate(commands)]
    return [Grid(header, rows), Code("\n".join(lines))]


def _pairs(pairs):
    return "; ".join(f"{a} and {b}" for a, b in pairs)


def name_of(results) -> str:
    """The name of a table's page."""
    return f"{results.table.id}-{results.scale}"
