"""The report on a workdir: Markdown for each table, one HTML page, cells as JSON."""

import json
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain.tables.cells import cell as cells
from tf_pretrain.tables.report import pages
from tf_pretrain.tables.report.document import (
    Grid,
    Heading,
    Paragraph,
    to_html,
    to_markdown,
)
from tf_pretrain.tables.report.pages import name_of
from tf_pretrain.tables.report.results import load_all

_TITLE = "Comparison tables"
_INTRODUCTION = (
    "Our runs beside the papers' printed values. The last columns count pairs of rows, "
    "by the main score: in the paper's order, in the other order, no further apart "
    "than our seeds are from each other, of two rows no better than without "
    "pretraining, or of too few seeds; pairs that are equal in the paper are left out. "
    "Of pairs that do not really differ, about 6 in 100 are further apart than the "
    "spread of three seeds."
)


def write(workdir, output=None) -> Path | None:
    """Writes the report on everything that is finished.

    Args:
        workdir: Of the runs.
        output: Folder; None for `report/` in the workdir.

    Returns:
        The folder with `index.md`, `index.html`, `TABLE-SCALE.md`, `images/` and
        `cells.json` (what was planned; config, command, commit and scores of each
        cell); None if nothing is finished.
    """
    all_results = load_all(workdir)
    if not all_results:
        return None
    folder = Path(output or Path(workdir) / "report")
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name_of(r): pages.table_blocks(r, folder) for r in all_results}
    for name, blocks in contents.items():
        _write(folder / f"{name}.md", to_markdown(blocks))
    head = [Heading(_TITLE, 1), Paragraph(_INTRODUCTION), _overview(all_results)]
    _write(folder / "index.md", to_markdown(head))
    every_block = [*head, *(block for blocks in contents.values() for block in blocks)]
    _write(folder / "index.html", to_html(every_block, _TITLE, folder))
    # What was there from other machines or plans stays.
    earlier = _read(folder)
    everything = {
        "tables": earlier["tables"] | {name_of(r): r.record for r in all_results},
        "cells": earlier["cells"] | _all_cells(all_results),
    }
    atomic_files.write_json(folder / "cells.json", everything)
    return folder


def _overview(all_results):
    rows = []
    for results in all_results:
        order = results.order(next(iter(results.table.metrics)))
        verdict = ["–"] * 5
        if order.paper:
            found = (
                *(order.agree, order.against, order.inside),
                *(order.at_floor, order.unknown),
            )
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
        "at the floor",
        "too few seeds",
    ]
    return Grid(header, rows)


def restore(output, workdir) -> int:
    """What an earlier report holds counts as finished in a workdir that lacks it.

    A report that is kept with the code thus carries its cells to other machines. Runs
    (weights, records) do not come back: a cell that shall get one more task is
    pretrained again.

    Args:
        output: Folder of the report; need not exist.

    Returns:
        How many cells were added.
    """
    report = _read(output)
    for name, record in report["tables"].items():
        _add(Path(workdir) / "tables" / f"{name}.json", record)
    return sum(
        _add(cells.folder(workdir, key) / "cell.json", cell)
        for key, cell in report["cells"].items()
    )


def _read(output):
    """The tables and cells of a report, or none."""
    path = Path(output) / "cells.json"
    if not path.is_file():
        return {"tables": {}, "cells": {}}
    return json.loads(path.read_text(encoding="utf-8"))


def _add(path, values):
    """Writes a JSON file, and returns True, unless it is there."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write_json(path, values)
    return True


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
