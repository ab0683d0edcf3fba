"""The listings of the chapter are examples/, and every callout is explained."""

import re

import pytest

from docs.course import __main__ as command
from docs.course import code_words, example_code, pages
from docs.course.captions import LANGUAGES
from support.paths import ROOT

FILES = {
    "f13": ["electra_tensorflow"],
    "f14": ["electra_pytorch"],
    "f15": ["albert_tensorflow", "albert_pytorch"],
}


def block(language, name):
    text = pages.path(language).read_text("utf-8")
    return re.search(rf"<!-- block: {name} -->\n(.*?)<!-- end -->", text, re.S)[1]


def functions(code):
    return re.findall(r"^def (\w+)", code, flags=re.M)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_listing_has_every_function_of_its_file(language, name):
    listings = re.findall(r"```python\n(.*?)\n```", block(language, name), flags=re.S)
    for listing, file in zip(listings, FILES[name], strict=True):
        text = (ROOT / "examples" / f"{file}.py").read_text("utf-8")
        assert functions(listing) == functions(text)
        for line in filter(str.strip, listing.splitlines()):
            assert f"\n{line}\n" in text


@pytest.mark.parametrize("model", code_words.NOTES)
def test_every_callout_is_explained_and_no_other(model):
    numbers = list(code_words.NOTES[model])
    for framework in ("tensorflow", "pytorch"):
        assert list(example_code.callouts(f"{model}_{framework}")) == numbers


@pytest.mark.parametrize("model", code_words.NOTES)
def test_the_places_in_the_package_exist(model):
    for note in code_words.NOTES[model].values():
        text = (ROOT / note.module).read_text("utf-8")
        assert re.search(rf"^(?:class|def) {note.name}\b", text, flags=re.M), note


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_quotes_the_lines_that_it_names(language):
    rows = re.findall(r"^\| \(\d+\) .*$", block(language, "t15"), flags=re.M)
    assert len(rows) == sum(map(len, code_words.NOTES.values()))
    model = "albert"
    for row in rows:
        number, lines, code, *_ = row.strip("| ").split(" | ")
        if number == "(1)":
            model = "electra" if model == "albert" else "albert"
        for framework, line in zip(
            ("tensorflow", "pytorch"), lines.split(", "), strict=True
        ):
            text = (ROOT / "examples" / f"{model}_{framework}.py").read_text("utf-8")
            found = text.splitlines()[int(line) - 1]
            assert found.endswith(f"  # {number}")
            if framework == "tensorflow":
                assert found.strip() == f"{code.strip('`')}  # {number}"


def test_a_changed_line_is_noticed(monkeypatch):
    original = example_code.text
    monkeypatch.setattr(
        example_code, "text", lambda name: original(name).replace("50.0 *", "51.0 *")
    )
    with pytest.raises(SystemExit, match=r"(?s)-.*50\.0.*\n\+.*51\.0"):
        command.main(["--check"])


@pytest.mark.parametrize("fragment", ["no such line", "return"])
def test_a_quoted_line_must_be_one(fragment):
    message = rf"'{fragment}' is in \d+ lines of examples/electra_tensorflow.py"
    with pytest.raises(ValueError, match=message):
        example_code.line("electra_tensorflow", fragment)
