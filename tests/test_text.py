"""Documents from files, damaged files, tensorflow-datasets and the built-in corpus."""

import gzip
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tf_pretrain.data import builtin_docs, text, text_lines
from tf_pretrain.data.text import TextError, describe_inputs, iter_documents


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
