"""The report's Markdown (GitHub's), and one HTML page from it."""

import base64
import html
from pathlib import Path

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68em; margin: 2em auto;
       padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; font-size: 14px; display: block;
        overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: .25em .7em; }
th { vertical-align: bottom; background: #f7f7f7; }
td { white-space: nowrap; font-variant-numeric: tabular-nums; }
td:first-child { white-space: normal; min-width: 8em; }
section + section { border-top: 2px solid #ddd; margin-top: 2.5em; }
img { max-width: 100%; display: block; margin: 1em 0; }
code { background: #f3f3f3; padding: 0 .2em; }
pre { background: #f3f3f3; padding: .6em; overflow-x: auto; font-size: 13px; }
summary { cursor: pointer; }
a { color: #2a5db0; }
"""


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table whose first column is text and whose other columns are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )


def items(texts: list[str]) -> str:
    """A list."""
    return "\n".join(f"- {text}" for text in texts)


def code(text: str) -> str:
    """Lines as they are."""
    return f"```\n{text}\n```"


def folded(title: str, *blocks: str) -> str:
    """Blocks that are shown on request."""
    summary = f"<details><summary>{html.escape(title)}</summary>"
    return joined([summary, *blocks, "</details>"])


def joined(blocks: list[str]) -> str:
    """Blocks with an empty line between each two."""
    return "\n\n".join(blocks)


def to_html(pages: dict[str, str], title: str, folder) -> str:
    """One HTML page with all its images inside.

    Args:
        pages: {name: Markdown}. A link to NAME.md becomes one to that part of the page.
        folder: Where the images are.
    """
    body = "\n".join(
        f'<section id="{html.escape(name)}">\n{_render(text, Path(folder))}</section>'
        for name, text in pages.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _render(text, folder):
    from markdown_it import MarkdownIt

    # HTML only as whole blocks, for `folded`: a "<" within a text stays one.
    parser = MarkdownIt("commonmark").enable("table").disable("html_inline")
    tokens = parser.parse(text)
    for token in (child for t in tokens for child in t.children or ()):
        if token.type == "image":
            data = base64.b64encode((folder / token.attrs["src"]).read_bytes())
            token.attrs["src"] = f"data:image/png;base64,{data.decode()}"
        elif token.type == "link_open":
            token.attrs["href"] = "#" + token.attrs["href"].removesuffix(".md")
    return parser.renderer.render(tokens, parser.options, {})
