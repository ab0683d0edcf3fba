"""Reads the chapter's pages without its own code: blocks, parts, cells, numbers."""

import re

from support.paths import ROOT

FOLDER = ROOT / "docs" / "course"


def page(language):
    return (FOLDER / f"{language}.md").read_text("utf-8")


def block(language, name):
    """The Markdown between a block's comments."""
    text = page(language)
    start = text.index(f"<!-- block: {name} -->\n")
    return text[start : text.index("<!-- end -->", start)]


def part(language, name, letter):
    """The rows of cells of a lettered part, without the header."""
    text = block(language, name)
    start = text.index(f"**{letter}. ")
    following = re.search(r"\n\*\*[A-F]\. ", text[start + 1 :])
    text = text[start : start + 1 + following.start()] if following else text[start:]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in lines]
    assert set("".join(rows[1])) <= set("-:"), rows[1]
    assert len({len(row) for row in rows}) == 1
    return rows[2:]


def numbers(cell):
    """The numbers of a cell; [] for a dash."""
    cell = re.sub(r"(?<=\d),(?=\d{3})", "", cell)
    return [
        float(n)
        for n in re.findall(r"(?<![A-Za-z0-9_.])-?\d+(?:\.\d+)?(?:e\d+)?", cell)
    ]
