"""Older and damaged Hugging Face folders, and files that want to run code."""

import json
import os
import pickle
import re
import sys

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from support.tiny import tiny_config
from tf_pretrain.interchange.formats import recognize
from tf_pretrain.interchange.huggingface import folder as huggingface
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    variable_shapes,
)

ALBERT = tiny_config(
    "masked_lm",
    "sentence_order",
    model={"parameter_sharing": "all", "embedding_size": 16},  # E = H
)
WORD_TABLE = {
    "electra": "electra.embeddings.word_embeddings.weight",
    "albert": "albert.embeddings.word_embeddings.weight",
}


def write_folder(folder, config):
    """Writes a model full of noise."""
    rng = np.random.default_rng(0)
    weights = {
        path: rng.normal(0, 0.5, shape).astype(np.float32)
        for path, shape in variable_shapes(config).items()
    }
    folder.mkdir()
    huggingface.write(Pretrained(config, weights, "noise"), folder)


@pytest.fixture
def electra(tmp_path):
    """Folder of an ElectraForMaskedLM."""
    config = tiny_config("masked_lm", model={"hidden_act": "gelu"})
    write_folder(tmp_path / "electra", config)
    return tmp_path / "electra"


@pytest.fixture
def albert(tmp_path):
    """Folder of an AlbertForPreTraining with E = H."""
    write_folder(tmp_path / "albert", ALBERT)
    return tmp_path / "albert"


def edit_tensors(folder, change):
    """Puts what `change` makes of the tensors in their place."""
    path = folder / "model.safetensors"
    safetensors.numpy.save_file(change(safetensors.numpy.load_file(path)), path)


def edit_config(folder, **values):
    path = folder / "config.json"
    old = json.loads(path.read_text())
    new = {k: v for k, v in (old | values).items() if v is not Ellipsis}
    path.write_text(json.dumps(new))


def assert_same(got, expected):
    assert set(got.weights) == set(expected.weights)
    for path, value in expected.weights.items():
        np.testing.assert_array_equal(got.weights[path], value, err_msg=path)


def test_names_of_older_versions(electra, albert):
    for folder, family in ((electra, "electra"), (albert, "albert")):
        expected = huggingface.read(folder)

        def age(tensors, family=family):
            tensors[f"{family}.embeddings.position_ids"] = np.arange(24)[None]
            table = tensors[WORD_TABLE[family]]
            if family == "electra":
                tensors["generator_lm_head.weight"] = table
            else:
                tensors["predictions.decoder.weight"] = table
                tensors["predictions.decoder.bias"] = tensors.pop("predictions.bias")
            return {
                re.sub(
                    r"LayerNorm\.(weight|bias)$",
                    lambda m: "LayerNorm." + {"weight": "gamma", "bias": "beta"}[m[1]],
                    name,
                ): tensor
                for name, tensor in tensors.items()
            }

        edit_tensors(folder, age)
        got = huggingface.read(folder)
        assert_same(got, expected)
        assert not got.unused and not got.missing() and not got.notes


def test_shards(albert):
    expected = huggingface.read(albert)
    tensors = safetensors.numpy.load_file(albert / "model.safetensors")
    (albert / "model.safetensors").unlink()
    names = sorted(tensors)
    files = {}
    for i, part in enumerate((names[::2], names[1::2])):
        file = f"model-0000{i + 1}-of-00002.safetensors"
        safetensors.numpy.save_file({n: tensors[n] for n in part}, albert / file)
        files |= dict.fromkeys(part, file)
    index = albert / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": files}))
    assert_same(huggingface.read(albert), expected)

    index.write_text(json.dumps({"weight_map": files | {"more": file}}))
    with pytest.raises(InterchangeError, match="more is not in model-00002-of-00002"):
        huggingface.read(albert)
    for bad in ("../electra/model.safetensors", "model-00003.safetensors"):
        index.write_text(json.dumps({"weight_map": files | {"more": bad}}))
        with pytest.raises(InterchangeError, match=f"names '{bad}', which is not"):
            huggingface.read(albert)
    index.write_text("{}")
    with pytest.raises(InterchangeError, match="index.json has no weight_map"):
        huggingface.read(albert)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_becomes_float32(electra, dtype):
    expected = huggingface.read(electra)
    edit_tensors(electra, lambda t: {n: v.astype(dtype) for n, v in t.items()})
    got = huggingface.read(electra)
    for path, value in expected.weights.items():
        np.testing.assert_array_equal(
            got.weights[path], value.astype(dtype).astype(np.float32)
        )
    assert got.notes == [f"weights were converted from {np.dtype(dtype)}"]


