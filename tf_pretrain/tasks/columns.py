"""Chooses the columns of a table: the text, the second text and the label.

The user's flags come first. Other columns are chosen by the usual names in a header or,
without a header, by the values. If several columns are possible, the user must choose.
"""

import dataclasses
import re

from tf_pretrain.errors import nearest_name
from tf_pretrain.tasks.row_files import Table
from tf_pretrain.tasks.task import TaskError

FLAGS = {"text": "--text_column", "pair": "--pair_column", "label": "--label_column"}

# Names are compared in lower case without blanks and punctuation: "Review Text" is
# `reviewtext`. The names of texts may end in 1 or 2, a or b.
_TEXT_NAMES = frozenset(
    "sentence text review content document comment tweet question title body message "
    "abstract headline description utterance query post passage premise hypothesis "
    "reviewtext reviewbody commenttext sms statement answer".split()
)
_LABEL_NAMES = frozenset(
    "label labels class category polarity target sentiment intent stars rating score "
    "goldlabel similarity topic emotion isduplicate quality judgment stance y".split()
)
_PAIRS = (
    ("premise", "hypothesis"),
    ("question", "sentence"),
    ("question", "answer"),
    ("question", "passage"),
    ("query", "passage"),
    ("query", "document"),
)
_PAIR_ENDINGS = {("1", "2"), ("a", "b"), ("", "2"), ("", "b")}
_LONGEST_NAME = 30  # for a column whose name is in no list
_LONGEST_LABEL = 60


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of columns from the flags. None means not given, or no second text."""

    text: str | None = None
    pair: str | None = None
    label: str | None = None

    def texts(self) -> list[str]:
        return [self.text] if self.pair is None else [self.text, self.pair]

    def named(self) -> dict[str, str]:
        """{role: column} of those that are given."""
        values = dataclasses.asdict(self)
        return {role: value for role, value in values.items() if value is not None}


def has_header(first: list[str], others: list[list[str]], wanted: Columns) -> bool:
    """Whether the first row of a file has names of columns.

    It does if a flag names one of them, or if it has a usual name for texts and one for
    labels. Otherwise none of its fields may be a number or occur again in its column.
    Then one usual name is enough, or fields that all look like names.
    """
    first = [name.strip() for name in first]
    asked = {value for value in wanted.named().values() if not value.isdecimal()}
    is_text, is_label = (
        [test(name) for name in first] for test in (_is_text_name, _is_label_name)
    )
    if asked & set(first) or (any(is_text) and any(is_label)):
        return True
    for number, name in enumerate(first):
        column = {row[number].strip() for row in others if number < len(row)}
        if _is_number(name) or (name and name in column):
            return False
    if any(is_text) or any(is_label):
        return True
    # the last columns of a spreadsheet have no names
    names = [name for name in first if name]
    return len(set(names)) == len(names) > 0 and all(map(_looks_like_a_name, names))


def choose(table: Table, wanted: Columns) -> Columns:
    """Chooses the columns of the training file.

    Raises:
        TaskError: If a flag names no column, or the choice is not clear.
    """
    chosen = {role: _find(table, role, v) for role, v in wanted.named().items()}
    if len(set(chosen.values())) < len(chosen):
        flags = ", ".join(FLAGS[role] for role in chosen)
        raise TaskError(f"{table.path}: {flags} name the same column twice")
    if "label" not in chosen:
        chosen["label"] = _choose_label(table, set(chosen.values()))
    if "text" not in chosen:
        texts = _choose_texts(table, set(chosen.values()), "pair" in chosen)
        chosen |= zip(("text", "pair"), texts, strict=False)
    return Columns(**chosen)


def describe(table: Table, columns: Columns) -> str:
    """Says which columns are read and which are left out."""
    shown = [f"{role}: {_shown(table, c)}" for role, c in columns.named().items()]
    used = columns.named().values()
    left = [_shown(table, name) for name in table.columns if name not in used]
    return "; ".join(shown) + f"; left out: {', '.join(left) or 'no column'}"


def _find(table, role, value):
    """The column that a flag names, by its name or its number from 1."""
    lower = {name.lower(): name for name in table.columns}
    if value in table.columns:
        return value
    if value.lower() in lower:
        return lower[value.lower()]
    if value.isdecimal() and 1 <= int(value) <= len(table.columns):
        return table.columns[int(value) - 1]
    expected = f"a name, or a number from 1 to {len(table.columns)}"
    if not table.has_header:
        expected = f"a number from 1 to {len(table.columns)}, as it has no header"
    hint = nearest_name(value, table.columns)
    raise TaskError(f"{FLAGS[role]}={value}: {_has(table)}; expected {expected}{hint}")


def _choose_label(table, taken):
    rest = [name for name in table.columns if name not in taken]
    if not table.has_header:
        found = [name for name in rest if _looks_like_labels(table.texts(name))]
        numbers = [n for n in found if all(map(_is_number, table.texts(n)))]
        found = numbers if len(numbers) == 1 and len(rest) == 2 else found
    else:
        found = [name for name in rest if _is_label_name(name)]
        if "label" in found:  # the name in our documentation
            found = ["label"]
    if len(found) == 1:
        return found[0]
    # The most likely column comes first: it has few different values.
    rest = [name for name in rest if not _is_text_name(name)]
    likely = sorted(found or rest, key=lambda name: len(set(_values(table, name))))
    raise _unclear(table, likely, found, "labels", "label")


def _choose_texts(table, taken, has_pair):
    """One column, or the two of a pair."""
    rest = [name for name in table.columns if name not in taken]
    if not table.has_header:
        found = [n for n in rest if not all(map(_is_number, table.texts(n)))]
    else:
        found = [name for name in rest if _is_text_name(name)]
    if len(found) == 1:
        return found
    if len(found) == 2 and table.has_header and not has_pair:
        for first, second in (found, found[::-1]):
            if _are_a_pair(_plain(first), _plain(second)):
                return [first, second]
    likely = sorted(  # long values
        found or rest, key=lambda name: -sum(map(len, _values(table, name)))
    )
    raise _unclear(table, likely, found, "texts", "text")


def _values(table, name):
    return [row[name] for _, row in table.rows if name in row]


def _unclear(table, candidates, found, what, role):
    if len(table.columns) == 1:
        return TaskError(
            f"{_has(table)}: expected a text and a label in each row, in columns with "
            "a tab between them (.tsv, .txt) or a comma (.csv)"
        )
    if not candidates:
        return TaskError(f"{_has(table)}: no column is left for the {what}")
    advice = f"; set {FLAGS[role]}={candidates[0]}"
    if len(candidates) > 1:
        advice += f" (or {', '.join(candidates[1:6])})"
    if role == "text" and len(found) > 1:
        advice += f", and {FLAGS['pair']} if the texts are pairs"
    reason = f"none of them is surely the {what}"
    if found:
        reason = f"{', '.join(found)} may all be the {what}"
    return TaskError(f"{_has(table)}: {reason}{advice}")


def _has(table):
    names = ", ".join(table.columns)
    plural = "s" if len(table.columns) > 1 else ""
    if table.has_header:
        return f"{table.path} has the column{plural} {names}"
    first = " | ".join(text[:30] for text in table.rows[0][1].values())
    return (
        f"{table.path} has no header and the column{plural} {names} (line 1: {first})"
    )


def _shown(table, name):
    return name if table.has_header else f"column {name}"


def _plain(name):
    return re.sub(r"[\W_]", "", name.lower())


def _is_text_name(name):
    name = _plain(name)
    return name in _TEXT_NAMES or (name[-1:] in "12ab" and name[:-1] in _TEXT_NAMES)


def _is_label_name(name):
    return _plain(name) in _LABEL_NAMES


def _are_a_pair(first, second):
    if (first, second) in _PAIRS:
        return True
    return any(
        first.endswith(a)
        and second.endswith(b)
        and first[: len(first) - len(a)] == second[: len(second) - len(b)]
        for a, b in _PAIR_ENDINGS
    )


def _looks_like_a_name(text):
    return bool(re.fullmatch(r"[^\W\d][\w .:#-]*", text)) and (
        len(text) <= _LONGEST_NAME and len(text.split()) <= 2
    )


def _looks_like_labels(values):
    """Whether the values are short and occur again, or are numbers with decimals."""
    values = [value.strip() for value in values]
    if not all(values) or max(map(len, values)) > _LONGEST_LABEL:
        return False
    if all(map(_is_number, values)) and any("." in value for value in values):
        return True
    return 1 < len(set(values)) <= len(values) / 2


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
