"""The formats of rows in files: TSV, CSV, and JSON in lines or as one array."""

import csv
import io
import json
from pathlib import Path

from tf_pretrain.tasks import foreign_formats
from tf_pretrain.tasks.task import TaskError

SUFFIXES = (".tsv", ".csv", ".jsonl", ".json", ".txt")


def split_name(path) -> tuple[str, str]:
    """("train", ".csv") of a/train.csv and of a/train.csv.gz."""
    name = Path(Path(path).name.removesuffix(".gz"))
    return name.stem, name.suffix


def tsv_fields(content: str) -> list[tuple[int, list[str]]]:
    """(line number, fields) of each line; quotes are ordinary characters."""
    # Not splitlines(): texts may hold U+2028, U+0085 and other breaks.
    lines = content.removesuffix("\n").split("\n")
    return [
        (number, line.removesuffix("\r").split("\t"))
        for number, line in enumerate(lines, 1)
    ]


def delimiter(content: str) -> str:
    """The delimiter of columns: a comma or, if line 1 has none, what Excel writes."""
    first = content.partition("\n")[0]
    found = [mark for mark in ",;\t" if mark in first]
    return found[0] if found else ","


def csv_fields(path, content: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """(number of its last line, fields) of each row, with the usual quoting rules.

    Raises:
        TaskError: For quotes that do not close.
    """
    csv.field_size_limit(2**31 - 1)  # the default refuses texts over 128 KiB
    reader = csv.reader(
        io.StringIO(content, newline=""), strict=True, delimiter=delimiter
    )
    try:
        return [(reader.line_num, fields) for fields in reader if fields]
    except csv.Error as error:
        raise TaskError(f"{path}, line {reader.line_num}: {error}") from None


def json_rows(path, content: str) -> tuple[list[str], list[tuple[int, dict]]]:
    """Columns, and (line number, {column: text}) of each object.

    Raises:
        TaskError: If it is not a JSON object or belongs to another kind of task.
    """
    columns, rows = {}, []
    for where, values in _json_values(path, content):
        if not isinstance(values, dict):
            raise TaskError(f"{path}, line {where}: expected a JSON object")
        # null is a missing value; true, 1 and 1.5 become the labels "true", "1" and
        # "1.5".
        row = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in values.items()
            if value is not None
        }
        if any("\ud800" <= char <= "\udfff" for text in row.values() for char in text):
            raise TaskError(f"{path}, line {where}: half of a surrogate pair")
        columns |= dict.fromkeys(row)
        rows.append((where, row))
    return list(columns), rows


def _json_values(path, content):
    """(line, value) of each object. In an array, the number of the object, from 1."""
    start = content.lstrip()[:1]
    if start == "[" or (start == "{" and split_name(path)[1] == ".json"):
        try:
            whole = json.loads(content)
        except (ValueError, RecursionError) as error:
            if start == "[":
                line = getattr(error, "lineno", 1)
                raise TaskError(f"{path}, line {line}: no JSON ({error})") from None
            whole = None  # an object a line
        if isinstance(whole, list):
            yield from enumerate(whole, 1)
            return
        if isinstance(whole, dict):
            foreign_formats.check_columns(path, list(whole))
            if any(isinstance(value, dict | list) for value in whole.values()):
                raise TaskError(
                    f"{path} is one JSON object with the keys {', '.join(whole)}; "
                    "expected an array of objects, or an object a line (pandas: "
                    "to_json(orient='records'))"
                )
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TaskError(f"{path}, line {number}: no JSON ({error})") from None
