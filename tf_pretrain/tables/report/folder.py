"""The report on a workdir: Markdown for each table, one HTML page, cells as JSON."""

import json
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain import config as config_lib
from tf_pretrain.tables.cells.record import folder_of
from tf_pretrain.tables.report import markdown, pages
from tf_pretrain.tables.report.results import load_all

_TITLE = "Comparison tables"
_INTRODUCTION = (
    "Our runs beside the papers' printed values. The last five columns count pairs of "
    "rows, compared by the main score. *As the paper* and *against*: the two rows are "
    "further apart than our seeds are from each other, in the paper's order or in the "
    "other one. *In the spread*: they are no further apart than our seeds. *At the "
    "floor*: neither is better than without pretraining. *Too few seeds*: one of them "
    "has fewer than three. Pairs that are equal in the paper are not counted. Even if "
    "two rows do not really differ, they are further apart than the spread of three "
    "seeds in about 6 cases of 100."
)
_COLUMNS = ("as the paper", "against", "in the spread", "at the floor", "too few seeds")


def write(workdir, output=None) -> Path | None:
    """Writes the report on everything that is finished.

    Args:
        workdir: The folder of the runs.
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
    index = [f"# {_TITLE}", _INTRODUCTION, _list(all_results)]
    texts = {"index": markdown.joined(index)}
    texts |= {r.name: pages.table_page(r, folder) for r in all_results}
    for name, text in texts.items():
        _write(folder / f"{name}.md", text + "\n")
    _write(folder / "index.html", markdown.to_html(texts, _TITLE, folder))
    # Cells from other machines or plans are kept.
    earlier = _read(folder)
    plans = {r.name: config_lib.to_dict(r.plan) for r in all_results}
    everything = {
        "tables": earlier["tables"] | plans,
        "cells": earlier["cells"] | _all_cells(all_results),
    }
    atomic_files.write_json(folder / "cells.json", everything)
    return folder


def _list(all_results):
    """All tables, and how many pairs of their rows are in the paper's order."""
    rows = []
    for results in all_results:
        order = results.order(results.main)
        verdict = ["–"] * len(_COLUMNS)
        if order.paper:
            found = (order.agree, order.against, order.inside)
            found += (order.at_floor, order.unknown)
            verdict = [str(len(pairs)) for pairs in found]
        done = f"{results.finished} of {len(results.plan.cells)}"
        link = f"[{results.table.title}]({results.name}.md)"
        rows.append([link, f"`{results.table.id}`", results.scale, done, *verdict])
    return markdown.table(["table", "id", "scale", "cells", *_COLUMNS], rows)


def restore(output, workdir) -> int:
    """Adds the cells of an earlier report to a workdir that lacks them.

    So a report that is kept with the code carries its cells to other machines. Runs
    (weights, records) are not restored. If such a cell needs one more task, it is
    pretrained again.

    Args:
        output: Folder of the report, which may not exist.

    Returns:
        How many cells were added.
    """
    report = _read(output)
    for name, plan in report["tables"].items():
        _add(Path(workdir) / "tables" / f"{name}.json", plan)
    return sum(
        _add(folder_of(workdir, key) / "cell.json", cell)
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
    """{key: the record, with the names of its rows}."""
    found = {}
    for results in all_results:
        for row, runs in results.cells.items():
            for record, scores in runs:
                cell = found.setdefault(record.key, record.to_dict() | {"rows": []})
                cell["rows"].append(
                    {"table": results.name, "row": row, "scores": scores}
                )
    return found


def _write(path, text):
    with atomic_files.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
