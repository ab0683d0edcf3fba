import dataclasses
import gzip
import json
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from support import programs
from support.paths import ROOT, TESTS
from tf_pretrain.config import DataConfig
from tf_pretrain.data import chunks, records, shards, sources
from tf_pretrain.data.batches import parsing_spec
from tf_pretrain.data.build_records import BuildError, build_records
from tf_pretrain.data.text import TextError
from tf_pretrain.errors import ConfigError

WORDS = [f"word{i}" for i in range(40)]
DATA = DataConfig(max_seq_length=32, shard_size_mb=0.02, heldout_fraction=0.1)
STATIC = DataConfig(
    max_seq_length=32,
    shard_size_mb=0.02,
    example_format="sentence_order",
    masking="static",
    dupe_factor=2,
    whole_word_masking=True,
    max_ngram=3,
    mask_token_prob=0.8,
    random_token_prob=0.1,
)


@pytest.fixture
def corpus(tmp_path):
    """A text file of 300 documents (about 160 kB), and a vocabulary file."""
    rng = random.Random(0)
    lines = []
    for _ in range(300):
        for _ in range(rng.randint(1, 12)):
            lines.append(" ".join(rng.choices(WORDS, k=rng.randint(1, 25))))
        lines.append("")
    (tmp_path / "text.txt").write_text("\n".join(lines))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "word"]
    pieces += [f"##{i}" for i in range(10)] + WORDS[:20]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n")
    return tmp_path


def build(corpus, output, data=DATA, seed=3, num_workers=1, progress=None):
    return build_records(
        str(corpus / "text.txt"),
        corpus / "vocab.txt",
        corpus / output,
        data,
        seed,
        num_workers,
        progress,
    )


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(folder, pattern, data):
    files = sorted(str(path) for path in folder.glob(pattern))
    dataset = tf.data.TFRecordDataset(files).batch(100_000)
    spec = parsing_spec(records.feature_spec(data))
    (features,) = dataset.map(lambda x: tf.io.parse_example(x, spec))
    return {name: value.numpy() for name, value in features.items()}


def test_nothing_is_lost_and_the_manifest_counts_it(corpus):
    manifest = build(corpus, "records")
    assert manifest == json.loads((corpus / "records/manifest.json").read_text())
    features = read(corpus / "records", "*.tfrecord", DATA)
    specials = np.isin(features["input_ids"], [0, 2, 3])
    words = (corpus / "text.txt").read_text().split()
    in_vocabulary = sum(int(word[4:]) < 20 for word in words)
    # word20 to word39 are two pieces: word2, ##0.
    pieces = in_vocabulary + 2 * (len(words) - in_vocabulary)
    assert (~specials).sum() == pieces
    totals = manifest["totals"]
    assert totals["pieces"] == totals["pieces_kept"] == pieces
    assert totals["kept_fraction"] == 1.0
    lines = [line for line in (corpus / "text.txt").read_text().split("\n") if line]
    assert totals["lines"] == len(lines)
    assert totals["real_tokens"] == features["input_mask"].sum()
    assert totals["examples"] == len(features["input_ids"])
    assert len(manifest["shards"]) > 5
    assert {path.name for path in (corpus / "records").iterdir()} == {
        "manifest.json", *(shard["file"] for shard in manifest["shards"])
    }  # fmt: skip


def test_paragraphs_are_named_where_sentences_are_needed(corpus):
    """A line of the corpus has 20 pieces on average."""
    for example_format, length, is_named in (
        ("sentence_order", 32, True),
        ("next_sentence", 64, False),
        ("electra", 32, False),
    ):
        said = []
        data = dataclasses.replace(
            DATA, example_format=example_format, max_seq_length=length
        )
        build(corpus, f"{example_format}", data, progress=said.append)
        warnings = [line for line in said if "one sentence a line" in line]
        assert len(warnings) == is_named, said
        assert not is_named or "warning: a line has 20 pieces" in warnings[0]


PLAIN = dataclasses.replace(DATA, max_seq_length=16, heldout_fraction=0.0)


