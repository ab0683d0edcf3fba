"""The chapter's two pages: form, translation, language, and what --check notices."""

import collections
import re
import shutil

import pytest

from docs.course import __main__ as command
from docs.course import blocks, pages, printed, words
from docs.course.captions import CAPTIONS, LANGUAGES, SECTIONS
from docs.course.glossary import REFUSED, TERMS
from support.course_pages import FOLDER, block, page
from tf_pretrain import plotting
from tf_pretrain.tables.definitions import papers

CHINESE = "[\u4e00-\u9fff]"


def test_the_pages_are_what_the_code_makes(capsys):
    command.main(["--check"])
    assert capsys.readouterr().out == ""


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The folder of a copy of both pages, on which the command works."""
    for language in LANGUAGES:
        shutil.copy(FOLDER / f"{language}.md", tmp_path)
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    return tmp_path


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cell_changed_by_hand_is_noticed_and_mended(copy, language, capsys):
    edit(copy / f"{language}.md", "| 85.1 |", "| 86.1 |")
    with pytest.raises(SystemExit, match=r"(?s)\n-.*86\.1.*\n\+.*85\.1"):
        command.main(["--check"])
    command.main([])
    assert str(copy / f"{language}.md") in capsys.readouterr().out
    command.main(["--check"])


def test_a_changed_paper_value_is_noticed(monkeypatch):
    row = papers.find_row("albert", "table2", {"model": "ALBERT-xlarge"})
    monkeypatch.setitem(row, "RACE", 74.9)
    with pytest.raises(SystemExit, match=r"en\.md is not what the code makes"):
        command.main(["--check"])


def test_a_changed_word_is_noticed(monkeypatch):
    monkeypatch.setitem(words.IN_TABLES, "mean", ("mean", "均值"))
    with pytest.raises(SystemExit, match=r"zh\.md is not what the code makes"):
        command.main(["--check"])


def test_a_changed_english_section_asks_for_its_translation(copy):
    edit(copy / "en.md", "A large encoder needs much memory.", "Memory is short.")
    message = "these sections has changed: albert-introduction;.*--stamp=albert-intro"
    with pytest.raises(SystemExit, match=message):
        command.main(["--check"])
    command.main(["--stamp=albert-introduction"])
    command.main(["--check"])


def test_a_changed_stamp_is_noticed(copy):
    text = (copy / "zh.md").read_text("utf-8")
    stamp = re.search(r"<!-- sec: albert of: (\w+) -->", text)[1]
    edit(copy / "zh.md", f"albert of: {stamp}", "albert of: 0a0b0c0d")
    with pytest.raises(SystemExit, match="sections has changed: albert; compare"):
        command.main(["--check"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_changed_in_a_sentence_is_noticed(copy, language):
    edit(copy / f"{language}.md", "bert-small-->75.1<", "bert-small-->75.7<")
    with pytest.raises(SystemExit, match=r"(?s)\n-.*75\.7.*\n\+.*75\.1"):
        command.main(["--check"])


def test_line_breaks_do_not_make_a_section_stale(copy):
    edit(
        copy / "en.md",
        "A large encoder needs much memory. ",
        "A large encoder needs\nmuch memory. ",
    )
    command.main(["--check"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<!-- block: t3 -->", "<!-- block: t33 -->", "no block 't33'; did you mean"),
        ("<!-- end -->", "", "every block needs its two comments"),
    ],
)
def test_broken_comments(copy, old, new, message):
    edit(copy / "en.md", old, new)
    with pytest.raises(SystemExit, match=message):
        command.main(["--check"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_and_captions_are_in_order(language):
    """Each section of the outline, and below it those of its blocks that exist."""
    place = LANGUAGES.index(language)
    expected = []
    for name, (level, *titles, below) in SECTIONS.items():
        expected += [name, "#" * level + " " + titles[place]]
        for item in below:
            if item in blocks.BLOCKS:
                expected.append(item)
            if item in blocks.BLOCKS and item in CAPTIONS:
                expected.append(f"**{CAPTIONS[item][place]}**")
    comment, heading = r"<!-- (?:sec|block): ([\w-]+).*-->", r"(##+ .*)"
    caption = r"(\*\*(?:Figure|Table|图|表) ?\d.*)"
    pattern = f"^(?:{comment}|{heading}|{caption})$"
    found = re.findall(pattern, page(language), flags=re.M)
    assert [next(filter(None, item)) for item in found] == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_pictures_have_a_text_and_a_file(language):
    pictures = re.findall(r"!\[(.*)\]\((.*)\)", page(language))
    drawn = [name for name in blocks.BLOCKS if name in ("f4", "f5", "f7", "f8")]
    assert len(pictures) >= len(drawn) > 0
    for text, path in pictures:
        assert len(text) > 20 and path.startswith(f"images/{language}/")
        assert (FOLDER / path).is_file()


def digits(text):
    """The numbers of a text, without those in links and names of files."""
    text = re.sub(r"\]\([^)]*\)", "", text)
    return collections.Counter(re.findall(r"\d+", text))


@pytest.mark.parametrize("name", blocks.BLOCKS)
def test_both_languages_have_the_same_numbers(name):
    assert digits(block("en", name)) == digits(block("zh", name))


def test_both_pages_have_the_same_sections_blocks_and_links():
    english, chinese = page("en"), page("zh")
    assert list(pages.sections(english)) == list(pages.sections(chinese))
    for pattern in (r"<!-- block: (\w+)", r"\]\(((?!images|en\.md|zh\.md)[^)]+)\)"):
        assert re.findall(pattern, english) == re.findall(pattern, chinese)


def chinese_text():
    """The Chinese page without code, links, comments and headings."""
    text = re.sub(r"```.*?```|`[^`\n]*`|<!--.*?-->", "", page("zh"), flags=re.S)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return re.sub(r"^#.*$|^\*\*[图表].*$", "", text, flags=re.M)


def test_the_chinese_text_uses_the_glossary():
    text = chinese_text() + "".join(words.of("zh").values())
    assert [variant for variant in REFUSED if variant in text] == []


def test_a_term_has_its_english_name_where_it_first_stands():
    """In brackets, in the hand-written text; tables and headings do not count."""
    text = page("zh")
    text = text[: text.index("<!-- sec")] + "\n".join(pages.sections(text).values())
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    missing = []
    for english, (chinese, _) in TERMS.items():
        # Longer terms that begin or end with this one are other terms.
        longer = [c for c, _ in TERMS.values() if chinese in c and c != chinese]
        rest = (
            re.sub("|".join(longer), lambda m: "·" * len(m[0]), text)
            if longer
            else text
        )
        place = rest.find(chinese)
        named = rf"[^。]{{0,12}}?（[^）]*{re.escape(english)}|[^（）]*）"
        if place >= 0 and not re.match(named, text[place + len(chinese) :]):
            missing.append((english, text[place - 8 : place + 20]))
    assert missing == []


def test_chinese_punctuation_and_spaces():
    """No half-width mark between Chinese characters, no space beside Latin letters."""
    mixed = rf"{CHINESE} +[A-Za-z0-9`\[]|[A-Za-z0-9%`)\]] +{CHINESE}"
    for pattern in (rf"{CHINESE}[,.;:?!()]{CHINESE}", mixed):
        assert re.findall(pattern, chinese_text()) == []


def test_words_are_in_both_languages():
    english, chinese = words.of("en"), words.of("zh")
    for name, text in english.items():
        fields = re.findall(r"\{(\w*)", text)
        assert sorted(fields) == sorted(re.findall(r"\{(\w*)", chinese[name])), name
        assert not re.search(CHINESE, text)
    pattern = r"(?<![`/\w])[a-z]+_[a-z_]+(?![`\w])"  # a name of a word that is missing
    for language in LANGUAGES:
        cells = re.findall(r"^\|.*$", page(language), flags=re.M)
        text = re.sub(r"`[^`]*`", "", "\n".join(cells))
        assert re.findall(pattern, text) == []


def test_every_chinese_character_is_in_the_font():
    from matplotlib.ft2font import FT2Font

    known = FT2Font(str(plotting.CHINESE_FONT)).get_charmap()
    used = set("".join(words.of("zh").values()) + page("zh"))
    missing = {c for c in used if re.match(CHINESE, c) and ord(c) not in known}
    assert missing == set()


def test_marks_of_confirmation():
    assert printed.mark({"confirmed": "S1+S2"}) == ""
    assert printed.mark({"confirmed": "S1 (as S2)"}) == "†"
    assert printed.mark({"confirmed": "S1; avg S2; tasks ARITH"}) == "‡"
    assert printed.mark({"confirmed": "S1; avg S2; tasks ARITH"}, has_tasks=False) == ""
    assert printed.mark({}) == ""


def test_numbers_are_written_as_printed():
    assert [printed.power(x) for x in (3.7e9, 3.1e21, None)] == ["3.7e9", "3.1e21", "–"]
    assert printed.power(6.4162e19, 3) == "6.42e19"
    assert [printed.number(x) for x in (88.0, 30522, None)] == ["88.0", "30,522", "–"]
    assert [printed.times(x) for x in (1.0, 45, None)] == ["1.0×", "45×", "–"]


def test_sizes_stay_within_the_budget():
    """Megabytes that a clone and the documentation site carry for the chapter."""
    for language in LANGUAGES:
        assert (FOLDER / f"{language}.md").stat().st_size < 140_000
        pictures = list((FOLDER / "images" / language).glob("*.png"))
        assert all(path.stat().st_size < 200_000 for path in pictures)
    assert plotting.CHINESE_FONT.stat().st_size < 900_000
