"""The numbers that the papers print, with their sources and how certain they are.

`papers/electra.json` is Clark et al. (2020), `papers/albert.json` Lan et al. (2019). A
file has `sources` and `tables`. A table has `caption`, `columns`, `rows` (a dict for
each; None where the paper prints nothing), `source`, `status` and `notes`.
"""

import functools
import json
from pathlib import Path

PAPERS = {
    "electra": "Clark et al. (2020)",
    "albert": "Lan et al. (2019)",
}
_FOLDER = Path(__file__).with_name("papers")


@functools.cache
def load(paper: str) -> dict:
    """Loads the file of one of PAPERS."""
    return json.loads((_FOLDER / f"{paper}.json").read_text(encoding="utf-8"))


def table(paper: str, name: str) -> dict:
    """A printed table, for example ("electra", "table5")."""
    return load(paper)["tables"][name]


def find_row(paper: str, name: str, wanted: dict) -> dict:
    """The one row of a table with these values.

    Raises:
        LookupError: If none or several have them.
    """
    rows = [row for row in table(paper, name)["rows"] if wanted.items() <= row.items()]
    if len(rows) != 1:
        raise LookupError(f"{len(rows)} rows of {paper} {name} have {wanted}")
    return rows[0]
