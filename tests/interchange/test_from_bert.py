"""Going on from a BERT: as it was trained, and as an ELECTRA."""

import dataclasses
import json

import numpy as np
import pytest

from support.tiny import random_features, tiny_config
from support.weights import assert_same, random_pretrained
from tf_pretrain import convert
from tf_pretrain.config import PretrainConfig, from_dict, to_dict
from tf_pretrain.interchange import combine, formats, loading
from tf_pretrain.interchange.huggingface import folder as huggingface
from tf_pretrain.interchange.pretrained import InterchangeError
from tf_pretrain.training.optimizers import AdamW
from tf_pretrain.training.trainer import Trainer

WIDE = {"embedding_size": 16}  # E = H


def bert(seed=0, **model):
    config = tiny_config("masked_lm", "next_sentence", model=WIDE | model)
    return random_pretrained(config, seed)


def of_discriminator(pretrained):
    """BERT's encoder without the pooler, by the discriminator's names."""
    return {
        path.replace("encoder/", "discriminator/"): weight
        for path, weight in pretrained.weights.items()
        if path.startswith("encoder/") and "pooler" not in path
    }


def test_the_encoder_becomes_the_discriminator(tmp_path, capsys):
    source = bert()
    huggingface.write(source, _made(tmp_path / "bert"))
    convert.main(
        [
            *(f"--input={tmp_path / 'bert'}", "--as_electra"),
            f"--output={tmp_path / 'start'}",
        ]
    )
    assert "its encoder is taken as the discriminator" in capsys.readouterr().out
    start = formats.read(tmp_path / "start")
    assert_same(start.weights, of_discriminator(source))
    missing = {path.split("/")[0] for path in start.missing()}
    assert missing == {"generator", "masked_lm_head", "replaced_token_head"}
    assert start.is_replaced_token_detection and not start.config.model.use_pooler
    features = random_features(source.config)
    np.testing.assert_array_equal(
        loading.load_encoder(tmp_path / "start")(features)["sequence_output"],
        source.build().encoder(features)["sequence_output"],
    )
    with pytest.raises(InterchangeError, match="holds a discriminator and no gen"):
        loading.load_pretrainer(tmp_path / "start")


def _made(folder):
    folder.mkdir()
    return folder


def test_a_run_begins_from_it():
    """The run's own generator and data; the rest is fresh and trains."""
    start = combine.as_electra(bert())
    sections = loading.sections_from_weights(start)
    assert sections["objective"] == {"name": "replaced_token_detection"}
    values = to_dict(tiny_config())
    for name, fields in sections.items():
        values[name] |= fields
    config = from_dict(PretrainConfig, values)
    assert config.objective.generator_hidden_size == 0.5
    trainer = Trainer(dataclasses.replace(start, config=config).build(True))
    trainer.compile(optimizer=AdamW(1e-3))
    with pytest.raises(InterchangeError, match="no generator"):
        loading.initialize(trainer, start, config, False, False)
    assert loading.initialize(trainer, start, config, True, False) == 0
    outputs = trainer.network(random_features(config))
    assert np.all(np.isfinite(outputs["replaced_logits"]))


def test_the_same_bert_as_both_networks():
    source = bert()
    whole = combine.as_electra(source, bert())
    assert whole.config.objective.weight_tying == "all"
    assert {p.split("/")[0] for p in whole.missing()} == {"replaced_token_head"}
    heads = {p: w for p, w in source.weights.items() if p.startswith("masked_lm_head/")}
    assert_same(whole.weights, of_discriminator(source) | heads)


def test_a_smaller_bert_as_the_generator():
    small = {"embedding_size": 8, "hidden_size": 8, "num_attention_heads": 1}
    generator = bert(1, **small, intermediate_size=32)
    whole = combine.as_electra(bert(), generator)
    assert whole.config.objective.weight_tying == "none"
    assert whole.config.objective.generator_hidden_size == 0.5
    path = "generator/attention_0/query/kernel"
    expected = generator.weights["encoder/attention_0/query/kernel"]
    np.testing.assert_array_equal(whole.weights[path], expected)
    with pytest.raises(InterchangeError, match="num_attention_heads 2 instead of 1"):
        combine.as_electra(bert(), bert(1, **small | {"num_attention_heads": 2}))


def test_an_electra_is_no_bert():
    with pytest.raises(InterchangeError, match="only a masked language model is made"):
        combine.as_electra(random_pretrained(tiny_config()))


def test_masked_lm_and_next_sentence_go_on(tmp_path):
    """Weights decide the model; both heads and the moments are those of the source."""
    source = random_pretrained(bert().config, moments=True)
    formats.FORMATS["tf1"].load().write(source, tmp_path)
    start = formats.read(tmp_path)
    sections = loading.sections_from_weights(start)
    assert sections["objective"] == {
        "name": "masked_lm",
        "sentence_objective": "next_sentence",
    }
    values = to_dict(tiny_config("masked_lm", "next_sentence"))
    for name, fields in sections.items():
        values[name] |= fields
    config = from_dict(PretrainConfig, json.loads(json.dumps(values)))
    trainer = Trainer(dataclasses.replace(start, config=config).build())
    trainer.compile(optimizer=AdamW(1e-3))
    assert loading.initialize(trainer, start, config, False, True) == source.step
    got = {v.path: np.array(v) for v in trainer.network.trainable_variables}
    assert_same(got, source.weights)
