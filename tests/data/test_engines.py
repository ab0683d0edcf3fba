"""Both engines, storage and repeated lines: the same records, whatever builds them."""

import functools
import random
import types

import pytest

from tf_pretrain import storage
from tf_pretrain.config import DataConfig
from tf_pretrain.data import deduplication, record_sets, text
from tf_pretrain.data.build_records import BuildError, build_records
from tf_pretrain.errors import ConfigError

WORDS = [f"word{i}" for i in range(40)]
DATA = DataConfig(
    max_seq_length=32,
    shard_size_mb=0.01,
    heldout_fraction=0.1,
    deduplicate_min_chars=20,
)


@pytest.fixture
def corpus(tmp_path):
    """Three files of 100 documents, in which lines come again, and a vocabulary."""
    rng = random.Random(0)
    again = [" ".join(rng.choices(WORDS, k=k)) for k in (2, 5, 9, 30)]
    for name in "abc":
        lines = []
        for _ in range(100):
            for _ in range(rng.randint(1, 9)):
                fresh = " ".join(rng.choices(WORDS, k=rng.randint(1, 25)))
                lines.append(rng.choice([*again, fresh, fresh, fresh]))
            lines.append("")
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n")
    return tmp_path


def build(corpus, output, data=DATA, inputs=None, vocab=None, **arguments):
    inputs = inputs or f"{corpus}/*.txt".replace("*", "[abc]")
    vocab = vocab or corpus / "vocab.txt"
    return build_records(inputs, vocab, output, data, 3, progress=None, **arguments)


def content(folder):
    return {path.name: path.read_bytes() for path in storage.path(folder).iterdir()}


def beam_engine(*arguments):
    """The engine, on the runner that needs no network to be found out."""
    pytest.importorskip("apache_beam", reason="the extra `beam` is not installed")
    from tf_pretrain.data import beam_engine

    return functools.partial(beam_engine.run, ["--runner=FnApiRunner", *arguments])


def test_beam_builds_the_same_bytes(corpus):
    engine = beam_engine()
    manifest = build(corpus, corpus / "local")
    assert len(manifest["shards"]) > 8
    assert {shard["split"] for shard in manifest["shards"]} == {"train", "heldout"}
    assert manifest["totals"]["duplicate_lines"] > 500
    build(corpus, corpus / "beam", engine=engine)
    assert content(corpus / "beam") == content(corpus / "local")


