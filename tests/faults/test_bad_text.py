"""200 mutated texts: a clear error, or what a plain reader makes of them.

python -m pytest tests/faults/test_bad_text.py                  # the first 60
python -m pytest -m "slow or not slow" tests/faults/test_bad_text.py
"""

import bz2
import gzip
import json
import lzma
import random
import re
import tracemalloc
import zlib

import pytest

from support.corpus import write_corpus
from tf_pretrain.config import DataConfig
from tf_pretrain.data import text, tokenization, vocabulary
from tf_pretrain.data.build_records import build_records
from tf_pretrain.data.text import TextError, iter_documents

NUM_CASES, NUM_QUICK = 200, 60
KINDS = (
    "random bytes",
    "flipped bits",
    "broken sequence",
    "null bytes",
    "blank lines",
    "long line",
    "truncated gzip",
    "damaged gzip",
    "garbage after gzip",
    "no gzip",
)


def _plain_documents(content, errors):
    """The documents by the definition; the whole text is in memory."""
    content = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors)
    documents = [[]]
    for line in content.split("\n"):
        if line.strip():
            documents[-1].append(line.strip())
        else:
            documents.append([])
    return [document for document in documents if document]


def _mutate(number, good):
    """(kind, content of the file, the text within it or None if that is unreadable)."""
    generator = random.Random(number)
    kind = KINDS[number % len(KINDS)]
    content = bytearray(good)
    places = [generator.randrange(len(good)) for _ in range(generator.randint(1, 5))]
    if kind == "random bytes":
        content = generator.randbytes(generator.randrange(1, 5000))
    elif kind == "flipped bits":
        for place in places:
            content[place] ^= 1 << generator.randrange(8)
    elif kind == "broken sequence":
        broken = [b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f", b"\xed\xa0\x80", b"\xff"]
        for place in places:
            content[place:place] = generator.choice(broken)
    elif kind == "null bytes":
        for place in places:
            content[place:place] = bytes(generator.randrange(1, 100))
    elif kind == "blank lines":
        blank = generator.choice([b"\n", b" \n", b"\t\r\n"])
        content[places[0] : places[0]] = blank * generator.randrange(1000, 50_000)
    elif kind == "long line":
        content = bytes(content).replace(b"\n", b" ") * generator.randrange(1, 20)
    content = bytes(content)
    if kind in KINDS[:6]:
        return kind, content, content
    packed = gzip.compress(content, mtime=0)
    if kind == "truncated gzip":
        return kind, packed[: generator.randrange(1, len(packed))], None
    if kind == "damaged gzip":
        damaged = bytearray(packed)
        # Within the data or the checksum, not in the header's unused fields.
        damaged[generator.randrange(10, len(packed))] ^= 1 << generator.randrange(8)
        try:
            inside = gzip.decompress(bytes(damaged))  # unused bits of the format
        except (OSError, EOFError, zlib.error):
            inside = None
        return kind, bytes(damaged), inside
    if kind == "garbage after gzip":
        return kind, packed + b"x" + generator.randbytes(20), None
    return kind, content, None


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = write_corpus(tmp_path_factory.mktemp("good") / "a.txt")
    return path.read_bytes().replace(b"ba", "bä€😀".encode())


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(i, marks=[pytest.mark.slow] if i >= NUM_QUICK else [])
        for i in range(NUM_CASES)
    ],
)
def test_mutated_text(number, good, tmp_path):
    kind, content, inside = _mutate(number, good)
    path = tmp_path / ("a.txt.gz" if "gzip" in kind else "a.txt")
    path.write_bytes(content)
    if inside is None:
        with pytest.raises(TextError, match=f"cannot read {re.escape(str(path))}: "):
            list(iter_documents(str(path), "replace"))
        return
    assert list(iter_documents(str(path), "replace")) == _plain_documents(
        inside, "replace"
    )
    try:
        expected = _plain_documents(inside, "strict")
    except UnicodeDecodeError as error:
        line = 1 + inside.removeprefix(b"\xef\xbb\xbf").count(b"\n", 0, error.start)
        with pytest.raises(TextError, match=f"{path} line {line} is not UTF-8"):
            list(iter_documents(str(path)))
    else:
        assert list(iter_documents(str(path))) == expected


