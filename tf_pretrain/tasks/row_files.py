"""Rows of TSV, CSV and JSON files, with line numbers for messages.

`read_table` reads GLUE's files, in whose TSV quotes are ordinary characters.
`read_own_table` reads the user's files. It detects the format and says what it
detected.
"""

import dataclasses
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

from tf_pretrain.errors import nearest_name
from tf_pretrain.tasks import foreign_formats, quoted_fields, row_formats
from tf_pretrain.tasks.task import TaskError


@dataclasses.dataclass(frozen=True)
class Table:
    """A file's rows.

    Attributes:
        path: The path of the file.
        columns: Names. For a file without a header they are "0", "1", ... from
            `read_table`, and "1", "2", ... from `read_own_table`.
        rows: (line number, {column: text}) of each row.
        num_broken: Rows that were left out, with `skip_broken`.
        has_header: Whether the columns have names.
        how: How the file was read, for display.
    """

    path: Path
    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]
    num_broken: int = 0
    has_header: bool = True
    how: str = ""

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
    content = read_text(path)
    suffix = row_formats.split_name(path)[1]
    if suffix in (".jsonl", ".json"):
        columns, rows = row_formats.json_rows(path, content)
        return _table(path, columns, rows)
    if suffix == ".csv":
        numbered = row_formats.csv_fields(path, content, ",")
    else:
        numbered = row_formats.tsv_fields(content)
    if num_columns is not None:
        columns = [str(i) for i in range(num_columns)]
    else:
        columns = [name.strip() for name in numbered.pop(0)[1]] if numbered else []
    rows, num_broken = _named(path, columns, numbered, skip_broken)
    return _table(path, columns, rows, num_broken)


def read_own_table(
    path, has_header: Callable[[list, list], bool] | bool, encoding="utf-8"
) -> Table:
    """Reads a user's file, plain or gzipped. `how` says what was detected.

    Args:
        path: A .tsv, .txt, .csv, .jsonl or .json file.
        has_header: Whether the first row has the columns' names. A function is called
            with the fields of the first row and those of all other rows.
        encoding: Python's name of the encoding. A byte order mark takes precedence.

    Raises:
        TaskError: If the file is missing, empty, not in this encoding, has a bad row,
            or belongs to a task of another kind.
    """
    path = Path(path)
    content = read_text(path, encoding)
    suffix = row_formats.split_name(path)[1]
    if suffix in (".jsonl", ".json"):
        columns, rows = row_formats.json_rows(path, content)
        foreign_formats.check_columns(path, columns)
        is_array = content.lstrip().startswith("[")
        how = "an array of JSON objects" if is_array else "a JSON object a line"
        return _table(path, columns, rows, how=how)
    if suffix == ".csv":
        numbered, how, about_quotes = _csv_rows(path, content)
    else:
        numbered, how, about_quotes = _tsv_rows(path, content)
    if not numbered:
        raise TaskError(f"{path} has no rows")
    first = numbered[0][1]
    if callable(has_header):
        has_header = has_header(first, [fields for _, fields in numbered[1:]])
    if has_header:
        columns = [name.strip() or f"column {i}" for i, name in enumerate(first, 1)]
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            raise TaskError(f"{path} has two columns {twice[0]!r}; rename one of them")
        numbered = numbered[1:]
        how += " with a header"
    else:
        columns = [str(i) for i in range(1, len(first) + 1)]
        how += f" without a header: its columns are 1 to {len(columns)}"
    rows, _ = _named(path, columns, numbered)
    return _table(path, columns, rows, has_header=has_header, how=how + about_quotes)


def _csv_rows(path, content):
    """Numbered rows, and how they were read, in two parts."""
    delimiter = row_formats.delimiter(content)
    how = "CSV" if delimiter == "," else f"CSV with {delimiter!r} between columns"
    return row_formats.csv_fields(path, content, delimiter), how, ""


def _tsv_rows(path, content):
    """The same for TSV, with quotes or, as GLUE's files, without."""
    foreign_formats.check_lines(path, content)
    numbered = quoted_fields.read(content)
    if numbered is not None:
        quotes = "; fields in quotes, as spreadsheets and pandas write them"
        return numbered, "TSV", quotes
    quotes = "; quotes are part of the texts" if '"' in content else ""
    return row_formats.tsv_fields(content), "TSV", quotes


def read_text(path, encoding=None) -> str:
    """A whole file's text, without a byte order mark.

    Raises:
        TaskError: If the file is missing, a broken .gz, or not in the encoding.
    """
    if not path.is_file():
        raise TaskError(f"there is no file {path}")
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise TaskError(f"{path} is not a complete .gz file ({error})") from None
    name = (encoding or "utf-8").lower()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = "utf-16"  # what Excel calls Unicode text
    elif data.startswith(b"\xef\xbb\xbf") or name in ("utf-8", "utf8"):
        name = "utf-8-sig"
    try:
        return data.decode(name)
    except LookupError:
        raise TaskError(
            f"--encoding={encoding} is not an encoding that Python knows"
        ) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        shown = "UTF-8" if name == "utf-8-sig" else name
        advice = "" if encoding is None else "; set --encoding (latin-1, gb18030, ...)"
        raise TaskError(
            f"{path}, line {line}: not {shown} ({error.reason}){advice}"
        ) from None


def _table(path, columns, rows, num_broken=0, has_header=True, how=""):
    if not rows:
        raise TaskError(f"{path} has no rows")
    return Table(path, columns, rows, num_broken, has_header, how)


def _named(path, columns, numbered, skip_broken=False):
    """(line, {column: text}) of each row, and how many rows were left out."""
    if len(columns) > 1:  # if there is one column, an empty line is an empty text
        numbered = [(number, fields) for number, fields in numbered if fields != [""]]
    rows, num_broken = [], 0
    for number, fields in numbered:
        if len(fields) == len(columns):
            rows.append((number, dict(zip(columns, fields, strict=True))))
        elif skip_broken:
            num_broken += 1
        else:
            raise TaskError(
                f"{path}, line {number}: {len(fields)} columns; expected "
                f"{len(columns)} ({', '.join(columns)})"
            )
    return rows, num_broken
