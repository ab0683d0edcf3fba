"""TSV that a spreadsheet or pandas wrote: fields in quotes, with doubled quotes inside.

Nothing in a file says whether its quotes belong to the text, as in GLUE's files, or to
the format. They are read as a part of the format only if the whole file is what one of
the usual programs would have written. Such a program puts quotes around every field
that needs them and no other field, or around whole columns.
"""

import re

_NEEDS_QUOTES = re.compile('["\t\r\n]')
# A field and what ends it. A quote inside a field without quotes does not match.
_FIELD = re.compile(
    '(?:"(?P<quoted>[^"]*(?:""[^"]*)*)"|(?P<plain>[^"\t\r\n]*))(?P<end>\t|\r?\n|\\Z)'
)


def read(content: str) -> list[tuple[int, list[str]]] | None:
    """(line number, fields) of each row, or None if the quotes belong to the text.

    Args:
        content: A whole file, which may or may not have a header.
    """
    rows = _parse(content)
    if rows is None:
        return None
    width = len(rows[0][1])
    if width > 1:  # if there is one column, an empty line is an empty text
        rows = [row for row in rows if row[1] != [("", False)]]
    fields = [row for _, row in rows]
    if any(len(row) != width for row in fields) or not _has_a_writer(fields):
        return None
    # Breaks inside quotes would leave lines with fewer tabs; if all lines have the same
    # number, two texts have one quote each.
    tabs = {line.count("\t") for line in content.split("\n") if line.strip()}
    spans = any("\n" in text for row in fields for text, _ in row)
    if spans and width > 1 and tabs == {width - 1}:
        return None
    return [(line, [text for text, _ in row]) for line, row in rows]


def _parse(content):
    """(line number, [(text, is quoted), ...]) of each row; None if quotes are text."""
    if '"' not in content:
        return None
    rows, row, position, line, next_line = [], [], 0, 1, 1
    while position < len(content) or row:
        match = _FIELD.match(content, position)
        if match is None:
            return None
        quoted, plain, end = match.group("quoted", "plain", "end")
        row.append((plain, False) if quoted is None else (_undoubled(quoted), True))
        next_line += match.group().count("\n")
        position = match.end()
        if end != "\t":
            rows.append((line, row))
            row, line = [], next_line
    return rows


def _undoubled(text):
    return text.replace('""', '"')


def _has_a_writer(rows):
    fields = [field for row in rows for field in row if field[0]]
    if not any(quoted for _, quoted in fields):
        return False
    needed = [bool(_NEEDS_QUOTES.search(text)) for text, _ in fields]
    if all(need == quoted for need, (_, quoted) in zip(needed, fields, strict=True)):
        return True  # pandas, Python's csv, LibreOffice
    if all(
        (need or "," in text) == quoted
        for need, (text, quoted) in zip(needed, fields, strict=True)
    ):
        # Excel, which also quotes fields with a comma because of the decimal comma
        return True
    # Whole columns: all fields, or all that are no numbers; the names with them.
    first = [quoted for _, quoted in rows[0]]
    is_quoted = []
    for column in zip(*rows[1:], strict=True):
        found = {quoted for text, quoted in column if text}
        if len(found) > 1:
            return False
        is_quoted.append(found == {True})
    return any(is_quoted) and (all(first) or first == is_quoted)
