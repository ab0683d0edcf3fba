"""Documents from files, damaged files, tensorflow-datasets and the built-in corpus."""

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_pretrain.data import builtin_docs, text, text_lines
from tf_pretrain.data.text import TextError, describe_inputs, iter_documents

SENTENCES = {
    "cp1252": "Das Mädchen aß früh – über den “Größen” von München.",
    "cp1250": "Zażółć gęślą jaźń; příliš žluťoučký kůň úpěl ďábelské ódy.",
    "cp1251": "Все счастливые семьи похожи друг на друга.",
    "koi8_r": "Каждая несчастливая семья несчастлива по-своему.",
    "gb18030": "他们在这个国家的历史上是有名的,我们来的时候没有人。",
    "big5": "他們在這個國家的歷史上是有名的,我們來的時候沒有人。",
    "cp932": "これはとても古い本です。わたしはそれを読みました。",
    "euc_jp": "これはとても古い本です。わたしはそれを読みました。",
    "cp949": "이것은 아주 오래된 책이다. 나는 그것을 읽고 있다.",
}


def test_blank_lines_and_ends_of_files_separate_documents(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"one\n  two \n\n \t\n\nthree")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbffirst\r\n\r\nsecond\r\n")
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress("früh\u2028x\n".encode()))
    expected = [["first"], ["second"], ["one", "two"], ["three"], ["früh\u2028x"]]
    assert list(iter_documents(f"{tmp_path}/*.txt,{tmp_path}/*.gz")) == expected
    assert list(iter_documents([f"{tmp_path}/*", f"{tmp_path}/a.txt"])) == expected


def test_documents_do_not_depend_on_the_block_size(tmp_path, monkeypatch):
    lines = [f"line {i} é中😀 " + "w" * (i % 50) for i in range(300)]
    content = "".join(f"{x}\n" * (1 + (i % 7 == 0)) for i, x in enumerate(lines))
    content = content.replace("line 10 ", "\n\nline 10 ")
    (tmp_path / "a.txt").write_text(content, encoding="utf-8")
    expected = list(iter_documents(f"{tmp_path}/a.txt"))
    assert len(expected) == 2 and sum(map(len, expected)) == 343
    for size in (1, 7, 64):
        monkeypatch.setattr(text_lines, "BLOCK_BYTES", size)
        assert list(iter_documents(f"{tmp_path}/a.txt")) == expected


def test_long_documents_are_cut_between_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MAX_DOCUMENT_CHARS", 25)
    (tmp_path / "a.txt").write_text("0123456789\n" * 7 + "\nnext\n")
    sizes = [len(document) for document in iter_documents(f"{tmp_path}/a.txt")]
    assert sizes == [3, 3, 1, 1]


def test_long_lines_are_cut_at_white_space_or_between_characters(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "MAX_LINE_BYTES", 50)
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 10)
    (tmp_path / "words.txt").write_text("some words " * 50)
    (document,) = iter_documents(f"{tmp_path}/words.txt")
    assert len(document) > 5 and max(map(len, document)) <= 60
    assert " ".join(document).split() == ["some", "words"] * 50
    (tmp_path / "chinese.txt").write_text("中文" * 100, encoding="utf-8")
    (document,) = iter_documents(f"{tmp_path}/chinese.txt")
    assert len(document) > 5 and "".join(document) == "中文" * 100


