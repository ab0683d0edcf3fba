"""The report on a workdir: Markdown for each table, one HTML page, cells as JSON."""

from pathlib import Path

from tf_pretrain.data import atomic_files
from tf_pretrain.tables import pages
from tf_pretrain.tables.document import (
    Grid,
    Heading,
    Paragraph,
    to_html,
    to_markdown,
)
from tf_pretrain.tables.pages import name_of
from tf_pretrain.tables.results import load_all

_TITLE = "Comparison tables"
_INTRODUCTION = (
    "Our runs beside the papers' printed values. The last three columns count pairs of "
    "rows, by the main score: in the paper's order, in the other order, or no further "
    "apart than our seeds are from each other."
)


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
    contents = {name_of(r): pages.table_blocks(r, workdir, folder) for r in all_results}
    for name, blocks in contents.items():
        _write(folder / f"{name}.md", to_markdown(blocks))
    head = [Heading(_TITLE, 1), Paragraph(_INTRODUCTION), _overview(all_results)]
    _write(folder / "index.md", to_markdown(head))
    every_block = [*head, *(block for blocks in contents.values() for block in blocks)]
    _write(folder / "index.html", to_html(every_block, _TITLE, folder))
    atomic_files.write_json(folder / "cells.json", _all_cells(all_results))
    return folder


def _overview(all_results):
    rows = []
    for results in all_results:
        order = results.order(next(iter(results.table.metrics)))
        verdict = ["–"] * 3
        if order.paper:
            found = (order.agree, order.against, order.inside)
            verdict = [str(len(pairs)) for pairs in found]
        done = f"{results.finished} of {results.planned}"
        link = f"[{results.table.title}]({name_of(results)}.md)"
        rows.append([link, f"`{results.table.id}`", results.scale, done, *verdict])
    header = [
        "table",
        "id",
        "scale",
        "cells",
        "as the paper",
        "against",
        "in the spread",
    ]
    return Grid(header, rows)


def _all_cells(all_results):
    found = {}
    for results in all_results:
        for row, runs in results.cells.items():
            for cell, scores in runs:
                entry = found.setdefault(cell["key"], {**cell, "rows": []})
                entry["rows"].append(
                    {"table": name_of(results), "row": row, "scores": scores}
                )
    return found


def _write(path, content):
    with atomic_files.replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
