"""Original TF1 checkpoints in and out, against the golden checkpoints and NumPy."""

import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf

from tf_pretrain.config import PretrainConfig, generator_config
from tf_pretrain.interchange import formats, loading, pretraining_workdir
from tf_pretrain.interchange.formats import read
from tf_pretrain.interchange.pretrained import InterchangeError
from tf_pretrain.interchange.tf1 import checkpoint as tf1
from tf_pretrain.training.optimizers import AdamW
from tf_pretrain.training.trainer import Trainer

SETS = ["electra_pretrain", "albert_pretrain_g1", "albert_pretrain_g2i2"]


def prefix_of(folder):
    (index,) = folder.glob("*.index")
    return str(index.with_suffix(""))


def rewrite(source, folder, keep=lambda name: True, change=lambda name, value: value):
    """Copies a checkpoint's folder with some tensors left out or changed."""
    folder.mkdir()
    for file in source.glob("*"):
        if file.suffix in (".json", ".txt"):
            shutil.copy(file, folder / file.name)
    reader = tf.train.load_checkpoint(prefix_of(source))
    names = [n for n in reader.get_variable_to_shape_map() if keep(n)]
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model.ckpt-1"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(change(n, reader.get_tensor(n))) for n in names],
    )
    return folder


@pytest.mark.parametrize("name", SETS)
def test_reads_every_tensor_and_slot(golden, name):
    """Counts come from the checkpoint itself, not from our names."""
    reader = tf.train.load_checkpoint(prefix_of(golden / name))
    names = set(reader.get_variable_to_shape_map())
    slots = {n for n in names if n.endswith(("/adam_m", "/adam_v"))}
    pretrained = read(golden / name)
    assert pretrained.unused == [] and pretrained.missing() == []
    assert len(pretrained.weights) == len(names - slots) - 1  # global_step
    assert sum(len(part) for part in pretrained.moments.values()) == len(slots)
    assert pretrained.step == reader.get_tensor("global_step")


@pytest.mark.parametrize("name", SETS)
def test_round_trip_through_our_form_is_bit_identical(golden, name, tmp_path):
    formats.convert(golden / name, tmp_path / "keras", "keras")
    formats.convert(tmp_path / "keras", tmp_path / "tf1", "tf1")
    before = tf.train.load_checkpoint(prefix_of(golden / name))
    after = tf.train.load_checkpoint(prefix_of(tmp_path / "tf1"))
    shapes = before.get_variable_to_shape_map()
    assert shapes == after.get_variable_to_shape_map()
    for tensor in shapes:
        expected, got = before.get_tensor(tensor), after.get_tensor(tensor)
        assert expected.dtype == got.dtype and expected.tobytes() == got.tobytes()
    again = read(tmp_path / "tf1")
    assert again.config.model == read(golden / name).config.model
    assert again.config.objective == read(golden / name).config.objective


def test_sizes_heads_and_generator_come_from_the_checkpoint(golden):
    expected = json.loads(
        (golden / "electra_pretrain/resolved_config.json").read_text()
    )
    config = read(golden / "electra_pretrain").config
    for part, model in (
        ("discriminator", config.model),
        ("generator", generator_config(config)),
    ):
        values = dataclasses.asdict(model)
        assert {key: values[key] for key in expected[part]} == expected[part]


def test_without_hparams_heads_are_the_released_rule(golden, tmp_path):
    folder = rewrite(golden / "electra_pretrain", tmp_path / "bare")
    (folder / "hparams.json").unlink()
    pretrained = read(folder)
    assert pretrained.config.model.num_attention_heads == 1  # 80 // 64
    assert "1 attention heads (hidden_size / 64)" in pretrained.report()


def test_a_discriminator_alone(golden, tmp_path):
    """It loads as an encoder; pretraining asks for the generator, or starts one."""
    folder = rewrite(
        golden / "electra_pretrain",
        tmp_path / "discriminator",
        keep=lambda n: not n.startswith("generator") and "adam" not in n,
    )
    both = loading.load_encoder(golden / "electra_pretrain")
    alone = loading.load_encoder(folder)
    features = {"input_ids": np.arange(12).reshape(2, 6)}
    np.testing.assert_array_equal(
        alone(features)["sequence_output"], both(features)["sequence_output"]
    )
    with pytest.raises(InterchangeError, match="a discriminator and no generator"):
        loading.load_pretrainer(folder)
    trainer = loading.load_pretrainer(folder, initialize_missing=True)
    kernel = trainer.network.discriminator.attention[0].query.kernel
    expected = tf.train.load_checkpoint(prefix_of(folder)).get_tensor(
        "electra/encoder/layer_0/attention/self/query/kernel"
    )
    np.testing.assert_array_equal(kernel, expected)