def test_memory_does_not_grow_with_the_file(tmp_path):
    paragraph = "word " * 1000 + "\n"
    with gzip.open(tmp_path / "a.txt.gz", "wt") as file:
        for i in range(6000):  # 30 MB, with one line of 10 MB
            file.write(paragraph.strip() if 2000 < i < 4000 else paragraph + "\n")
    tracemalloc.start()
    size = sum(len("".join(d)) for d in iter_documents(f"{tmp_path}/a.txt.gz"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 29_000_000
    assert peak < 25_000_000  # one document of MAX_DOCUMENT_CHARS, and copies


@pytest.mark.parametrize("block_bytes", [16, 1 << 20])
def test_bad_utf8_names_file_and_line(block_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", block_bytes)
    path = tmp_path / "latin.txt"
    path.write_bytes(b"plain line\n" * 20 + b"caf\xe9 au lait\n" + b"plain\n" * 20)
    with pytest.raises(TextError, match="latin.txt line 21 is not UTF-8"):
        list(iter_documents(str(path)))
    (document,) = iter_documents(str(path), errors="replace")
    assert document[20] == "caf\ufffd au lait" and len(document) == 41


@pytest.mark.parametrize("encoding", SENTENCES)
def test_other_encodings_are_guessed_and_read(encoding, tmp_path):
    path = tmp_path / "a.txt"
    lines = ["plain", SENTENCES[encoding], "", "end"]
    path.write_bytes("\n".join(lines).encode(encoding))
    with pytest.raises(TextError, match="a.txt line 2 is not UTF-8.* at byte") as error:
        list(iter_documents(str(path)))
    assert f"--config.data.encoding={encoding}" in str(error.value)
    assert f"iconv -f {encoding.upper()} -t UTF-8" in str(error.value)
    documents = list(iter_documents(str(path), encoding=encoding))
    assert documents == [lines[:2], lines[3:]]


def test_bytes_of_the_file_are_named_and_damage_is_no_encoding(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfab\ncd\xe9 x\n")
    with pytest.raises(TextError, match=r"line 2 .* at byte 8\); it looks like cp1252"):
        list(iter_documents(str(path)))
    path.write_bytes("größere Äpfel und Öl für äße\n".encode() * 9 + b"ab\xff\n")
    with pytest.raises(TextError, match="line 10 .*these bytes are damaged"):
        list(iter_documents(str(path)))
    path.write_bytes("他们在这个国家\n".encode("gb18030") * 3 + b"\xff\n")
    with pytest.raises(TextError, match="line 4 is not gb18030 .* at byte 45"):
        list(iter_documents(str(path), encoding="gb18030"))


def test_replaced_characters_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 16)
    # U+FFFD itself is a character of the text, and not one that was replaced.
    (tmp_path / "a.txt").write_bytes(b"caf\xe9 \xff au\xef\xbf\xbd lait\n" * 5)
    notes = text.Notes()
    list(iter_documents(f"{tmp_path}/a.txt", "replace", notes=notes))
    assert notes.replaced_characters == 10
    (tmp_path / "a.txt").write_bytes("这个".encode("gb18030") + b"\xff\n")
    list(iter_documents(f"{tmp_path}/a.txt", "replace", "gb18030", notes))
    assert notes.replaced_characters == 11


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be"])
@pytest.mark.parametrize("block_bytes", [7, 1 << 20])
def test_byte_order_marks(encoding, block_bytes, tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", block_bytes)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    content = (mark + "One é中😀\r\ntwo\r\n\r\nthree\n").encode(encoding)
    (tmp_path / "a.txt").write_bytes(content)
    expected = [["One é中😀", "two"], ["three"]]
    assert list(iter_documents(f"{tmp_path}/a.txt")) == expected
    # The mark counts, whatever was set for files without one.
    assert list(iter_documents(f"{tmp_path}/a.txt", encoding="cp1252")) == expected


def test_utf16_without_a_mark_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes("Plain words.\n".encode("utf-16-be"))
    with pytest.raises(TextError, match="a.txt is not UTF-8.*encoding=utf-16-be"):
        list(iter_documents(f"{tmp_path}/a.txt"))
    with pytest.raises(TextError, match="encoding=utf-16-be"):
        describe_inputs(f"{tmp_path}/a.txt", "utf-8")
    documents = list(iter_documents(f"{tmp_path}/a.txt", encoding="utf-16-be"))
    assert documents == [["Plain words."]]


def test_files_that_are_utf8_are_read_so_beside_others(tmp_path):
    (tmp_path / "a.txt").write_bytes("Äpfel".encode("cp1252"))
    (tmp_path / "b.txt").write_text(
        "größere Äpfel, süße Öle, Käse, Rüben", encoding="utf-8"
    )
    said = []
    documents = iter_documents(
        f"{tmp_path}/*", "strict", "cp1252", text.Notes(said.append)
    )
    assert list(documents) == [["Äpfel"], ["größere Äpfel, süße Öle, Käse, Rüben"]]
    assert len(said) == 1 and "b.txt" in said[0] and "utf-8" in said[0]


@pytest.mark.parametrize("pack", [gzip, bz2, lzma])
@pytest.mark.parametrize("is_named", [True, False])
def test_packed_files_are_known_by_content(pack, is_named, tmp_path):
    suffix = {gzip: ".gz", bz2: ".bz2", lzma: ".xz"}[pack] if is_named else ""
    (tmp_path / f"a.txt{suffix}").write_bytes(pack.compress("früh\n\nx".encode()))
    assert list(iter_documents(f"{tmp_path}/a*")) == [["früh"], ["x"]]


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("a.docx", b"PK\x03\x04rest", "a .zip archive or an Office doc.*unpack it"),
        ("a.txt", b"PK\x03\x04rest", "a .zip archive.*unpack it"),
        ("a.bin", b"PAR1rest", "a Parquet table.*write the texts themselves"),
        ("a.pdf", b"%PDF-1.7", "a PDF.*pdftotext"),
        ("a.zst", b"\x28\xb5\x2f\xfdrest", "packed with zstd.*zstd -d"),
        ("a.xml", b"<mediawiki xmlns=", "a MediaWiki dump.*WikiExtractor"),
        ("a.tgz", gzip.compress(b"x" * 257 + b"ustar"), "a .tar archive.*unpack it"),
        ("a.json", b'[{"text": "x"}]', 'not made of lines {"text": ...}.*jq -c'),
        ("a.jsonl", b'{"body": "x"}\n', 'not made of lines {"text": ...}'),
    ],
)
def test_other_files_are_refused_before_any_work(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TextError, match=f"{name} is {message}") as error:
        describe_inputs(f"{tmp_path}/*")
    assert "\n" not in str(error.value)
    with pytest.raises(TextError, match=message):
        list(iter_documents(f"{tmp_path}/*"))


WIKI = """<doc id="1" url="x" title="A > B">
A &amp;lt; B

First.

Second.
</doc>
<doc id="2" url="y" title="C">
Third.

</doc>
"""


def test_forms_are_recognised_and_said_once(tmp_path, monkeypatch):
    (tmp_path / "a.md").write_text(
        "---\ntitle: T\ntags: [x]\n---\n# Head\n\nBody\n---\n"
    )
    rows = [{"id": 1, "text": "one\n\ntwo é"}, {"text": ""}, {"text": "three"}]
    lines = "\n".join(map(json.dumps, rows)) + "\n\n"
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "c_wiki_00").write_text(WIKI)
    (tmp_path / "d_wiki_01").write_text(WIKI)
    expected = [["# Head"], ["Body", "---"], ["one", "two é"], ["three"]]
    expected += [["A &lt; B", "First.", "Second."], ["Third."]] * 2
    for size in (5, 1 << 20):
        monkeypatch.setattr(text_lines, "BLOCK_BYTES", size)
        said = []
        notes = text.Notes(said.append)
        assert list(iter_documents(f"{tmp_path}/*", notes=notes)) == expected
        assert [line.split(" and ")[0] for line in said] == [
            f"{tmp_path}/{name}" for name in ("a.md", "b.jsonl.gz", "c_wiki_00")
        ]
        assert sorted(notes.recognised.values()) == [1, 1, 2]


def test_what_only_looks_like_a_form_is_plain(tmp_path):
    for content in ("---\nA rule: above.\n\nx\n---\n", "{a} b\nc", "<docs>\n\nx"):
        (tmp_path / "a.txt").write_text(content)
        lines = [line for line in content.split("\n") if line]
        assert sum(iter_documents(f"{tmp_path}/a.txt"), []) == lines


def test_json_lines_of_any_length_and_bad_ones(tmp_path):
    path = tmp_path / "a.jsonl"
    long = "word " * 600_000
    path.write_text(json.dumps({"text": long}) + "\n" + json.dumps({"text": "x"}))
    documents = list(iter_documents(str(path)))
    assert [" ".join(document) for document in documents] == [long.strip(), "x"]
    for bad in ("{", '{"text": null}', "[]", '{"n": 1}', "null"):
        path.write_text('{"text": "x"}\n' + bad + "\n")
        with pytest.raises(TextError, match="a.jsonl line 2 is not a JSON object"):
            list(iter_documents(str(path)))
    path.write_text('{"text": "half \\ud83d"}\n')
    with pytest.raises(TextError, match="line 1"):
        list(iter_documents(str(path)))
    (document,) = iter_documents(str(path), "replace")
    assert document[0].startswith("half \ufffd")


@pytest.mark.parametrize("damage", ["truncated", "corrupt", "no archive"])
def test_damaged_archives_name_the_file(tmp_path, damage):
    content = gzip.compress("".join(f"line {i}\n" for i in range(9999)).encode())
    content = {
        "truncated": content[: len(content) // 2],
        "corrupt": content[:5000] + bytes(200) + content[5200:],
        "no archive": b"plain text\n",
    }[damage]
    (tmp_path / "bad.txt.gz").write_bytes(content)
    with pytest.raises(TextError, match="cannot read .*bad.txt.gz"):
        list(iter_documents(str(tmp_path / "bad.txt.gz")))


def test_inputs_that_match_nothing(tmp_path):
    with pytest.raises(TextError, match="no text file matches '.*nothing"):
        list(iter_documents(f"{tmp_path}/nothing*.txt"))
    with pytest.raises(TextError, match=r"a folder; add /\*.txt"):
        list(iter_documents(str(tmp_path)))
    (tmp_path / "rows.csv").write_text("text,label\none,1\n")
    with pytest.raises(TextError, match="rows.csv is a table and is not read"):
        list(iter_documents(f"{tmp_path}/*"))
    (tmp_path / "rows.csv").unlink()
    (tmp_path / "empty.txt").write_text("\n \n")
    assert list(iter_documents(f"{tmp_path}/empty.txt")) == []


def test_descriptions_of_files(tmp_path):
    (tmp_path / "b.txt").write_text("four")
    (tmp_path / "a.txt").write_text("")
    names = [str(tmp_path / name) for name in ("a.txt", "b.txt")]
    assert describe_inputs(f"{tmp_path}/*.txt") == [
        {"name": names[0], "size": 0},
        {"name": names[1], "size": 4},
    ]


def test_builtin_documentation_as_input(monkeypatch):
    modules = [("a", ["One.", "Two."]), ("b", ["Three."])]
    monkeypatch.setattr(builtin_docs, "modules", lambda: modules)
    assert list(iter_documents("docs")) == [["One.", "Two."], ["Three."]]
    (description,) = describe_inputs("docs")
    assert description["name"] == "docs" and description["versions"]["numpy"]


class TinyText(tfds.core.GeneratorBasedBuilder):
    """Three examples in "train", one in "test", with a title before the text."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"title": tfds.features.Text(), "text": tfds.features.Text()}
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict({"n": np.int64, **features}),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(3), "test": self._generate_examples(1)}

    def _generate_examples(self, number):
        for i in range(number):
            yield i, {"n": i, "title": "a", "text": f"Line {i} é.\n\n Second {i}.\n"}


def test_tensorflow_datasets_as_input(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    train = [document for document in iter_documents("tfds:tiny_text")]
    assert [len(document) for document in train] == [2, 2, 2]  # one an example
    flat = sorted(line for document in train for line in document)
    assert flat == sorted(
        line for i in range(3) for line in (f"Line {i} é.", f"Second {i}.")
    )
    assert list(iter_documents("tfds:tiny_text")) == train
    assert sum(map(len, iter_documents("tfds:tiny_text:test"))) == 2
    assert sum(map(len, iter_documents("tfds:tiny_text:train[:2]"))) == 4
    (description,) = describe_inputs("tfds:tiny_text:test")
    assert description["name"] == "tfds:tiny_text:test"
    assert description["version"] == "1.0.0" and description["size"] > 0
    with pytest.raises(TextError, match="cannot load tfds:tiny_text:nowhere"):
        list(iter_documents("tfds:tiny_text:nowhere"))
    with pytest.raises(TextError, match="cannot load tfds:no_such_dataset"):
        list(iter_documents("tfds:no_such_dataset"))


def test_reading_files_does_not_import_tensorflow():
    code = (
        "import sys, tf_pretrain.data.text; "
        "print({'tensorflow', 'numpy', 'keras'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.stdout == "set()\n", result.stderr