def _in_form(number, good):
    """(name, content) of the text in one of the other forms, some bits flipped."""
    generator = random.Random(number)
    documents = good.decode().split("\n\n")
    rows = "".join(json.dumps({"text": document}) + "\n" for document in documents)
    wiki = "".join(f'<doc id="1">\n{document}\n</doc>\n' for document in documents)
    name, content = [
        ("a.jsonl", rows.encode()),
        ("a.txt", wiki.encode()),
        ("a.md", b"---\na: b\n---\n" + good),
        ("a.txt", good.decode().encode("utf-16")),
        ("a.txt.bz2", bz2.compress(good)),
        ("a.txt.xz", lzma.compress(good)),
    ][number % 6]
    content = bytearray(content)
    for _ in range(generator.randrange(4)):
        # Early bytes, which decide on the form, are hit as often as all others.
        end = generator.choice([30, len(content)])
        content[generator.randrange(end)] ^= 1 << generator.randrange(8)
    return name, bytes(content[: generator.choice([len(content), len(content) // 2])])


@pytest.mark.parametrize("number", range(48))
def test_mutated_forms(number, good, tmp_path):
    """Documents, or a TextError of one line that names the file; nothing else."""
    name, content = _in_form(number, good)
    (tmp_path / name).write_bytes(content)
    for errors in ("strict", "replace"):
        try:
            documents = list(iter_documents(str(tmp_path / name), errors))
        except TextError as error:
            assert name in str(error) and "\n" not in str(error)
        else:
            assert all(line.strip() for document in documents for line in document)


@pytest.mark.integration
@pytest.mark.parametrize("pack", [bz2, lzma])
def test_other_bombs_are_streamed(pack, tmp_path):
    (tmp_path / "a.txt").write_bytes(pack.compress(b"x y " * 6_000_000))
    assert _read_in_bounds(tmp_path / "a.txt") > 17_000_000


def _read_in_bounds(path, errors="strict"):
    """Characters of all documents; fails if memory grows with the text."""
    tracemalloc.start()
    try:
        size = sum(sum(map(len, d)) for d in iter_documents(str(path), errors))
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
    return size


@pytest.mark.parametrize(
    "piece,documents_chars",
    [
        pytest.param(b"\x00", 1, id="null bytes"),
        pytest.param(b"\n", 0, id="blank lines"),
        pytest.param(b" ", 0, id="spaces"),
        pytest.param(b"x", 1, id="one word"),
        pytest.param(b"x y ", None, id="words"),
        pytest.param(b"\x80", 1, id="continuation bytes"),
    ],
)
def test_gzip_bombs_are_streamed(piece, documents_chars, tmp_path):
    total = 24_000_000
    with gzip.open(tmp_path / "a.txt.gz", "wb") as file:
        for _ in range(24):
            file.write(piece * (1_000_000 // len(piece)))
    assert (tmp_path / "a.txt.gz").stat().st_size < total / 200
    size = _read_in_bounds(tmp_path / "a.txt.gz", "replace")
    if documents_chars is not None:
        assert size == documents_chars * total


def test_a_line_of_ten_megabytes_and_a_million_blank_lines(tmp_path):
    (tmp_path / "a.txt").write_bytes(
        b"first\n" + b"w " * 5_000_000 + b"\n" * 1_000_000 + b"last\n"
    )
    documents = list(iter_documents(f"{tmp_path}/a.txt"))
    assert documents[0][0] == "first" and documents[-1] == ["last"]
    words = sum(len(line.split()) for document in documents for line in document)
    assert words == 5_000_002


def test_records_are_built_from_hostile_text(tmp_path):
    """Null bytes, controls, lone marks and emoji are text like any other."""
    folder = tmp_path / "records"
    folder.mkdir()
    good = write_corpus(tmp_path / "good.txt").read_text()
    hostile = "\x00\n\x00a\x00\n\u202e\u0301\u0301\n😀\ufeff\n" + "é" * 5000 + "\n\n"
    (tmp_path / "a.txt").write_text(hostile * 5 + good + hostile, encoding="utf-8")
    source = str(tmp_path / "a.txt")
    vocabulary.train_vocabulary(text.iter_documents(source), "wordpiece", 120, folder)
    data = DataConfig(max_seq_length=24, heldout_fraction=0.1)
    manifest = build_records(source, folder, folder, data, seed=0, progress=None)
    assert manifest["totals"]["examples"] > 100
    from tf_pretrain.data.record_sets import find_good_records

    size = tokenization.load_tokenizer(folder).vocab_size
    found, bad = find_good_records(f"{folder}/*.tfrecord", data, size)
    assert not bad and found.num_examples == manifest["totals"]["examples"]