def test_damaged_safetensors(electra, tmp_path):
    path = electra / "model.safetensors"
    content = path.read_bytes()
    for bad in (content[:-7], content[:100], b"", b"\x80\x04 no such format" * 9):
        path.write_bytes(bad)
        with pytest.raises(
            InterchangeError, match="model.safetensors is truncated or no safetensors"
        ):
            huggingface.read(electra)
    path.unlink()
    with pytest.raises(InterchangeError, match="electra has no weights"):
        huggingface.read(electra)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t | {WORD_TABLE["electra"]: np.zeros((49, 8), np.float32)},
            r"word_embeddings.weight is float32 \(49, 8\) .* expects float \(50, 8\)",
        ),
        (
            lambda t: t | {WORD_TABLE["electra"]: np.zeros((50, 8), np.int8)},
            r"word_embeddings.weight is int8 \(50, 8\) .* expects float \(50, 8\)",
        ),
        (
            lambda t: {"foreign": np.zeros(3, np.float32)},
            r"lacks electra.embeddings.word_embeddings.weight of shape \(50, 8\)",
        ),
        (
            lambda t: {n: v for n, v in t.items() if "1.output.dense.bias" not in n},
            r"lacks electra.encoder.layer.1.output.dense.bias of shape \(16,\)",
        ),
        (
            lambda t: t | {"generator_lm_head.weight": t[WORD_TABLE["electra"]] + 1},
            "generator_lm_head.weight differs from electra.embeddings.word",
        ),
    ],
)
def test_tensors_that_do_not_fit(electra, change, message):
    edit_tensors(electra, change)
    with pytest.raises(InterchangeError, match=message):
        huggingface.read(electra)


def test_a_map_between_equal_widths_must_be_the_identity(albert):
    name = "albert.encoder.embedding_hidden_mapping_in"
    assert "encoder/embeddings_project/kernel" not in huggingface.read(albert).weights
    for part in (f"{name}.weight", f"{name}.bias"):
        edit_tensors(albert, lambda t, part=part: t | {part: t[part] + 0.5})
        with pytest.raises(InterchangeError, match=f"{name} is not the identity"):
            huggingface.read(albert)
        edit_tensors(albert, lambda t, part=part: t | {part: t[part] - 0.5})
    huggingface.read(albert)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": ...}, "hidden_size is None; expected a whole number"),
        ({"hidden_size": "16"}, "hidden_size is '16'; expected a whole number"),
        ({"num_attention_heads": 0}, "num_attention_heads is 0; expected a whole numb"),
        ({"initializer_range": None}, "is None; expected a number of 0 or more"),
        ({"num_attention_heads": 3}, "config.json: hidden_size 16 is not a multiple"),
        ({"hidden_act": "silu"}, r"hidden_act is 'silu'; expected one of \['gelu'"),
        ({"hidden_act": "gelu_new"}, "masked-LM head .* always the exact GELU"),
        ({"layer_norm_eps": 1e-5}, "layer_norm_eps is 1e-05; only 1e-12"),
        ({"position_embedding_type": "relative_key"}, "only 'absolute' is supported"),
        ({"is_decoder": True}, "is_decoder is True; only False"),
        ({"num_hidden_layers": 3}, "lacks electra.encoder.layer.2.attention.self"),
        ({"hidden_dropout_prob": 7}, "hidden_dropout_prob .*7"),
    ],
)
def test_configs_that_cannot_be_used(electra, values, message):
    edit_config(electra, **values)
    with pytest.raises(InterchangeError, match=message):
        huggingface.read(electra)


def test_groups_that_transformers_deals_out_differently(albert):
    edit_config(albert, num_hidden_layers=18, num_hidden_groups=14)
    with pytest.raises(InterchangeError, match="14 groups over 18 layers.* layer 9"):
        huggingface.read(albert)


def test_recognizes(electra, albert, tmp_path):
    assert recognize(electra) == recognize(str(albert)) == "huggingface"
    assert recognize(tmp_path) is None
    assert recognize(electra / "model.safetensors") is None
    edit_config(electra, model_type="roberta")
    assert recognize(electra) is None
    with pytest.raises(InterchangeError, match="is 'roberta'; expected one of"):
        huggingface.read(electra)
    (electra / "config.json").write_text('["electra"]')
    assert recognize(electra) is None
    (electra / "config.json").write_text("{")
    assert recognize(electra) is None


class RunsCode:
    """A pickle of it makes a folder when it is loaded."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_pickles_are_read_only_if_they_are_tensors(electra, tmp_path):
    torch = pytest.importorskip("torch")
    expected = huggingface.read(electra)
    tensors = safetensors.numpy.load_file(electra / "model.safetensors")
    (electra / "model.safetensors").unlink()
    path = electra / "pytorch_model.bin"
    plain = {name: torch.tensor(value) for name, value in tensors.items()}
    for legacy in (True, False):
        torch.save(plain, path, _use_new_zipfile_serialization=not legacy)
        assert_same(huggingface.read(electra), expected)

    content = path.read_bytes()
    trap = tmp_path / "trap"
    bad = {**plain, "bad": RunsCode(trap)}
    for save in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))):
        save(bad, path)
        with pytest.raises(InterchangeError, match="pytorch_model.bin .* was refused"):
            huggingface.read(electra)
        assert not trap.exists()
    pickle.loads(path.read_bytes())  # it does run code where nobody guards it
    assert trap.exists()

    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InterchangeError, match="pytorch_model.bin is damaged"):
        huggingface.read(electra)
    torch.save([1, 2], path)
    with pytest.raises(InterchangeError, match="does not hold tensors by name"):
        huggingface.read(electra)


@pytest.mark.parametrize("version", ["2.5.1", None])
def test_pickles_need_a_pytorch_that_refuses_code(electra, version, monkeypatch):
    torch = pytest.importorskip("torch")
    (electra / "model.safetensors").rename(electra / "pytorch_model.bin")
    if version:
        monkeypatch.setattr(torch, "__version__", version)
    else:
        monkeypatch.setitem(sys.modules, "torch", None)
    message = f"2.6 or newer only, not {version or 'without it'}"
    with pytest.raises(InterchangeError, match=message):
        huggingface.read(electra)
