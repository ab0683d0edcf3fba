"""The kind of a task: by its name, or by the training data of a user's folder."""

import gzip
import json
from pathlib import Path

from tf_pretrain.tasks import foreign_formats
from tf_pretrain.tasks.split_files import SPLITS

# The papers' tasks besides GLUE; their files are in `--data_dir`.
OFFICIAL = {
    "SQuAD1.1": "questions",
    "SQuAD2.0": "questions",
    "RACE": "choices",
    "chunk": "tags",
}
_BEGINNING = 1_000_000  # number of characters that are enough to detect the kind


def find_kind(path) -> str:
    """ "questions", "choices", "tags", or "texts" (texts with labels, the default).

    Args:
        path: A folder, or a file, which always has texts with labels.
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
    """The kind of a file. Files that are not UTF-8 text can only be "texts"."""
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
    """Whether a JSON file, of which this is the beginning, has SQuAD's form."""
    is_object = beginning.lstrip().startswith("{")
    return is_object and '"data"' in beginning[:200] and '"paragraphs"' in beginning