def test_a_generator_alone_is_a_masked_language_model(golden, tmp_path):
    folder = rewrite(
        golden / "electra_pretrain",
        tmp_path / "generator",
        keep=lambda n: n.startswith(("generator", "electra/embeddings/")),
    )
    pretrained = read(folder)
    assert pretrained.config.objective.name == "masked_lm"
    assert pretrained.missing() == [] and pretrained.unused == []
    both = loading.load_pretrainer(golden / "electra_pretrain").network
    features = {"input_ids": np.arange(12).reshape(2, 6)}
    np.testing.assert_allclose(
        loading.load_encoder(folder)(features)["sequence_output"],
        both.generator(features)["sequence_output"],
        atol=1e-6,
    )


def test_heads_and_slots_may_be_missing(golden, tmp_path):
    folder = rewrite(
        golden / "albert_pretrain_g1",
        tmp_path / "encoder",
        keep=lambda n: n.startswith("bert/") and not n.endswith("adam_v"),
    )
    pretrained = read(folder)
    assert pretrained.moments == {} and pretrained.step == 0
    assert "optimizer slots are incomplete" in pretrained.report()
    assert {name.split("/")[0] for name in pretrained.missing()} == {
        "masked_lm_head",
        "sentence_head",
    }
    loading.load_encoder(folder)
    with pytest.raises(InterchangeError, match="lacks .*masked_lm_head"):
        loading.load_pretrainer(folder)


def test_what_is_left_over_is_named(golden, tmp_path):
    folder = rewrite(
        golden / "electra_pretrain",
        tmp_path / "task",
        change=lambda n, v: v,
    )
    reader = tf.train.load_checkpoint(prefix_of(folder))
    names = [*reader.get_variable_to_shape_map()]
    tensors = [tf.constant(reader.get_tensor(n)) for n in names]
    names.append("task_specific/cola/dense/kernel")
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model.ckpt-1"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[*tensors, tf.zeros([80, 2])],
    )
    assert read(folder).unused == ["task_specific/cola/dense/kernel"]


def test_moments_and_step_are_restored(golden, tmp_path):
    pretrained = read(golden / "albert_pretrain_g1")
    trainer = Trainer(pretrained.build())
    trainer.compile(optimizer=AdamW(1e-4))
    step = loading.initialize(trainer, pretrained, pretrained.config, False, True)
    reader = tf.train.load_checkpoint(prefix_of(golden / "albert_pretrain_g1"))
    assert step == trainer.optimizer.iterations == reader.get_tensor("global_step")
    variable = trainer.network.encoder.pooler.kernel
    index = trainer.optimizer._get_variable_index(variable)
    np.testing.assert_array_equal(
        trainer.optimizer._v[index],
        reader.get_tensor("bert/pooler/dense/kernel/adam_v"),
    )
    pretrained.moments = {}
    with pytest.raises(InterchangeError, match="no optimizer moments"):
        loading.initialize(trainer, pretrained, pretrained.config, False, True)