def build_text(corpus, lines, data=PLAIN, pieces=WORDS, output="records"):
    """The lines that a build of some text shows, and its manifest."""
    said = []
    (corpus / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocab = "\n".join([*specials, *pieces]) + "\n"
    (corpus / "vocab.txt").write_text(vocab, encoding="utf-8")
    manifest = build(corpus, output, data, progress=said.append)
    return said, manifest


def warnings_in(said):
    return [line for line in said if line.startswith("warning: ")]


@pytest.mark.parametrize(
    "pieces,line,cause",
    [
        (
            ["Der", "Hund", "x"],
            "Der Hund x x x",
            "'Hund'.*--config.data.lower_case=false",
        ),
        (["\ud55c\uad6d", "x"], "\ud55c\uad6d x x x", "strip_accents=false"),
        (["f\xfcr", "x"], "f\xfcr x x x", "strip_accents=false"),
        (["word", "x"], "\u043c\u0438\u0440 x x x", "another language or script"),
    ],
)
def test_unknown_pieces_are_counted_and_their_cause_named(corpus, pieces, line, cause):
    said, manifest = build_text(corpus, [line] * 20, pieces=pieces)
    totals = manifest["totals"]
    assert totals["pieces_unknown"] == 20 * (5 - line.count("x") - (pieces[0] != "Der"))
    share = f"{totals['unknown_fraction']:.1%}"
    assert any(f"text kept, {share} of its pieces unknown" in text for text in said)
    (warning,) = [text for text in warnings_in(said) if "[UNK]" in text]
    assert re.search(f"{share} of the pieces are .*{cause}", warning)


def test_known_text_gives_no_warning(corpus):
    said = []
    build(corpus, "records", progress=said.append)
    assert not warnings_in(said) and "0.0% of its pieces unknown" in said[-1]


@pytest.mark.parametrize(
    "line,script",
    [
        ("\u0939\u093f\u0928\u094d\u0926\u0940 \u0939\u0948", "Devanagari"),
        ("Ti\u1ebfng Vi\u1ec7t c\xf3 d\u1ea5u", "Vietnamese"),
        ("\u304c\u304e\u3050\u3044", "Japanese"),
        ("\ud55c\uad6d\uc5b4", "Hangul"),
        ("d\xe9j\xe0 \xe9t\xe9, \xfcber", None),
    ],
)
def test_scripts_that_accent_stripping_harms_are_said_once(corpus, line, script):
    data = dataclasses.replace(PLAIN, shard_size_mb=0.0005)
    said, manifest = build_text(corpus, [line, ""] * 30, data)
    found = [text for text in said if "data.strip_accents changes" in text]
    assert len(found) == (script is not None)
    assert list(manifest["totals"]["letters_harmed"]) == ([script] if script else [])
    if script:
        share = sum(manifest["totals"]["letters_harmed"].values())
        share /= manifest["totals"]["letters"]
        assert f"{share:.1%} {script}" in found[0]
        assert "--config.data.strip_accents=false" in found[0]
    data = dataclasses.replace(data, strip_accents=False)
    said, _ = build_text(corpus, [line, ""] * 30, data, output="kept")
    assert not any("strip_accents changes" in text for text in said)


def test_padding_is_reported(corpus):
    for size, is_named in ((3, True), (40, False)):
        lines = [" ".join(WORDS[:size]), ""] * 30
        said, manifest = build_text(corpus, lines, output=f"of_{size}")
        padding = manifest["totals"]["padding_fraction"]
        features = read(corpus / f"of_{size}", "*.tfrecord", PLAIN)
        np.testing.assert_allclose(padding, 1 - features["input_mask"].mean())
        assert f"{padding:.0%} padding" in said[-1 - is_named]
        warnings = [text for text in said if "records is padding" in text]
        assert len(warnings) == is_named
        assert not is_named or "a document has 3 pieces" in warnings[0]


@pytest.mark.parametrize(
    "example_format,separator,message",
    [
        ("sentence_order", ["", ""], "100% of the documents have one line"),
        ("next_sentence", ["", ""], "100% of the documents have one line"),
        ("next_sentence", [], "hold one document .1 documents in all"),
        ("sentence_order", [], None),
        ("electra", ["", ""], None),
    ],
)
def test_documents_that_sentence_tasks_cannot_use(
    corpus, example_format, separator, message
):
    data = dataclasses.replace(PLAIN, example_format=example_format)
    lines = []
    for i in range(30):
        lines += [" ".join(WORDS[i : i + 7]), *separator]
    said, _ = build_text(corpus, lines, data)
    warnings = warnings_in(said)
    assert len(warnings) == (message is not None), said
    assert message is None or re.search(message, warnings[0])


def test_other_encodings_are_named_read_and_counted(corpus):
    lines = ["word1 word2 \xe4\xf6\xfc", ""] * 30
    text = "\n".join(lines).encode("cp1252")
    (corpus / "text.txt").write_bytes(text)
    with pytest.raises(TextError, match="--config.data.encoding=cp1252"):
        build(corpus, "records")
    # What the message advises continues in the same folder, where nothing was built.
    data = dataclasses.replace(DATA, encoding="cp1252")
    manifest = build(corpus, "records", data)
    assert manifest["settings"]["encoding"] == "cp1252"
    assert manifest["totals"]["characters_replaced"] == 0
    (corpus / "text.txt").write_bytes("\n".join(lines).encode("utf-8"))
    shards = build(corpus, "utf8")["shards"]
    assert shards == manifest["shards"]
    (corpus / "text.txt").write_bytes(text)
    said = []
    data = dataclasses.replace(DATA, errors="replace")
    manifest = build(corpus, "replaced", data, progress=said.append)
    assert manifest["totals"]["characters_replaced"] == 90
    assert any("warning: 90 characters could not be read" in line for line in said)


def test_what_was_recognised_is_said_and_kept(corpus):
    rows = [json.dumps({"text": f"word{i}\nword2"}) for i in range(30)]
    said, manifest = build_text(corpus, rows)
    assert "JSON lines" in said[0] and list(manifest["read_as"].values()) == [1]
    assert manifest["totals"]["documents"] == 30


def test_folders_of_versions_without_encoding_are_still_good(corpus):
    manifest = build(corpus, "records")
    assert "encoding" not in manifest["settings"]
    with pytest.raises(ConfigError, match="encoding: None -> 'cp1252'"):
        build(corpus, "records", dataclasses.replace(DATA, encoding="cp1252"))


def test_static_records_hold_masks_and_copies_differ(corpus):
    manifest = build(corpus, "records", STATIC)
    copies = [
        read(corpus / "records", f"train-*-0{d}.tfrecord", STATIC) for d in (0, 1)
    ]
    assert not list((corpus / "records").glob("heldout-*-01.tfrecord"))
    assert manifest["totals"]["kept_fraction"] == 1.0
    for features in copies:
        row, slot = np.nonzero(features["masked_lm_weights"])
        seen = features["input_ids"][row, features["masked_lm_positions"][row, slot]]
        np.testing.assert_allclose((seen == 4).mean(), 0.8, atol=0.03)
        budget = np.round(features["input_mask"].sum(1) * 0.15).clip(1, 4)
        # A word of two pieces does not fit into what may be left.
        filled = features["masked_lm_weights"].sum(1)
        assert (filled <= budget).all() and filled.sum() > 0.95 * budget.sum()
        original = features["input_ids"].copy()
        original[row, features["masked_lm_positions"][row, slot]] = features[
            "masked_lm_ids"
        ][row, slot]
        is_word = np.ones(36, bool)
        is_word[6:16] = False
        expected = is_word[original] & (features["input_mask"] == 1)
        np.testing.assert_array_equal(features["token_boundary"], expected)
    assert copies[0]["input_ids"].tolist() != copies[1]["input_ids"].tolist()


@pytest.mark.integration
def test_bytes_do_not_depend_on_workers_or_on_being_killed(corpus):
    build(corpus, "one", STATIC, num_workers=1)
    # Killed when a shard is finished, but its statistics are not.
    program = f"""
import os, signal, sys
from pathlib import Path
sys.path[:0] = {[str(ROOT), str(TESTS), str(TESTS / "data")]!r}
import test_build_records as this
from tf_pretrain import atomic_files
write_json = atomic_files.write_json
def write_or_die(path, values, is_shared=False):
    if path.name == "train-000002.json" and len(values["shards"]) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    write_json(path, values, is_shared)
atomic_files.write_json = write_or_die
this.build(Path({str(corpus)!r}), "two", this.STATIC)
"""
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    names = {path.name for path in (corpus / "two").iterdir()}
    assert "train-000001.json" in names and "manifest.json" not in names
    assert "train-000002-000-01.tfrecord" in names  # which its state does not know yet
    kept = ["train-000001-000-01.tfrecord", "train-000002-000-00.tfrecord"]
    kept = {corpus / "two" / name: (corpus / "two" / name).stat() for name in kept}
    (corpus / "two/train-000003-000-00.tfrecord.tmp").write_bytes(b"half a shard")

    build(corpus, "two", STATIC, num_workers=2)
    assert content(corpus / "one") == content(corpus / "two")
    for path, stat in kept.items():
        assert path.stat().st_mtime_ns == stat.st_mtime_ns


def test_a_finished_build_is_not_repeated(corpus):
    first = build(corpus, "records")
    before = {p: p.stat().st_mtime_ns for p in (corpus / "records").iterdir()}
    assert build(corpus, "records") == first
    assert before == {p: p.stat().st_mtime_ns for p in (corpus / "records").iterdir()}


def test_other_settings_or_inputs_are_refused_by_name(corpus):
    build(corpus, "records")
    other = DataConfig(max_seq_length=64, shard_size_mb=0.02, heldout_fraction=0.1)
    with pytest.raises(ConfigError, match="max_seq_length: 32 -> 64"):
        build(corpus, "records", other)
    with pytest.raises(ConfigError, match="seed: 3 -> 4"):
        build(corpus, "records", seed=4)
    with (corpus / "text.txt").open("a") as file:
        file.write("word1 word2\n")
    with pytest.raises(ConfigError, match="inputs.0.size"):
        build(corpus, "records")


def test_settings_that_records_do_not_depend_on_may_change(corpus):
    first = build(corpus, "records")
    data = DataConfig(
        max_seq_length=32, shard_size_mb=0.02, heldout_fraction=0.1,
        masked_lm_prob=0.25, shuffle_buffer=1,
    )  # fmt: skip
    assert build(corpus, "records", data) == first


def test_text_without_words_is_an_error(corpus):
    text = (corpus / "text.txt").read_text()
    for nothing in ("\n \n", "\u200b\n"):  # the second is one document, of no piece
        (corpus / "text.txt").write_text(nothing)
        with pytest.raises(BuildError, match="no training example"):
            build(corpus, "records")
    # Nothing is left of it that the next build would take for its own.
    (corpus / "text.txt").write_text(text)
    assert build(corpus, "records") == build(corpus, "other")


def test_inputs_count_by_name_and_size_wherever_they_are(corpus, monkeypatch):
    first = build(corpus, "records")
    monkeypatch.chdir(corpus)
    assert build(Path("."), corpus / "records") == first


@pytest.mark.integration
def test_an_error_in_a_worker_is_reported_with_its_traceback(corpus):
    (corpus / "vocab.txt").write_text("no special pieces\n")
    with pytest.raises(ValueError) as error:
        build(corpus, "records", num_workers=2)
    assert "load_tokenizer" in str(error.value.__cause__)  # the worker's frames


def heldout_documents(path, documents, fraction, seed=0):
    """What is held out of a file of these documents, and that nothing is lost."""
    path.write_text("\n\n".join("\n".join(document) for document in documents))
    data = DataConfig(heldout_fraction=fraction, shard_size_mb=0.004)
    units = chunks.plan_units(sources.find_sources(str(path)), data.shard_size_mb)
    bound = chunks.heldout_bound(units, data, seed)
    settings = shards.BuildSettings("", "", data, seed, bound)
    found = {"train": [], "heldout": []}
    for task in chunks.plan_tasks(units, fraction):
        selected = shards.selected_documents(settings, task, {})
        found[task.split] += [document for document, _ in selected]
    assert sorted(found["train"] + found["heldout"]) == sorted(documents)
    return found["heldout"]


def test_documents_are_held_out_by_a_hash(tmp_path):
    documents = [[f"document {i}"] for i in range(3000)]

    def heldout(number, fraction, seed=0):
        path = tmp_path / "a.txt"
        return heldout_documents(path, documents[:number], fraction, seed)

    assert heldout(1, 0.5) == [] == heldout(3000, 0.0)
    # One of two is held out, whatever the fraction is.
    (one,) = heldout(2, 1e-9)
    assert heldout(2, 1.0) == [one] and heldout(2, 1e-9, 1) != [one]
    (smallest,) = heldout(3000, 1e-9)
    assert len(heldout(3000, 1.0)) == 2999
    np.testing.assert_allclose(len(heldout(3000, 0.1)), 300, atol=60)
    assert smallest in heldout(3000, 0.1)
    assert heldout(3000, 0.1) != heldout(3000, 0.1, seed=1)
    # A longer corpus holds out the same documents, and more.
    assert heldout(3000, 0.1)[: len(heldout(2000, 0.1))] == heldout(2000, 0.1)
    # Their order and neighbours do not matter.
    expected = heldout(3000, 0.1)
    documents = documents[::-1]
    assert sorted(heldout(3000, 0.1)) == sorted(expected)


def test_copies_of_a_document_are_all_on_one_side(tmp_path):
    documents = [[f"document {i % 50}"] for i in range(1000)]
    found = heldout_documents(tmp_path / "a.txt", documents, 0.2)
    assert len(found) == 20 * len({tuple(document) for document in found}) > 0


def test_units_are_ranges_of_large_files_and_groups_of_small_ones(tmp_path):
    for name, size in (("a", 300), ("b", 400), ("c", 2500), ("d", 0), ("e", 900)):
        (tmp_path / name).write_text("x" * size)
    (tmp_path / "f.gz").write_bytes(gzip.compress(random.Random(0).randbytes(3000)))
    found = sources.find_sources(f"{tmp_path}/*")
    units = chunks.plan_units(found, 0.001)
    ranges = [[(r.name[-1], r.start, r.stop) for r in u.ranges] for u in units]
    assert ranges == [
        [("a", 0, None), ("b", 0, None)],
        [("c", 0, 833)],
        [("c", 833, 1666)],
        [("c", 1666, 2500), ("d", 0, None)],
        [("e", 0, None)],
        [("z", 0, None)],
    ]
    assert sum(unit.size for unit in units) == sum(source.size for source in found) - 1
    tasks = chunks.plan_tasks(units, 0.25)
    heldout = [(t.number, len(t.units)) for t in tasks if t.split == "heldout"]
    assert heldout == [(0, 4), (1, 2)]
    assert [t.number for t in tasks if t.split == "train"] == [0, 1, 2, 3, 4, 5]


def test_large_packed_files_become_several_shards(corpus):
    content = (corpus / "text.txt").read_bytes()
    (corpus / "text.txt").write_bytes(gzip.compress(content))
    manifest = build(corpus, "packed")
    names = [shard["file"] for shard in manifest["shards"]]
    assert "train-000000-003-00.tfrecord" in names
    (corpus / "text.txt").write_bytes(content)
    plain = build(corpus, "plain")["totals"]
    # The same documents on both sides; only where the shards end differs.
    for name in ("documents", "lines", "pieces", "letters"):
        assert manifest["totals"][name] == plain[name]
    largest = max(shard["text_bytes"] for shard in manifest["shards"])
    assert 30_000 <= largest < 35_000


def test_chunks_are_whole_documents_of_about_the_size():
    task = chunks.Task("train", 7, ())
    documents = [(["x" * 99] * 3, 300)] * 103
    data = DataConfig(heldout_fraction=0.0, shard_size_mb=0.001)
    groups = list(chunks.group_documents(task, documents, data))
    assert [len(group.documents) for group in groups] == [5] * 20 + [3]
    assert {group.text_bytes for group in groups} == {1500, 900}
    assert groups[3].shard_name(2) == "train-000007-003-02.tfrecord"


def test_builds_of_other_versions(corpus):
    """A finished one is good; one that was begun cannot go on."""
    manifest = build(corpus, "records")
    del manifest["layout"]
    path = corpus / "records/manifest.json"
    path.write_text(json.dumps(manifest))
    assert build(corpus, "records")["shards"] == manifest["shards"]
    path.rename(corpus / "records/build.json")
    with pytest.raises(ConfigError, match="another version of the program began"):
        build(corpus, "records")


@pytest.mark.integration
def test_command_line(corpus):
    config = corpus / "config.py"
    config.write_text(
        "from tf_pretrain.config import DataConfig, PretrainConfig\n"
        "def get_config():\n"
        "    return PretrainConfig(data=DataConfig(max_seq_length=32))\n"
    )
    command = [
        "-m", "tf_pretrain.build_records", "--num_workers=1",
        f"--input={corpus}/text.txt", f"--output={corpus}/records",
        f"--config={config}",
    ]  # fmt: skip
    given = f"--vocab={corpus}/vocab.txt"

    def run(*arguments):
        return programs.run(*command, *arguments)

    result = run(given, "--config.data.max_seq_length=16")
    assert result.returncode == 0, result.stderr
    assert "100.0% of the text kept" in result.stderr
    manifest = json.loads((corpus / "records/manifest.json").read_text())
    assert manifest["settings"]["max_seq_length"] == 16
    result = run(given)
    assert result.returncode == 1
    assert result.stderr.strip().endswith("max_seq_length: 16 -> 32")
    # Without --vocab one is trained, and lies beside the records.
    trained = f"--output={corpus}/trained"
    result = run(trained, "--config.model.vocab_size=60")
    assert result.returncode == 0, result.stderr
    pieces = (corpus / "trained/vocab.txt").read_text().split()
    assert 40 < len(pieces) <= 60
    result = run(trained, given)
    assert result.returncode == 1
    assert "holds another tokenizer" in result.stderr
