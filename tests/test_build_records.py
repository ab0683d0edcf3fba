import dataclasses
import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tf_pretrain.config import ConfigError, DataConfig
from tf_pretrain.data import chunks, records
from tf_pretrain.data.batches import parsing_spec
from tf_pretrain.data.build_records import BuildError, build_records

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
SRC = Path(__file__).parents[1]


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


def test_bytes_do_not_depend_on_workers_or_on_being_killed(corpus):
    build(corpus, "one", STATIC, num_workers=1)
    # Killed when a shard is finished, but its statistics are not.
    program = f"""
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{str(SRC)!r}, {str(SRC / "tests")!r}]
import test_build_records as this
from tf_pretrain.data import atomic_files
write_json = atomic_files.write_json
def write_or_die(path, values):
    if path.name == "train-00002-01.json":
        os.kill(os.getpid(), signal.SIGKILL)
    write_json(path, values)
atomic_files.write_json = write_or_die
this.build(Path({str(corpus)!r}), "two", this.STATIC)
"""
    killed = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    names = {path.name for path in (corpus / "two").iterdir()}
    assert "train-00001-01.json" in names and "manifest.json" not in names
    kept = (corpus / "two/train-00001-01.tfrecord").stat().st_mtime_ns
    (corpus / "two/train-00003-00.tfrecord.tmp").write_bytes(b"half a shard")

    build(corpus, "two", STATIC, num_workers=2)
    assert content(corpus / "one") == content(corpus / "two")
    assert (corpus / "two/train-00001-01.tfrecord").stat().st_mtime_ns == kept


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


def test_an_error_in_a_worker_is_reported_with_its_traceback(corpus):
    (corpus / "vocab.txt").write_text("no special pieces\n")
    with pytest.raises(ValueError) as error:
        build(corpus, "records", num_workers=2)
    assert "load_tokenizer" in str(error.value.__cause__)  # the worker's frames


def test_documents_are_held_out_by_a_hash():
    documents = [[f"document {i}"] for i in range(3000)]

    def heldout(number, fraction, seed=0):
        data = DataConfig(heldout_fraction=fraction, shard_size_mb=0.001)
        groups = list(chunks.group_documents(documents[:number], data, seed))
        assert sorted(d for g in groups for d in g.documents) == sorted(
            documents[:number]
        )
        return [d for g in groups if g.split == "heldout" for d in g.documents]

    assert heldout(1, 0.5) == [] == heldout(3000, 0.0)
    assert heldout(2, 1e-9) == [documents[1]]
    assert heldout(3000, 1e-9) == [documents[-1]]
    assert heldout(2, 1.0) == [documents[1]]
    np.testing.assert_allclose(len(heldout(3000, 0.1)), 300, atol=60)
    assert heldout(3000, 0.1) != heldout(3000, 0.1, seed=1)
    # A longer corpus holds out the same documents, and more.
    assert heldout(3000, 0.1)[: len(heldout(2000, 0.1))] == heldout(2000, 0.1)


def test_chunks_are_whole_documents_of_about_the_size():
    documents = [["x" * 99] * 3] * 100
    data = DataConfig(heldout_fraction=0.0, shard_size_mb=0.001)
    groups = list(chunks.group_documents(iter(documents), data, 0))
    assert [len(group.documents) for group in groups] == [4] * 25
    assert {group.text_bytes for group in groups} == {1200}
    assert groups[7].shard_name(2) == "train-00007-02.tfrecord"


def test_command_line(corpus):
    config = corpus / "config.py"
    config.write_text(
        "from tf_pretrain.config import DataConfig, PretrainConfig\n"
        "def get_config():\n"
        "    return PretrainConfig(data=DataConfig(max_seq_length=32))\n"
    )
    command = [
        sys.executable, "-m", "tf_pretrain.build_records", "--num_workers=1",
        f"--input={corpus}/text.txt", f"--output={corpus}/records",
        f"--config={config}",
    ]  # fmt: skip
    given = f"--vocab={corpus}/vocab.txt"

    def run(*arguments):
        return subprocess.run(
            [*command, *arguments], cwd=SRC, capture_output=True, text=True
        )

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