class TestBadInput:
    def test_truncated(self, golden, tmp_path):
        folder = rewrite(golden / "albert_pretrain_g1", tmp_path / "cut")
        data = folder / "model.ckpt-1.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:-1000])
        with pytest.raises(InterchangeError, match="model.ckpt-1"):
            read(folder)

    def test_damaged_index(self, golden, tmp_path):
        folder = rewrite(golden / "albert_pretrain_g1", tmp_path / "cut")
        index = folder / "model.ckpt-1.index"
        index.write_bytes(index.read_bytes()[:100])
        with pytest.raises(InterchangeError, match="not a readable checkpoint"):
            read(folder)

    def test_another_model(self, tmp_path):
        tf.raw_ops.SaveV2(
            prefix=str(tmp_path / "model"),
            tensor_names=["gpt/encoder/layer_0/attention/self/query/kernel"],
            shape_and_slices=[""],
            tensors=[tf.zeros([4, 4])],
        )
        with pytest.raises(InterchangeError, match="neither ELECTRA nor ALBERT"):
            read(tmp_path)

    def test_a_config_that_does_not_fit(self, golden, tmp_path):
        folder = rewrite(golden / "albert_pretrain_g1", tmp_path / "wide")
        path = folder / "albert_config.json"
        values = json.loads(path.read_text())
        path.write_text(json.dumps(values | {"intermediate_size": 200}))
        expected = (
            r"feed_forward_0/intermediate/kernel has shape .* expects \(96, 200\)"
        )
        with pytest.raises(InterchangeError, match=expected):
            read(folder)

    def test_a_tensor_of_the_wrong_shape(self, golden, tmp_path):
        folder = rewrite(
            golden / "electra_pretrain",
            tmp_path / "wrong",
            change=lambda n, v: (
                v[:-1] if n == "electra/embeddings/LayerNorm/beta" else v
            ),
        )
        with pytest.raises(InterchangeError, match="embeddings/layer_norm/beta has"):
            read(folder)

    def test_no_config_beside_albert(self, golden, tmp_path):
        folder = rewrite(golden / "albert_pretrain_g1", tmp_path / "bare")
        (folder / "albert_config.json").unlink()
        with pytest.raises(InterchangeError, match="needs its albert_config.json"):
            read(folder)

    def test_several_checkpoints(self, golden, tmp_path):
        folder = rewrite(golden / "albert_pretrain_g1", tmp_path / "two")
        for file in list(folder.glob("model.ckpt-1.*")):
            shutil.copy(file, folder / file.name.replace("ckpt-1", "ckpt-2"))
        with pytest.raises(InterchangeError, match="holds 2 checkpoints; name one"):
            read(folder)
        assert read(folder / "model.ckpt-2").missing() == []
        (folder / "checkpoint").write_text(
            'model_checkpoint_path: "/elsewhere/model.ckpt-2"\n'
        )
        assert "model.ckpt-2" in read(folder).source

    def test_no_such_path(self, tmp_path):
        with pytest.raises(InterchangeError, match="there is no"):
            read(tmp_path / "none")
        with pytest.raises(InterchangeError, match="is none of: a pretraining workdir"):
            read(tmp_path)


def test_without_tensorflow(golden, tmp_path, monkeypatch):
    """A line that says what to do, both ways."""
    pretrained = read(golden / "albert_pretrain_g1")
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # its import fails
    with pytest.raises(InterchangeError, match="reading the TF1.*pip install"):
        read(golden / "albert_pretrain_g1")
    with pytest.raises(InterchangeError, match="writing a TF1.*pip install"):
        tf1.write(pretrained, tmp_path)


def test_what_no_original_program_can_hold(golden, tmp_path):
    pretrained = read(golden / "albert_pretrain_g1")
    model = dataclasses.replace(pretrained.config.model, parameter_sharing="ffn")
    pretrained.config = dataclasses.replace(pretrained.config, model=model)
    with pytest.raises(
        InterchangeError, match="cannot share attention or feed-forward"
    ):
        tf1.write(pretrained, tmp_path)


def test_a_generator_that_the_program_would_build_otherwise(golden, tmp_path):
    """It has 64 units a head there, which shapes do not show. ReLU goes along."""
    pretrained = read(golden / "electra_pretrain")
    model = dataclasses.replace(pretrained.config.model, hidden_act="relu")
    pretrained.config = dataclasses.replace(pretrained.config, model=model)
    tf1.write(pretrained, tmp_path)
    assert read(tmp_path).config.model.hidden_act == "relu"
    generator = generator_config(pretrained.config)
    model = dataclasses.replace(
        model, hidden_size=generator.hidden_size, num_attention_heads=2
    )
    objective = dataclasses.replace(
        pretrained.config.objective, generator_hidden_size=1.0
    )
    pretrained.config = dataclasses.replace(
        pretrained.config, model=model, objective=objective
    )
    with pytest.raises(InterchangeError, match="64 units a head"):
        tf1.write(pretrained, tmp_path / "other")


def test_the_output_is_never_half_written(golden, tmp_path, monkeypatch):
    def fail(pretrained, folder):
        (folder / "config.json").write_text("{")
        raise OSError("No space left on device")

    monkeypatch.setattr(pretraining_workdir, "write", fail)
    with pytest.raises(OSError, match="No space"):
        formats.convert(golden / "albert_pretrain_g1", tmp_path / "out", "keras")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        formats.convert(golden / "albert_pretrain_g1", tmp_path / "out", "keras")


def test_sections_of_a_run_that_continues(golden):
    config = read(golden / "electra_pretrain").config
    sections = loading.sections_from_weights(read(golden / "electra_pretrain"))
    assert sections["model"] == dataclasses.asdict(config.model)
    assert sections["objective"]["generator_hidden_size"] == 0.5
    assert set(sections["objective"]) < set(
        dataclasses.asdict(PretrainConfig().objective)
    )
