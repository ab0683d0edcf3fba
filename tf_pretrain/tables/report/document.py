"""A document of headings, paragraphs, tables and images, as Markdown or HTML.

Texts may hold `code` and links [text](PAGE.md). In HTML, where all pages are one, such
a link goes to the heading whose anchor is PAGE.
"""

import base64
import dataclasses
import html
import re
from pathlib import Path

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68em; margin: 2em auto;
       padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; font-size: 14px; }
.wide { overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .7em; text-align: right; }
th { vertical-align: bottom; background: #f7f7f7; }
td { white-space: nowrap; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
td:first-child { white-space: normal; min-width: 8em; }
h2 { border-top: 2px solid #ddd; margin-top: 2.5em; padding-top: 1em; }
img { max-width: 100%; display: block; margin: 1em 0; }
code { background: #f3f3f3; padding: 0 .2em; }
pre { background: #f3f3f3; padding: .6em; overflow-x: auto; font-size: 13px; }
summary { cursor: pointer; }
a { color: #2a5db0; }
"""


@dataclasses.dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2
    anchor: str = ""


@dataclasses.dataclass(frozen=True)
class Paragraph:
    text: str


@dataclasses.dataclass(frozen=True)
class Code:
    """Lines as they are."""

    text: str


@dataclasses.dataclass(frozen=True)
class Folded:
    """Blocks that are shown on request."""

    title: str
    blocks: list


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
        case Code(text):
            return f"```\n{text}\n```"
        case Folded(title, blocks):
            inner = "\n\n".join(map(_markdown, blocks))
            summary = f"<summary>{html.escape(title)}</summary>"
            return f"<details>{summary}\n\n{inner}\n\n</details>"
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
        case Heading(text, level, anchor):
            name = f' id="{html.escape(anchor)}"' if anchor else ""
            return f"<h{level}{name}>{_inline(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_inline(text)}</p>"
        case Code(text):
            return f"<pre>{html.escape(text, quote=False)}</pre>"
        case Folded(title, blocks):
            inner = "\n".join(_html(inner, folder) for inner in blocks)
            summary = f"<summary>{html.escape(title)}</summary>"
            return f"<details>{summary}\n{inner}</details>"
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
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    return re.sub(r"\[([^]]*)\]\(([^)]*)\.md\)", r'<a href="#\2">\1</a>', text)
