"""Whole runs: text to a trained encoder, stopped and continued."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tf_pretrain
from support import programs
from support.corpus import write_corpus
from support.paths import ROOT
from support.tiny import one_layer_config
from tf_pretrain.config import PretrainConfig, load
from tf_pretrain.data import pipelines
from tf_pretrain.errors import ConfigError, UserError
from tf_pretrain.inspection import heldout
from tf_pretrain.interchange.pretrained import InterchangeError
from tf_pretrain.runs.data import Sources, prepare_data
from tf_pretrain.runs.initial import InitialWeights
from tf_pretrain.runs.pretrain import pretrain
from tf_pretrain.runs.workdir import report
from tf_pretrain.training.checkpoints import weights_sha256

pytestmark = pytest.mark.usefixtures("traced_once")


def _config(name="replaced_token_detection", sentence="none", **train):
    settings = {"num_steps": 6, "checkpoint_every": 2, "log_every": 2, "eval_steps": 2}
    data = {"max_seq_length": 24, "heldout_fraction": 0.2}
    if sentence != "none":
        data |= {"masking": "static", "tokenizer": "sentencepiece"}
    return one_layer_config(
        name,
        sentence,
        model={"vocab_size": 120, "hidden_dropout_prob": 0.1},
        data=data,
        train={**settings, **train},
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("text") / "corpus.txt")


@pytest.fixture(
    scope="module",
    params=[("replaced_token_detection", "none"), ("masked_lm", "sentence_order")],
    ids=["electra", "albert"],
)
def finished(request, corpus, tmp_path_factory, traced_once):
    """(config, sources, workdir, results) of an unbroken run."""
    config = _config(*request.param)
    workdir = tmp_path_factory.mktemp("run")
    sources = Sources(inputs=str(corpus), num_workers=1)
    return config, sources, workdir, pretrain(config, workdir, sources)


def test_workdir_holds_what_is_documented(finished):
    config, _, workdir, results = finished
    vocabulary = "vocab.txt" if config.data.tokenizer == "wordpiece" else "spiece.model"
    for name in (
        "config.json",
        vocabulary,
        "tokenizer.json",
        "metrics.jsonl",
        "curves.png",
        "results.json",
        "example.json",
        "example.png",
    ):
        assert (workdir / name).stat().st_size > 0
    assert list((workdir / "tensorboard").iterdir())
    assert json.loads((workdir / "results.json").read_text()) == results
    assert results["step"] == 6
    assert results["tokens_per_s"] > 0
    steps = [json.loads(line) for line in open(workdir / "metrics.jsonl")]
    assert [r["step"] for r in steps if "eval" in r] == [0, 2, 4, 6]
    assert [r["step"] for r in steps if "eval" not in r] == [1, 2, 4, 6]
    if config.objective.name == "masked_lm":
        assert "sentence_order_accuracy" in results["eval"]
    else:
        assert "replaced_token_auc" in results["eval"]
    assert "untrained" in report(results, workdir)


def test_guessing_by_frequency_is_scored_beside_the_run(finished):
    """The piece frequencies of the training records, on the words that are held out."""
    config, sources, workdir, results = finished
    data = prepare_data(config, workdir, sources)
    counts = np.ones(config.model.vocab_size)
    for features in pipelines.evaluation_batches(
        data.training, config.data, data.tokenizer, 0, 8, 1000
    ):
        ids = np.asarray(features["input_ids"])[np.asarray(features["input_mask"]) > 0]
        np.add.at(counts, ids[~np.isin(ids, [2, 3])], 1)  # not [CLS], [SEP]
    chosen = [
        np.asarray(features["masked_lm_ids"])[
            np.asarray(features["masked_lm_weights"]) > 0
        ]
        for features in pipelines.evaluation_batches(
            data.heldout, config.data, data.tokenizer, config.seed, 8, 2
        )
    ]
    expected = -np.log(counts / counts.sum())[np.concatenate(chosen)].mean()
    for scores in (results["eval"], results["eval_untrained"]):
        assert scores["unigram_loss"] == pytest.approx(expected, rel=1e-6)


def test_example_of_a_run_is_held_out_text(finished):
    config, sources, workdir, _ = finished
    example = heldout.read(workdir)
    assert example.original[0] == "[CLS]" and "[MASK]" in example.masked
    data = prepare_data(config, workdir, sources)
    text = " ".join(example.original[1:-1])
    rows = [
        " ".join(data.tokenizer.id_to_piece(int(i)) for i in row)
        for features in pipelines.evaluation_batches(
            data.heldout, config.data, data.tokenizer, config.seed, 8, 2
        )
        for row in np.asarray(features["input_ids"])
    ]
    assert any(text in row for row in rows)
    is_electra = config.objective.name == "replaced_token_detection"
    assert (example.replaced_probability is not None) == is_electra


def test_continued_run_ends_with_the_same_bits(finished, tmp_path):
    config, sources, workdir, results = finished
    shutil.copytree(workdir, tmp_path / "run")
    for name in ("results.json", "checkpoints/step-00000006.safetensors"):
        (tmp_path / "run" / name).unlink()
    continued = pretrain(config, tmp_path / "run", sources)
    assert continued["weights_sha256"] == results["weights_sha256"]
    assert continued["eval"] == results["eval"]
    assert continued["eval_untrained"] == results["eval_untrained"]
    lines = [json.loads(line) for line in open(tmp_path / "run" / "metrics.jsonl")]
    assert [r["step"] for r in lines if "eval" in r] == [0, 2, 4, 6]


def test_run_killed_before_its_first_checkpoint_begins_anew(finished, tmp_path):
    config, sources, workdir, results = finished
    shutil.copytree(workdir, tmp_path / "run")
    (tmp_path / "run" / "results.json").unlink()
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    again = pretrain(config, tmp_path / "run", sources)
    assert again["weights_sha256"] == results["weights_sha256"]
    lines = [json.loads(line) for line in open(tmp_path / "run" / "metrics.jsonl")]
    assert [r["step"] for r in lines if "eval" in r] == [0, 2, 4, 6]


def test_finished_run_is_not_trained_again(finished):
    config, sources, workdir, results = finished
    assert pretrain(config, workdir, sources) == results


def test_another_config_is_refused(finished):
    config, sources, workdir, _ = finished
    other = _config(
        config.objective.name,
        config.objective.sentence_objective,
        learning_rate=0.5,
        log_every=1,  # may differ
    )
    with pytest.raises(ConfigError, match="train.learning_rate: 0.01 -> 0.5$"):
        pretrain(other, workdir, sources)


def test_a_run_that_could_not_begin_holds_no_config(finished, tmp_path):
    """So what its error says can be changed."""
    config, _, workdir, results = finished
    sources = Sources(records=f"{workdir}/records/train-*.tfrecord")
    large = dataclasses.replace(
        config, train=dataclasses.replace(config.train, batch_size=100_000)
    )
    with pytest.raises(UserError, match="batch_size"):
        pretrain(large, tmp_path, sources)
    again = pretrain(config, tmp_path, sources)
    assert again["weights_sha256"] == results["weights_sha256"]


def test_a_run_is_not_continued_with_another_vocabulary(finished, tmp_path):
    config, _, workdir, _ = finished
    if config.data.tokenizer != "wordpiece":
        pytest.skip("a SentencePiece model cannot be reordered by hand")
    shutil.copytree(workdir, tmp_path / "run")
    for name in ("results.json", "checkpoints/step-00000006.safetensors"):
        (tmp_path / "run" / name).unlink()
    _exchange_vocabulary(workdir / "records", tmp_path / "other")
    sources = Sources(records=f"{tmp_path}/other/train-*.tfrecord")
    before = (tmp_path / "run" / "vocab.txt").read_bytes()
    with pytest.raises(ConfigError, match="another vocabulary than the data have"):
        pretrain(config, tmp_path / "run", sources)
    assert (tmp_path / "run" / "vocab.txt").read_bytes() == before


def test_weights_of_a_finished_run_leave_nothing_to_train(finished, tmp_path):
    """With their step, as --restore_optimizer takes it."""
    config, sources, workdir, _ = finished
    initial = InitialWeights(workdir, restore_optimizer=True)
    with pytest.raises(ConfigError, match="those of step 6, and train.num_steps is 6"):
        pretrain(config, tmp_path, sources, initial)
    assert not any(tmp_path.iterdir())


@pytest.mark.integration
def test_a_run_starts_from_the_weights_of_another(finished, tmp_path):
    """Their sizes and vocabulary are taken, and its first scores are theirs."""
    config, _, workdir, results = finished
    base = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, hidden_size=64, vocab_size=500),
        train=dataclasses.replace(config.train, num_steps=1),
    )
    sources = Sources(records=f"{workdir}/records/train-*.tfrecord")
    got = pretrain(base, tmp_path, sources, InitialWeights(workdir))
    saved = load(PretrainConfig, tmp_path / "config.json")
    assert saved == dataclasses.replace(base, model=config.model)
    assert got["eval_untrained"] == pytest.approx(results["eval"], rel=1e-5)
    assert str(workdir) in got["initial_weights"]
    assert results["initial_weights"] is None
    assert "at start" in report(got, tmp_path)


@pytest.mark.integration
def test_moments_go_along_where_a_pooler_has_none(corpus, tmp_path):
    """Masked LM alone reads no pooler, so the optimizer has no moments of it."""
    config = _config("masked_lm")
    config = dataclasses.replace(
        config, model=dataclasses.replace(config.model, use_pooler=True)
    )
    sources = Sources(inputs=str(corpus), num_workers=1)
    pretrain(config, tmp_path / "run", sources)
    longer = dataclasses.replace(
        config, train=dataclasses.replace(config.train, num_steps=7)
    )
    initial = InitialWeights(tmp_path / "run", restore_optimizer=True)
    results = pretrain(longer, tmp_path / "longer", sources, initial)
    assert results["step"] == 7
    lines = [json.loads(line) for line in open(tmp_path / "longer" / "metrics.jsonl")]
    assert [r["step"] for r in lines if "eval" not in r] == [7]


def test_a_vocabulary_that_was_exchanged_is_noticed(finished, tmp_path):
    config, _, workdir, _ = finished
    if config.data.tokenizer != "wordpiece":
        pytest.skip("a SentencePiece model cannot be reordered by hand")
    shutil.copytree(workdir, tmp_path, dirs_exist_ok=True)
    assert tf_pretrain.load_tokenizer(tmp_path)
    lines = (tmp_path / "vocab.txt").read_text().split("\n")[:-1]
    (tmp_path / "vocab.txt").write_text("\n".join(lines[:5] + lines[:4:-1]) + "\n")
    with pytest.raises(InterchangeError, match="another vocabulary than the one that"):
        tf_pretrain.load_encoder(tmp_path)


def test_records_and_vocabulary_of_another_folder(finished, tmp_path):
    config, _, workdir, results = finished
    sources = Sources(records=f"{workdir}/records/train-*.tfrecord")
    got = pretrain(config, tmp_path, sources)
    assert got["weights_sha256"] == results["weights_sha256"]


def test_records_alone_and_a_vocabulary(finished, tmp_path):
    """As those of the original programs, without a manifest and a tokenizer."""
    config, _, workdir, results = finished
    for file in (workdir / "records").glob("*.tfrecord"):
        (tmp_path / "records").mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / "records")
    name = "vocab.txt" if config.data.tokenizer == "wordpiece" else "spiece.model"
    shutil.copy(workdir / name, tmp_path / name)
    records = f"{tmp_path}/records/train-*.tfrecord"
    got = pretrain(
        config,
        tmp_path / "run",
        Sources(records=records, vocab=str(tmp_path / name)),
    )
    assert got["weights_sha256"] == results["weights_sha256"]
    assert got["eval"] == results["eval"]


def test_settings_of_the_text_reach_vocabulary_and_records(tmp_path):
    text = tmp_path / "text.txt"
    text.write_bytes(b"Caf\xc3\xa9 Ole \xff end\nCaf\xc3\xa9 Ole end\n\n" * 60)
    config = _config()
    for lower_case, strip_accents, expected in (
        (True, True, "cafe ole"),
        (False, False, "Café Ole"),
    ):
        data = dataclasses.replace(
            config.data,
            lower_case=lower_case,
            strip_accents=strip_accents,
            errors="replace",
        )
        folder = tmp_path / expected[:4]
        chosen = dataclasses.replace(config, data=data)
        found = prepare_data(chosen, folder, Sources(str(text), num_workers=1))
        example = tf.train.Example.FromString(
            next(tf.data.TFRecordDataset(found.training.files[0]).as_numpy_iterator())
        )
        ids = example.features.feature["input_ids"].int64_list.value
        assert expected in found.tokenizer.detokenize(ids)
    with pytest.raises(UserError, match="not UTF-8"):
        prepare_data(config, tmp_path / "strict", Sources(str(text), num_workers=1))


def test_records_that_are_not_the_runs(finished, tmp_path):
    """Of another format, or of two vocabularies: the same features, other meanings."""
    config, _, workdir, _ = finished
    shutil.copytree(workdir / "records", tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    manifest["settings"]["example_format"] = "next_sentence"
    (tmp_path / "a" / "manifest.json").write_text(json.dumps(manifest))
    sources = Sources(records=f"{tmp_path}/a/train-*.tfrecord")
    with pytest.raises(ConfigError, match="example_format 'next_sentence', but"):
        pretrain(config, tmp_path / "run", sources)
    manifest["settings"] |= {"example_format": config.data.example_format}
    manifest["settings"]["max_seq_length"] += 8
    (tmp_path / "a" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="were built with data.max_seq_length"):
        pretrain(config, tmp_path / "run", sources)
    if config.data.tokenizer == "wordpiece":
        _exchange_vocabulary(workdir / "records", tmp_path / "b")
        own = f"{workdir}/records/train-*.tfrecord"
        both = f"{own},{tmp_path}/b/train-*.tfrecord"
        with pytest.raises(ConfigError, match="b have another vocabulary"):
            pretrain(config, tmp_path / "run2", Sources(records=both))
        heldout = Sources(records=own, eval_records=f"{tmp_path}/b/heldout-*")
        with pytest.raises(ConfigError, match="b have another vocabulary"):
            pretrain(config, tmp_path / "run2", heldout)


def _exchange_vocabulary(folder, copy):
    """A copy of records whose pieces have other numbers."""
    shutil.copytree(folder, copy)
    lines = (copy / "vocab.txt").read_text().split("\n")[:-1]
    (copy / "vocab.txt").write_text("\n".join([*lines[:5], *lines[:4:-1], ""]))


def test_records_in_several_folders(finished, tmp_path):
    """Held-out records of all of them are found, whatever names the folders."""
    config, _, workdir, _ = finished
    for name in ("a", "b"):
        shutil.copytree(workdir / "records", tmp_path / "all" / name)
    pattern = f"{tmp_path}/all/*/train-*.tfrecord"
    data = prepare_data(config, tmp_path / "run", Sources(records=pattern))
    assert {Path(f).parent.name for f in data.heldout.files} == {"a", "b"}
    manifest = json.loads((tmp_path / "all/b/manifest.json").read_text())
    manifest["settings"]["max_seq_length"] += 8
    (tmp_path / "all/b/manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="b were built with data.max_seq_length"):
        prepare_data(config, tmp_path / "run", Sources(records=pattern))


def test_held_out_records_under_another_name(finished, tmp_path, monkeypatch):
    config, _, workdir, _ = finished
    monkeypatch.chdir(workdir)
    short = "records/train-*.tfrecord"
    long = f"{workdir.resolve()}/{short}"
    for records, eval_records in ((short, long), (long, short)):
        sources = Sources(records=records, eval_records=eval_records)
        with pytest.raises(ConfigError, match="held out, but would be trained on too"):
            prepare_data(config, tmp_path, sources)


@pytest.mark.parametrize(
    "pattern,message",
    [
        ("*.tfrecord", "heldout.* is held out, but would be trained on too"),
        ("", "is a folder; add"),
    ],
)
def test_patterns_that_name_too_much(finished, tmp_path, pattern, message):
    config, _, workdir, _ = finished
    sources = Sources(records=f"{workdir}/records/{pattern}")
    with pytest.raises(ConfigError, match=message):
        pretrain(config, tmp_path, sources)


def test_public_names_load_the_trained_model(finished):
    config, _, workdir, results = finished
    trainer = tf_pretrain.load_pretrainer(workdir)
    assert weights_sha256(trainer) == results["weights_sha256"]
    encoder = tf_pretrain.load_encoder(workdir)
    outputs = encoder({"input_ids": np.array([[2, 7, 3]], np.int32)})
    assert outputs["sequence_output"].shape == (1, 3, config.model.hidden_size)
    assert ("pooled_output" in outputs) == config.model.use_pooler

    # Training goes on in the user's own `fit`.
    trainer.compile(optimizer=tf_pretrain.AdamW(1e-3))
    dataset = tf_pretrain.training_batches(
        tf_pretrain.find_records(f"{workdir}/records/train-*.tfrecord"),
        config.data,
        tf_pretrain.load_tokenizer(workdir),
        seed=1,
        batch_size=4,
    )
    history = trainer.fit(dataset, steps_per_epoch=2, verbose=0)
    assert history.history["loss"][0] > 0
    with pytest.raises(InterchangeError, match="is none of: a pretraining workdir"):
        tf_pretrain.load_encoder(workdir / "records")


def test_vocabulary_larger_than_the_model(corpus, tmp_path):
    words = [f"w{i}" for i in range(200)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (tmp_path / "vocab.txt").write_text("\n".join(special + words) + "\n")
    sources = Sources(str(corpus), vocab=str(tmp_path / "vocab.txt"), num_workers=1)
    with pytest.raises(ConfigError, match="205 pieces, but model.vocab_size is 120"):
        pretrain(_config(), tmp_path / "run", sources)
    assert not (tmp_path / "run" / "records").exists()


def test_multi_worker_needs_records(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(
        "tf_pretrain.runs.pretrain.build_strategy",
        lambda name: __import__("tensorflow").distribute.get_strategy(),
    )
    config = _config(strategy="multi_worker")
    with pytest.raises(ConfigError, match="needs --records"):
        pretrain(config, tmp_path, Sources(str(corpus)))


def _command(*arguments):
    return programs.run(ROOT / "run_pretraining.py", *arguments)


def test_dry_run_prints_the_cost():
    done = _command("--dry_run", "--config=configs/electra_small.py")
    assert done.returncode == 0, done.stderr
    assert '"hidden_size": 256' in done.stdout
    assert "total 13,483,008" in done.stdout
    assert "1.29e+18 for the run" in done.stdout


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["--config.train.num_step=5"], "did you mean 'num_steps'"),
        (["--config.data.max_seq_length=4096"], "exceeds model.max_position"),
        (["--config=configs/none.py"], "no config file configs/none.py"),
        (["--config.seed"], "write --config.seed=VALUE"),
        (["--restore_optimizer"], "--restore_optimizer needs --init_checkpoint"),
    ],
)
def test_wrong_flags_are_explained(arguments, message):
    done = _command("--dry_run", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "content,message",
    [
        (None, "corpus.txt"),
        (b"\n\n", "no text"),
        (b"good line\nbad \xff line\n", "line 2"),
        (b"one sentence only .\n" * 40, "too few"),
    ],
    ids=["missing", "empty", "not UTF-8", "too small"],
)
def test_unusable_text_is_explained(tmp_path, content, message):
    path = tmp_path / "corpus.txt"
    if content is not None:
        path.write_bytes(content)
    done = _command(
        f"--input={path}", f"--workdir={tmp_path / 'run'}", "--num_workers=1"
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
