"""The report on a workdir: Markdown for each table, one HTML page, cells as JSON."""

from pathlib import Path

from tf_pretrain.data import atomic_files
from tf_pretrain.tables import figures, papers
from tf_pretrain.tables.document import (
    Grid,
    Heading,
    Image,
    Items,
    Paragraph,
    to_html,
    to_markdown,
)
from tf_pretrain.tables.results import Order, TableResults, load_all

_TITLE = "Comparison tables"


def write(workdir, output=None) -> Path | None:
    """Writes the report on everything that is finished.

    Args:
        workdir: Of the runs.
        output: Folder; None for `report/` in the workdir.

    Returns:
        The folder with `index.md`, `index.html`, `TABLE-SCALE.md`, `images/` and
        `cells.json` (config, command, commit and scores of each cell); None if
        nothing is finished.
    """
    all_results = load_all(workdir)
    if not all_results:
        return None
    folder = Path(output or Path(workdir) / "report")
    folder.mkdir(parents=True, exist_ok=True)
    pages = {_name(r): table_blocks(r, workdir, folder) for r in all_results}
    for name, blocks in pages.items():
        _write(folder / f"{name}.md", to_markdown(blocks))
    head = [Heading(_TITLE, 1), _overview(all_results)]
    links = Items(
        [f"[{_name(r)}]({_name(r)}.md): {r.table.title}" for r in all_results]
    )
    _write(folder / "index.md", to_markdown([*head, links]))
    every_block = [*head, *(block for blocks in pages.values() for block in blocks)]
    _write(folder / "index.html", to_html(every_block, _TITLE, folder))
    atomic_files.write_json(folder / "cells.json", _all_cells(all_results))
    return folder


def table_blocks(results: TableResults, workdir, folder) -> list:
    """The blocks of one table; draws its images into the folder."""
    table, main = results.table, next(iter(results.table.metrics))
    blocks = [Heading(f"{table.title} (`{table.id}`, {results.scale} scale)", 2)]
    blocks += [Paragraph(text) for text in _introduction(results)]
    blocks.append(_scores_grid(results, _shown(results)))
    tasks = [m for m in _task_labels(results) if m not in table.metrics]
    if tasks:
        blocks += [Paragraph("Each task:"), _scores_grid(results, tasks)]
    for metric in _shown(results):
        if metric == main or table.metrics[metric] is not None:
            lines = order_lines(results.order(metric))
            if lines:
                blocks += [Paragraph(f"Order by {metric}:"), Items(lines)]
    notes = [*table.notes, *_task_notes(results)]
    if notes:
        blocks += [Paragraph("Notes:"), Items(notes)]
    blocks += _images(results, main, workdir, folder)
    return [*blocks, Heading("Cells", 3), *_cell_blocks(results)]


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
    if order.unknown:
        lines.append(f"of one seed only, spread unknown: {_pairs(order.unknown)}")
    return lines


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
        kind = "training FLOPs, counted as in the ELECTRA paper"
        if table.equal == "matmul":
            kind = "operations in the matrix products"
        yield (
            f"All rows, but those with a fraction, have equal compute ({kind}): that "
            f"of `configs/{table.reference}` with the values of `--set`."
        )
    yield (
        f"{results.finished} of {results.planned} cells are finished. Scores are x 100 "
        "on the dev sets: median over the seeds (lowest to highest)."
    )
    tasks = _task_labels(results)
    if tasks:
        yield f"glue: the mean of {', '.join(tasks.values())}."


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


def _scores_grid(results, metrics):
    columns = []
    for metric in metrics:
        has_paper = any(
            results.printed(row, metric) is not None for row in results.rows
        )
        columns.append((metric, has_paper))
    header, labels = ["row", "seeds", "steps", "FLOPs"], _task_labels(results)
    for metric, has_paper in columns:
        header.append(labels.get(metric, metric))
        if has_paper:
            header.append(f"paper's {results.table.metrics[metric]}")
    rows = []
    for row in results.rows:
        runs = results.cells[row.name]
        cell = runs[0][0]
        line = [
            row.name,
            str(len(runs)),
            f"{cell['pretrain']['step']:,}",
            f"{cell['flops']:.2e}",
        ]
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


def _task_notes(results):
    found = {}
    for runs in results.cells.values():
        for cell, scores in runs:
            for task in cell["tasks"].values():
                if task["task"] in scores:
                    found |= {f"{task['task']}: {n}": None for n in task["notes"]}
    return list(found)


def _images(results, main, workdir, folder):
    blocks = []

    def add(kind, text, draw):
        path = f"images/{_name(results)}-{kind}.png"
        if draw(folder / path) is not False:
            blocks.append(Image(path, text))

    if main in _shown(results):
        text = f"{main} of each row"
        add("scores", text, lambda path: figures.plot_scores(results, main, path))
        if results.table.by_compute:
            text = f"{main} against training FLOPs"
            add(
                "flops", text, lambda path: figures.plot_by_compute(results, main, path)
            )
    text = "held-out scores during pretraining"
    add("curves", text, lambda path: figures.plot_curves(results, workdir, path))
    return blocks


def _cell_blocks(results):
    commands, rows = [], []
    for row in results.rows:
        for cell, scores in results.cells[row.name]:
            if cell["command"] not in commands:
                commands.append(cell["command"])
            glue = scores.get("glue")
            rows.append(
                [
                    row.name,
                    str(cell["seed"]),
                    "–" if glue is None else f"{glue:.2f}",
                    f"{cell['minutes']:.1f}",
                    cell["commit"] or "–",
                    f"`cells/{cell['key']}`",
                    f"[{commands.index(cell['command']) + 1}]",
                ]
            )
    header = ["row", "seed", "glue", "minutes", "commit", "config, results", "command"]
    lines = [f"[{i + 1}] `{command}`" for i, command in enumerate(commands)]
    return [Grid(header, rows), Items(lines)]


def _overview(all_results):
    rows = []
    for results in all_results:
        order = results.order(next(iter(results.table.metrics)))
        verdict = "–"
        if order.paper:
            verdict = f"{len(order.agree)} / {len(order.against)} / {len(order.inside)}"
        done = f"{results.finished} of {results.planned}"
        rows.append([f"`{results.table.id}`", results.scale, done, verdict])
    return Grid(
        ["table", "scale", "cells", "pairs as the paper / against / in the spread"],
        rows,
    )


def _all_cells(all_results):
    found = {}
    for results in all_results:
        for row, runs in results.cells.items():
            for cell, scores in runs:
                entry = found.setdefault(cell["key"], {**cell, "rows": []})
                entry["rows"].append(
                    {"table": _name(results), "row": row, "scores": scores}
                )
    return found


def _pairs(pairs):
    return "; ".join(f"{a} and {b}" for a, b in pairs)


def _name(results):
    return f"{results.table.id}-{results.scale}"


def _write(path, content):
    with atomic_files.replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
