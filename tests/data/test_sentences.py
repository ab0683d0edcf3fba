"""Text that is split into sentences: real punctuation of several languages, files."""

import gzip
import importlib.metadata
import json
import subprocess
import sys

import pytest

from support.paths import ROOT
from tf_pretrain.data import sentences, text
from tf_pretrain.data.build_warnings import SPLIT_COMMAND
from tf_pretrain.data.sentences import SentenceError, split_sentences
from tf_pretrain.errors import ConfigError

pytest.importorskip("sentencex", reason="the extra `sentences` is not installed")


@pytest.mark.parametrize(
    "language,expected",
    [
        ("en", ["Mr. Smith met Dr. Jones at 5 p.m. on Monday.", "Did he?", "Yes!"]),
        ("de", ["Am 3. Oktober kam z. B. Dr. Müller.", "Sie sagte: „Gut.“", "Ja."]),
        ("fr", ["Il arrive à 9 h 30.", "Pourquoi ?", "Il pleut."]),
        ("ar", ["هل هذا كتاب؟", "نعم، هذا كتاب."]),
        ("hi", ["यह किताब है।", "मैं पढ़ता हूँ।"]),
        ("zh", ["他说：“好。我去。”", "然后走了。", "1945年回来。", "真的吗？！"]),
        ("ja", ["これは本です。", "２冊あります！", "そうですか？"]),
        ("ko", ["이것은 책이다.", "값은 3.5 원이다."]),
    ],
)
def test_sentences_of_languages(language, expected):
    space = "" if language in ("zh", "ja") else "  "
    assert list(sentences.sentences(space.join(expected), language)) == expected


def test_documents_stay_and_nothing_is_lost(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"One. Two!\n\n\nThree? Four.\nFive\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "Six. Seven."}\n'))
    said = []
    counts = split_sentences(
        f"{tmp_path}/*", tmp_path / "out", "en", progress=said.append
    )
    assert counts == {"files": 2, "documents": 3, "lines": 4, "sentences": 7}
    assert "a.txt: 3 lines, 5 sentences" in said[0]
    assert (tmp_path / "out/a.txt").read_text() == "One.\nTwo!\n\nThree?\nFour.\nFive\n"
    documents = list(text.iter_documents(f"{tmp_path}/out/*.txt"))
    assert documents[2] == ["Six.", "Seven."] and len(documents) == 3


def test_encodings_are_read_as_records_are(tmp_path):
    (tmp_path / "a.txt").write_bytes("Früh. Spät.".encode("cp1252"))
    with pytest.raises(text.TextError, match="a.txt line 1 is not UTF-8"):
        split_sentences(f"{tmp_path}/a.txt", tmp_path / "out", "de", progress=None)
    assert not (tmp_path / "out/a.txt").exists()
    # Nothing was written, so the folder may be used with another setting.
    split_sentences(
        f"{tmp_path}/a.txt", tmp_path / "out", "de", "cp1252", progress=None
    )
    written = (tmp_path / "out/a.txt").read_bytes()
    assert written.decode("utf-8") == "Früh.\nSpät.\n"


def test_finished_files_are_kept_whatever_the_workers(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "wiki_00").write_text(f"One. {folder}.")
    split_sentences(f"{tmp_path}/*/wiki_00", tmp_path / "out", "en", num_workers=2)
    first, second = tmp_path / "out/x-wiki_00.txt", tmp_path / "out/y-wiki_00.txt"
    assert first.read_text() == "One.\nx.\n"
    before = first.stat().st_mtime_ns
    second.unlink()
    said = []
    counts = split_sentences(
        f"{tmp_path}/*/wiki_00", tmp_path / "out", "en", progress=said.append
    )
    assert said[0] == "1 files found finished" and counts["files"] == 1
    assert second.read_text() == "One.\ny.\n" and first.stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="language: 'en' -> 'fr'"):
        split_sentences(f"{tmp_path}/*/wiki_00", tmp_path / "out", "fr")
    plan = json.loads((tmp_path / "out/sentences.json").read_text())
    assert plan["splitter"].startswith("sentencex ")


def test_what_cannot_be_done_is_said(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("One.")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"Two."))
    with pytest.raises(ConfigError, match="a.txt exists and would be overwritten"):
        split_sentences(f"{tmp_path}/a.txt", tmp_path, "en")
    with pytest.raises(ConfigError, match="would both become a.txt"):
        split_sentences(f"{tmp_path}/a*", tmp_path / "out", "en")
    with pytest.raises(ConfigError, match="'German'; expected an ISO 639 code"):
        split_sentences(f"{tmp_path}/a.txt", tmp_path / "out", "German")

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(SentenceError, match=r"pip install 'tf_pretrain\[sentences\]'"):
        split_sentences(f"{tmp_path}/a.txt", tmp_path / "out", "en")


def test_the_command_that_warnings_name(tmp_path):
    (tmp_path / "a.txt").write_text("One. Two.")
    command = SPLIT_COMMAND.replace("GLOB", str(tmp_path / "*.txt"))
    command = command.replace("DIR", str(tmp_path / "out")).split()
    result = subprocess.run(
        [sys.executable, *command[1:]], cwd=ROOT, capture_output=True, text=True
    )
    assert result.stdout == (
        f"1 files, 1 documents, 1 lines: 2 sentences in {tmp_path}/out\n"
    ), result.stderr