def test_either_engine_goes_on_where_the_other_was(corpus, monkeypatch):
    from tf_pretrain.data import build_records as module

    engine = beam_engine()
    build(corpus, corpus / "whole")
    build_task, built = module.build_task, []

    def die_at_the_fourth(settings, task):
        if len(built) == 3:
            raise KeyboardInterrupt
        built.append(task)
        return build_task(settings, task)

    monkeypatch.setattr(module, "build_task", die_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        build(corpus, corpus / "records")
    names = {path.name for path in (corpus / "records").iterdir()}
    assert "build.json" in names and "manifest.json" not in names
    (kept,) = (corpus / "records").glob("train-000001-000-00.tfrecord")
    before = kept.stat().st_mtime_ns
    build(corpus, corpus / "records", engine=engine)
    assert content(corpus / "records") == content(corpus / "whole")
    assert kept.stat().st_mtime_ns == before


def test_a_job_that_was_cancelled_is_no_finished_build(corpus, monkeypatch):
    """Some runners raise no error then."""
    engine = beam_engine()
    cancelled = types.SimpleNamespace(
        state="CANCELLED", wait_until_finish=lambda: "CANCELLED"
    )
    build(corpus, corpus / "whole")
    with monkeypatch.context() as patch:
        patch.setattr("apache_beam.Pipeline.run", lambda pipeline: cancelled)
        with pytest.raises(BuildError, match="job failed: it ended as CANCELLED"):
            build(corpus, corpus / "records", engine=engine)
    # The local engine builds the rest, and leaves nothing of the job.
    build(corpus, corpus / "records")
    assert content(corpus / "records") == content(corpus / "whole")


def test_an_error_of_a_beam_worker_is_one_line(corpus):
    engine = beam_engine()
    path = corpus / "c.txt"
    path.write_bytes(path.read_bytes() + b"caf\xe9\n")
    with pytest.raises(BuildError, match="job failed: .*c.txt line .* not UTF-8") as e:
        build(corpus, corpus / "records", engine=engine)
    assert "\n" not in str(e.value)
    engine = functools.partial(engine.func, ["--runner=Flonk"])
    with pytest.raises(BuildError, match="Unexpected pipeline runner: Flonk"):
        build(corpus, corpus / "other", engine=engine)


@pytest.mark.integration
@pytest.mark.parametrize("num_workers", [1, 2])
def test_repeated_lines_are_left_out(corpus, num_workers, monkeypatch):
    """Against a set of all lines before, in the order of the input."""
    monkeypatch.setattr(deduplication, "_PARTITION_BYTES", 10_000)
    inputs = f"{corpus}/[abc].txt"
    seen, kept, repeats = set(), [], 0
    for document in text.iter_documents(inputs):
        for line in document:
            repeats += line in seen
            if line not in seen:
                kept += line.split()
            if len(line) >= 20:
                seen.add(line)
    manifest = build(corpus, corpus / "records", num_workers=num_workers)
    assert manifest["totals"]["duplicate_lines"] == repeats > 500
    assert manifest["totals"]["pieces"] == len(kept)  # a word is a piece
    assert not (corpus / "records/duplicates").exists()
    data = DataConfig(max_seq_length=32, shard_size_mb=0.01, heldout_fraction=0.1)
    everything = build(corpus, corpus / "all", data)
    assert everything["totals"]["duplicate_lines"] == 0
    assert "deduplicate_min_chars" not in everything["settings"]


@pytest.fixture
def memory(corpus):
    """The corpus and its vocabulary in a file system in memory."""
    pytest.importorskip("upath", reason="the extra `storage` is not installed")
    root = storage.path(f"memory://{corpus.name}")
    for path in corpus.iterdir():
        (root / path.name).write_bytes(path.read_bytes())
    return root


def test_inputs_and_outputs_may_be_urls(corpus, memory):
    local = build(corpus, corpus / "local")
    inputs, vocab = f"{memory}/[abc].txt", f"{memory}/vocab.txt"
    there = build(corpus, f"{memory}/records", inputs=inputs, vocab=vocab)
    assert there["shards"] == local["shards"] and there["totals"] == local["totals"]
    written, expected = content(memory / "records"), content(corpus / "local")
    assert set(written) == set(expected)
    for name in expected.keys() - {"manifest.json"}:  # which has the inputs' names
        assert written[name] == expected[name]
    # What is finished is found there, and other text is refused.
    assert build(corpus, f"{memory}/records", inputs=inputs, vocab=vocab) == there
    with pytest.raises(ConfigError, match="inputs.0.size"):
        build(corpus, f"{memory}/records", inputs=f"{memory}/b.txt", vocab=vocab)


def test_beam_builds_from_urls(corpus, memory):
    engine = beam_engine()
    build(corpus, corpus / "local")
    inputs = f"{memory}/[abc].txt"
    build(corpus, f"{memory}/beam", inputs=inputs, engine=engine)
    written, expected = content(memory / "beam"), content(corpus / "local")
    assert set(written) == set(expected)
    for name in expected.keys() - {"manifest.json"}:
        assert written[name] == expected[name]


def test_records_at_a_url_are_refused_for_training():
    with pytest.raises(
        ConfigError, match="s3://a/train.*: records are read from disks"
    ):
        record_sets.find_records("s3://a/train-*.tfrecord")


def test_an_error_leaves_no_half_file_at_a_url(memory):
    from tf_pretrain import atomic_files

    with pytest.raises(RuntimeError):
        with atomic_files.replacing(memory / "x.tfrecord") as temporary:
            temporary.write_bytes(b"half a shard")
            raise RuntimeError
    assert not (memory / "x.tfrecord").exists()


@pytest.mark.parametrize(
    "name,message",
    [
        ("flonk://bucket/*.txt", "cannot reach flonk://bucket.*'flonk'"),
        ("memory://nowhere/*.txt", "no text file matches 'memory://nowhere"),
        ("hdfs://host/a.txt", "cannot reach hdfs://host/a.txt: "),
    ],
)
def test_storage_that_is_not_there_is_one_line(name, message):
    pytest.importorskip("upath", reason="the extra `storage` is not installed")
    with pytest.raises((storage.StorageError, text.TextError), match=message) as error:
        list(text.iter_documents(name))
    assert "\n" not in str(error.value)
