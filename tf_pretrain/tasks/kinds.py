"""Which kind of task a user's folder holds, found by looking at its training data."""

import gzip
import json
from pathlib import Path

from tf_pretrain.tasks import foreign_formats
from tf_pretrain.tasks.split_files import SPLITS

_BEGINNING = 1_000_000  # characters; enough to tell


def find_kind(path) -> str:
    """ "questions", "choices", "tags" or "texts" (texts with labels, the default).

    Args:
        path: A folder, or a file, which is always one of texts.
    """
    path = Path(path)
    if not path.is_dir():
        return "texts"
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and file.relative_to(path).parts[0].lower().startswith(SPLITS["train"])
    ]
    return _kind_of(files[0]) if files else "texts"


def _kind_of(file):
    """What a file holds; files that are not UTF-8 text hold no kind but texts."""
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as lines:
            beginning = lines.read(_BEGINNING)
    except (OSError, UnicodeDecodeError, EOFError):
        return "texts"
    if _is_squad(beginning):
        return "questions"
    first = beginning.lstrip().split("\n", 1)[0]
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        is_race = {"article", "questions", "options"} <= value.keys()
        return "choices" if is_race else "texts"
    return "tags" if foreign_formats.is_conll(beginning) else "texts"


def _is_squad(beginning):
    """Whether a JSON file, perhaps longer than this, is of SQuAD's form."""
    is_object = beginning.lstrip().startswith("{")
    return is_object and '"data"' in beginning[:200] and '"paragraphs"' in beginning
