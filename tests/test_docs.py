"""README and docs: links lead somewhere; docs/api.md has every public name."""

import re

import pytest

import tf_pretrain
from support.paths import ROOT

# The reports in docs/tables are written by a program, which has tests of its own.
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if page.parent.name != "tables"
)


def headings(page):
    """Anchors of a page's headings as GitHub and MyST name them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.S | re.M)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.M)
    return {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in titles
    }


def broken_links(page):
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        is_page = file.suffix == ".md"
        if not file.exists() or (is_page and anchor and anchor not in headings(file)):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert list(broken_links(page)) == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A b: `c`\n[1](page.md#a-b-c) [2](page.md#d) [3](no.md) [4](#e)")
    assert list(broken_links(page)) == ["page.md#d", "no.md", "#e"]


def test_the_api_reference_has_every_public_name():
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    documented = re.findall(r":: tf_pretrain\.(\w+)$", text, flags=re.M)
    assert sorted(documented) == sorted(tf_pretrain.__all__)
