"""A document of headings, paragraphs, lists, tables and images, as Markdown or HTML."""

import base64
import dataclasses
import html
import re
from pathlib import Path

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto;
       padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; font-size: 14px; }
.wide { overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .7em; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
code { background: #f3f3f3; padding: 0 .2em; }
"""


@dataclasses.dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """Text with `code`."""

    text: str


@dataclasses.dataclass(frozen=True)
class Items:
    """A list."""

    texts: list[str]


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table: names of the columns, and rows of texts."""

    header: list[str]
    rows: list[list[str]]


@dataclasses.dataclass(frozen=True)
class Image:
    """A PNG file, relative to the document's folder."""

    path: str
    text: str


def to_markdown(blocks) -> str:
    """GitHub's Markdown."""
    return "\n\n".join(map(_markdown, blocks)) + "\n"


def to_html(blocks, title: str, folder) -> str:
    """One page with its images inside.

    Args:
        folder: Where the images are.
    """
    body = "\n".join(_html(block, Path(folder)) for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _markdown(block):
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Items(texts):
            return "\n".join(f"- {text}" for text in texts)
        case Grid(header, rows):
            lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
            return "\n".join(
                "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |"
                for line in lines
            )
        case Image(path, text):
            return f"![{text}]({path})"


def _html(block, folder):
    match block:
        case Heading(text, level):
            return f"<h{level}>{_inline(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_inline(text)}</p>"
        case Items(texts):
            items = "".join(f"<li>{_inline(text)}</li>" for text in texts)
            return f"<ul>{items}</ul>"
        case Grid(header, rows):
            head = "".join(f"<th>{_inline(cell)}</th>" for cell in header)
            body = "".join(
                "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
        case Image(path, text):
            data = base64.b64encode((folder / path).read_bytes()).decode()
            return f'<img alt="{html.escape(text)}" src="data:image/png;base64,{data}">'


def _inline(text):
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text, quote=False))
