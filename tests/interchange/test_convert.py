"""Weights on their way through all formats, and pretraining that goes on from them."""

import json

import numpy as np
import pytest
import tensorflow as tf

from support.programs import run
from tf_pretrain.interchange import combine, formats, loading
from tf_pretrain.interchange.formats import read
from tf_pretrain.interchange.pretrained import InterchangeError
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.strategy import build_strategy

SETS = ["electra_pretrain", "albert_pretrain_g1", "albert_pretrain_g2i2"]


@pytest.mark.parametrize("name", SETS)
def test_tf1_keras_huggingface_keras_tf1_is_bit_identical(golden, name, tmp_path):
    source = golden / name
    for number, to in enumerate(("keras", "huggingface", "keras", "tf1")):
        formats.convert(source, tmp_path / str(number), to)
        source = tmp_path / str(number)
    before = tf.train.load_checkpoint(
        next((golden / name).glob("*.index")).with_suffix("")
    )
    after = tf.train.load_checkpoint(next(source.glob("*.index")).with_suffix(""))
    weights = [
        tensor
        for tensor in before.get_variable_to_shape_map()
        if "/adam_" not in tensor and tensor != "global_step"
    ]
    assert len(weights) > 20
    for tensor in weights:
        assert before.get_tensor(tensor).tobytes() == after.get_tensor(tensor).tobytes()


def test_the_command(golden, tmp_path):
    source = f"--input={golden / 'electra_pretrain'}"
    done = run(
        *("-m", "tf_pretrain.convert", source),
        *(f"--output={tmp_path / 'hf'}", "--to=huggingface"),
    )
    assert done.returncode == 0, done.stderr
    assert "missing: nothing" in done.stdout and "left over: nothing" in done.stdout
    assert "generator/model.safetensors" in done.stdout
    failed = run(
        *("-m", "tf_pretrain.convert", source),
        *(f"--output={tmp_path / 'hf'}", "--to=huggingface"),
    )
    assert failed.returncode == 1
    assert failed.stderr.strip().endswith("exists and is not an empty folder")


@pytest.fixture
def text(tmp_path):
    words = "the of and a to in is was he for".split()
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(words, 12)) for _ in range(400)]
    documents = ["\n".join(lines[i : i + 8]) for i in range(0, 400, 8)]
    (tmp_path / "text.txt").write_text("\n\n".join(documents) + "\n")
    return tmp_path / "text.txt"


SETTINGS = (
    "--config.data.max_seq_length=16",
    "--config.data.heldout_fraction=0.1",
    "--config.data.shard_size_mb=0.01",
    "--config.train.batch_size=4",
    "--config.train.learning_rate=0.0",
    "--config.train.eval_steps=2",
    "--config.train.jit_compile=false",
    "--num_workers=1",
)


@pytest.mark.integration
def test_pretraining_goes_on_from_an_original_checkpoint(golden, text, tmp_path):
    """With rate 0 the weights stay what they were; step and moments are restored."""
    source = golden / "electra_pretrain"
    step = read(source).step
    workdir = tmp_path / "run"
    done = run(
        *("run_pretraining.py", f"--init_checkpoint={source}", f"--input={text}"),
        *(f"--workdir={workdir}", *SETTINGS, "--restore_optimizer"),
        f"--config.train.num_steps={step + 2}",
    )
    assert done.returncode == 0, done.stderr
    assert f"continuing at step {step}" in done.stdout
    before, after = read(source), read(workdir)
    assert after.step == step + 2 and after.config.model == before.config.model
    for path, weight in before.weights.items():
        np.testing.assert_array_equal(after.weights[path], weight)
    moment = next(iter(before.moments["v"]))
    assert np.any(before.moments["v"][moment])
    assert np.any(after.moments["v"][moment] != before.moments["v"][moment])
    assert after.tokenizer.fingerprint == before.tokenizer.fingerprint


def test_moments_of_a_part_are_refused(golden):
    whole = read(golden / "electra_pretrain")
    discriminator, _ = combine.split(whole)
    assert discriminator.moments
    trainer = build_trainer(whole.config, build_strategy("one"))
    trainer.optimizer.build(trainer.trainable_variables)
    with pytest.raises(
        InterchangeError, match="no optimizer moments of .* more; leave"
    ):
        loading.initialize(
            trainer,
            discriminator,
            whole.config,
            initialize_missing=True,
            restore_optimizer=True,
        )


@pytest.mark.integration
def test_a_missing_generator_is_asked_for_or_started(golden, text, tmp_path):
    formats.convert(golden / "electra_pretrain", tmp_path / "hf", "huggingface")
    (tmp_path / "hf" / "generator").rename(tmp_path / "generator")
    command = ("run_pretraining.py", f"--init_checkpoint={tmp_path / 'hf'}", *SETTINGS)
    command += (f"--input={text}", "--config.train.num_steps=1")
    refused = run(*command, f"--workdir={tmp_path / 'run'}")
    assert refused.returncode == 1
    assert "a discriminator and no generator" in refused.stderr
    started = run(
        *(*command, f"--workdir={tmp_path / 'run2'}", "--initialize_missing"),
        "--config.objective.generator_hidden_size=0.8",
    )
    assert started.returncode == 0, started.stderr
    config = json.loads((tmp_path / "run2" / "config.json").read_text())
    assert config["objective"]["generator_hidden_size"] == 0.8
    before, after = read(tmp_path / "hf"), read(tmp_path / "run2")
    assert after.missing() == []
    for path, weight in before.weights.items():
        np.testing.assert_array_equal(after.weights[path], weight)

    joined = formats.convert(
        tmp_path / "hf", tmp_path / "joined", "keras", tmp_path / "generator"
    )
    original = read(golden / "electra_pretrain")
    assert set(joined.weights) == set(original.weights)
    for path, weight in original.weights.items():
        np.testing.assert_array_equal(joined.weights[path], weight)
