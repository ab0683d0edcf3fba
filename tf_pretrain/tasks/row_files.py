"""Rows of TSV, CSV and JSONL files, with line numbers for messages.

In TSV quotes are ordinary characters, as in the official GLUE files; CSV has the usual
quoting; JSONL holds one object a line.
"""

import csv
import dataclasses
import io
import json
from pathlib import Path

from tf_pretrain.config import nearest_name
from tf_pretrain.tasks.task import TaskError

SUFFIXES = (".tsv", ".csv", ".jsonl")


@dataclasses.dataclass(frozen=True)
class Table:
    """A file's rows.

    Attributes:
        path: Where it was read.
        columns: Names; for a file without header "0", "1", ...
        rows: (line number, {column: text}) of each row.
        num_broken: Rows that were left out, with `skip_broken`.
    """

    path: Path
    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]
    num_broken: int = 0

    def column(self, name) -> list[tuple[int, str]]:
        """(line number, text) of each row.

        Raises:
            TaskError: If there is no such column, or a row lacks it.
        """
        if name not in self.columns:
            raise TaskError(
                f"{self.path} has no column {name!r}{nearest_name(name, self.columns)} "
                f"(its columns: {', '.join(self.columns)})"
            )
        for line, row in self.rows:
            if name not in row:
                raise TaskError(f"{self.path}, line {line}: {name!r} is missing")
        return [(line, row[name]) for line, row in self.rows]

    def texts(self, name) -> list[str]:
        return [text for _, text in self.column(name)]


def read_table(path, num_columns=None, skip_broken=False) -> Table:
    """Reads a file by its suffix.

    Args:
        path: A .tsv, .csv or .jsonl file, UTF-8, with or without a byte order mark.
        num_columns: Set for a TSV without header that has so many columns.
        skip_broken: Leave out TSV rows with another number of columns than the header
            instead of refusing them.

    Raises:
        TaskError: If the file is missing, empty, not UTF-8, or has a bad row.
    """
    path = Path(path)
    if not path.is_file():
        raise TaskError(f"there is no file {path}")
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise TaskError(f"{path}, line {line}: not UTF-8 ({error.reason})") from None
    num_broken = 0
    if path.suffix == ".csv":
        columns, rows = _read_csv(path, content)
    elif path.suffix == ".jsonl":
        columns, rows = _read_jsonl(path, content)
    else:
        columns, rows, num_broken = _read_tsv(path, content, num_columns, skip_broken)
    if not rows:
        raise TaskError(f"{path} has no rows")
    return Table(path, columns, rows, num_broken)


def _read_tsv(path, content, num_columns, skip_broken):
    # Not splitlines(): texts may hold U+2028, U+0085 and other breaks.
    lines = content.removesuffix("\n").split("\n")
    numbered = [
        (number, line.removesuffix("\r").split("\t"))
        for number, line in enumerate(lines, 1)
    ]
    if num_columns is not None:
        columns = [str(i) for i in range(num_columns)]
    else:
        columns = [name.strip() for name in numbered.pop(0)[1]]
    if len(columns) > 1:  # with one column an empty line is an empty text
        numbered = [(number, fields) for number, fields in numbered if fields != [""]]
    rows, num_broken = [], 0
    for number, fields in numbered:
        if len(fields) != len(columns):
            if skip_broken:
                num_broken += 1
                continue
            raise TaskError(
                f"{path}, line {number}: {len(fields)} columns; expected "
                f"{len(columns)} ({', '.join(columns)})"
            )
        rows.append((number, dict(zip(columns, fields, strict=True))))
    return columns, rows, num_broken


def _read_csv(path, content):
    csv.field_size_limit(2**31 - 1)  # the default refuses texts over 128 KiB
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    columns, rows = [], []
    try:
        for fields in reader:
            if not fields:
                continue
            if not columns:
                columns = [name.strip() for name in fields]
            elif len(fields) != len(columns):
                raise TaskError(
                    f"{path}, line {reader.line_num}: {len(fields)} columns; expected "
                    f"{len(columns)} ({', '.join(columns)})"
                )
            else:
                rows.append((reader.line_num, dict(zip(columns, fields, strict=True))))
    except csv.Error as error:
        raise TaskError(f"{path}, line {reader.line_num}: {error}") from None
    return columns, rows


def _read_jsonl(path, content):
    columns, rows = {}, []
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TaskError(f"{path}, line {number}: no JSON ({error})") from None
        if not isinstance(values, dict):
            raise TaskError(f"{path}, line {number}: expected a JSON object")
        # null is a missing value; true, 1 and 1.5 are labels like their texts.
        row = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in values.items()
            if value is not None
        }
        if any("\ud800" <= char <= "\udfff" for text in row.values() for char in text):
            raise TaskError(f"{path}, line {number}: half of a surrogate pair")
        columns |= dict.fromkeys(row)
        rows.append((number, row))
    return list(columns), rows
