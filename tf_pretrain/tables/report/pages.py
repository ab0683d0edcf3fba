"""The page of one table, in Markdown: scores, orders, plots and cells."""

import re

from tf_pretrain.tables.definitions import papers
from tf_pretrain.tables.report import markdown, plots
from tf_pretrain.tables.report.results import MIN_SEEDS, Order, TableResults


def table_page(results: TableResults, folder) -> str:
    """The page of one table; draws its images into the folder."""
    table, main = results.table, results.main
    blocks = [f"## {table.title} (`{table.id}`, {results.scale} scale)"]
    blocks += _introduction(results)
    facts = _printed_facts(table)
    if facts:
        blocks += ["What the sources say about it:", markdown.items(facts)]
    blocks.append(_scores_table(results, _shown(results)))
    tasks = [m for m in _task_labels(results) if m not in table.metrics]
    if tasks:
        blocks += ["Each task:", _scores_table(results, tasks, costs=False)]
    for metric in _shown(results):
        if metric == main or table.metrics[metric] is not None:
            lines = order_lines(results.order(metric))
            if lines:
                blocks += [f"Order by {metric}:", markdown.items(lines)]
    notes = [*table.notes, *_task_notes(results)]
    if notes:
        blocks += ["Notes:", markdown.items(notes)]
    blocks += _images(results, main, folder)
    cells = markdown.folded(f"{results.finished} cells", *_cell_blocks(results))
    return markdown.joined([*blocks, cells])


def order_lines(order: Order) -> list[str]:
    """How our order of the rows compares with the paper's, in words."""
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
            "two rows that are no better than without pretraining are not compared, "
            f"though they are further apart than the spread: {_pairs(order.at_floor)}"
        )
    return lines


def _pairs(pairs):
    return "; ".join(f"{a} and {b}" for a, b in pairs)


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
            "All rows have equal compute, except those with a fraction in their name "
            "and those that the notes mention. Compute is the number of operations in "
            "the matrix products that are executed, here as many as of `configs/"
            f"{table.reference}` with the values of `--set`. The ELECTRA paper also "
            "counts lookups as products; the table shows its count, too."
        )
    yield (
        f"{results.finished} of {len(results.plan.cells)} cells are finished. Scores "
        "are x 100 on the dev sets: the median over the seeds, with the lowest and the "
        "highest in parentheses."
    )
    yield from _averages(results)


def _averages(results):
    """What the averages are of that the page shows."""
    labels, shown = _task_labels(results), _shown(results)
    tasks = list(_task_results(results))
    if "glue" in shown:
        texts = _different(labels[task.task] for task in tasks if task.kind == "texts")
        yield f"glue: the mean of {texts}."
    if "average" in shown:
        every = _different(labels.get(t.task) or _pair_label(t) for t in tasks)
        yield f"average: the mean of {every}."


def _pair_label(task):
    """How questions count in an average."""
    best = "best " if f"{task.task} best F1" in task.scores else ""
    return f"{task.task} (the mean of {best}F1 and {best}EM)"


def _printed_facts(table):
    """Facts about a figure whose values are not printed, then the sources they cite."""
    if table.paper is None:
        return []
    rows = papers.table(table.paper, table.printed)["rows"]
    facts = [row["fact"] for row in rows if "fact" in row]
    sources = papers.load(table.paper)["sources"]
    cited = re.findall(r"\b[AS]\d+\b", " ".join(facts))
    return facts + [f"{name}: {sources[name]}" for name in sorted(set(cited))]


def _shown(results):
    """The table's metrics that a cell has; the scores of single tasks come below."""
    return [
        metric
        for metric in results.table.metrics
        if any(results.summary(row, metric) for row in results.rows)
    ]


def _task_results(results):
    """The results of all cells in the tasks that their table asks for."""
    for runs in results.cells.values():
        for record, scores in runs:
            for task in record.tasks.values():
                if task.scores.keys() <= scores.keys():
                    yield task


def _task_labels(results):
    """{score: its name for people}, e.g. {"MNLI": "MNLI (subset, accuracy)"}."""
    found = {}
    for result in _task_results(results):
        if result.kind == "questions":
            found |= {name: name for name in result.scores}
            continue
        is_subset = any("_subset." in note for note in result.notes)
        kind = "subset, " if is_subset else ""
        found[result.task] = f"{result.task} ({kind}{result.metric})"
    return found


def _task_notes(results):
    notes = (f"{t.task}: {note}" for t in _task_results(results) for note in t.notes)
    return list(dict.fromkeys(notes))


def _scores_table(results, metrics, costs=True):
    labels = _task_labels(results)
    has_paper = {
        metric: any(results.printed(row, metric) is not None for row in results.rows)
        for metric in metrics
    }
    header = ["row"]
    if costs:
        header += ["seeds", "steps", "FLOPs", "as ELECTRA counts"]
    for metric in metrics:
        header.append(labels.get(metric, metric))
        if has_paper[metric]:
            header.append(f"paper's {results.table.metrics[metric]}")
    rows = []
    for row in results.rows:
        record, line = results.first(row), [row.name]
        if costs:
            line += [str(len(results.cells[row.name])), f"{record.pretrain.step:,}"]
            line += [f"{record.flops:.2e}", f"{record.electra_flops:.2e}"]
        for metric in metrics:
            line.append(_show(results.summary(row, metric)))
            if has_paper[metric]:
                printed = results.printed(row, metric)
                line.append("–" if printed is None else f"{printed:g}")
        rows.append(line)
    return markdown.table(header, rows)


def _show(summary):
    if summary is None:
        return "–"
    digits = 0 if summary.median >= 1000 else 1 if summary.median >= 10 else 2
    median = f"{summary.median:,.{digits}f}"
    if summary.count == 1:
        return median
    return f"{median} ({summary.low:,.{digits}f} to {summary.high:,.{digits}f})"


def _images(results, main, folder):
    images = []

    def add(kind, text, draw, *arguments):
        path = f"images/{results.name}-{kind}.png"
        if draw(results, *arguments, folder / path) is not False:
            images.append(f"![{text}]({path})")

    if main in _shown(results):
        add("scores", f"{main} of each row", plots.plot_scores, main)
        if results.table.by_compute and plots.spans_compute(results):
            text = f"{main} against training FLOPs"
            add("flops", text, plots.plot_by_compute, main)
    add("curves", "held-out scores during pretraining", plots.plot_curves)
    return images


def _cell_blocks(results):
    """A table of the cells, and the command lines that it refers to."""
    runs = [(row.name, *run) for row in results.rows for run in results.cells[row.name]]
    parts = [part for _, record, _ in runs for part in record.parts]
    commands = list(dict.fromkeys(part.command for part in parts))
    main = results.main
    header = ["row", "seed", main, "minutes", "cores", "backend", "commit"]
    header += ["in cells.json", "command"]
    rows = []
    for row, record, scores in runs:
        numbers = [f"[{commands.index(part.command) + 1}]" for part in record.parts]
        rows.append(
            [
                row,
                str(record.seed),
                f"{scores[main]:.2f}" if main in scores else "–",
                f"{record.minutes:.1f}",
                _different(str(part.cores) for part in record.parts),
                record.backend,
                _different(part.commit or "–" for part in record.parts),
                f"`{record.key}`",
                _different(numbers),
            ]
        )
    lines = [f"# [{i + 1}]\n{command}" for i, command in enumerate(commands)]
    return [markdown.table(header, rows), markdown.code("\n".join(lines))]


def _different(texts):
    """The different values; the parts of a cell usually have the same one."""
    return ", ".join(dict.fromkeys(texts))
