"""Parts of a file, read apart from each other, are the file."""

import json
import random

import pytest

from tf_pretrain.data import document_bounds, sources, text
from tf_pretrain.data.text import Notes, Range, TextError


def read_parts(path, cuts, errors="strict", notes=None):
    """The documents of each part of a file that is cut at some bytes."""
    bounds = [0, *sorted(cuts), None]
    return [
        list(
            text.range_documents(
                Range(sources.FILE, str(path), start, stop),
                errors,
                "utf-8",
                Notes() if notes is None else notes,
            )
        )
        for start, stop in zip(bounds, bounds[1:], strict=False)
    ]


def content_in(form):
    generator = random.Random(0)
    documents = [
        [
            f"d{i} l{j} é中😀 " + "w " * generator.randrange(9)
            for j in range(generator.randint(1, 5))
        ]
        for i in range(60)
    ]
    if form == "json":
        rows = [json.dumps({"text": "\n".join(document)}) for document in documents]
        return "\n".join(rows)
    if form == "wiki":
        return "".join(
            f'<doc id="{i}">\n' + "\n\n".join(document) + "\n</doc>\n"
            for i, document in enumerate(documents)
        )
    blanks = ["\n\n", "\n\n\n \n", "\r\n\t\r\n"]
    return "".join(
        "\n".join(document) + generator.choice(blanks) for document in documents
    )


@pytest.mark.parametrize("form", ["plain", "json", "wiki", "byte-order mark"])
def test_the_parts_are_the_whole_wherever_it_is_cut(form, tmp_path):
    path = tmp_path / "a.txt"
    mark = "\ufeff" if form == "byte-order mark" else ""
    content = (mark + content_in(form)).encode()
    path.write_bytes(content)
    expected = list(text.iter_documents(str(path)))
    assert len(expected) == 60
    generator = random.Random(1)
    for number in (1, 3, 20):
        cuts = [generator.randrange(1, len(content) + 5) for _ in range(number)]
        parts = read_parts(path, cuts)
        assert sum(parts, []) == expected
    assert sum(map(bool, parts)) > 10
    for cut in range(1, 300):  # all places of the first documents
        assert sum(read_parts(path, [cut]), []) == expected


def test_long_documents_are_cut_between_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(document_bounds, "MAX_SEARCH_BYTES", 25)
    path = tmp_path / "a.txt"
    path.write_text("".join(f"line {i}\n" for i in range(1000, 1020)) + "\nnext\n")
    parts = read_parts(path, [40, 80, 185])
    # A document that ends soon after the cut is not cut.
    assert [len(part[0]) if part else 0 for part in parts] == [4, 4, 12, 1]
    lines = sum(sum(parts, []), [])
    assert lines == [f"line {i}" for i in range(1000, 1020)] + ["next"]


def test_long_lines_are_cut_at_white_space_or_between_characters(tmp_path, monkeypatch):
    monkeypatch.setattr(document_bounds, "MAX_LINE_BYTES", 30)
    path = tmp_path / "a.txt"
    for content in ("some words " * 50, "中文é" * 60):
        path.write_text(content, encoding="utf-8")
        for cut in range(1, 60):
            parts = read_parts(path, [cut, cut + 100])
            lines = [
                line for part in parts for (document,) in [part] for line in document
            ]
            joined = (" " if " " in content else "").join(lines)
            assert len(lines) >= 3 and joined.split() == content.split()


def test_bad_bytes_are_named_by_their_line_in_the_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"plain\n\n" * 20 + b"caf\xe9 au lait\n\n" + b"plain\n\n" * 20)
    with pytest.raises(TextError, match=r"a.txt line 41 .* at byte 143\)"):
        read_parts(path, [70])
    notes = Notes()
    assert sum(read_parts(path, [70, 100], "replace", notes), [])[20] == [
        "caf\ufffd au lait"
    ]
    assert notes.replaced_characters == 1
    path.write_text('{"text": "a"}\n' * 9 + "[]\n")
    with pytest.raises(TextError, match="a.txt line 10 is not a JSON object"):
        read_parts(path, [30])
