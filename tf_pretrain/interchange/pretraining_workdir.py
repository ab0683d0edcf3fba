"""Our own folders: a pretraining workdir, or the same files written by `convert`.

`config.json`, the tokenizer and `checkpoints/step-XXXXXXXX.safetensors`.
"""

import json
from pathlib import Path

import numpy as np

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.data import tokenization
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    variable_shapes,
)
from tf_pretrain.training import checkpoints


def read(path) -> Pretrained:
    """Reads the newest readable checkpoint of a workdir.

    Raises:
        ConfigError: If its config is not one of this version's.
        CheckpointError: If it holds no readable checkpoint.
        InterchangeError: If the weights do not fit the config.
    """
    path = Path(path)
    config = config_lib.load(PretrainConfig, path / "config.json")
    file, tensors, header = checkpoints.read_newest(path / "checkpoints")
    slots = {
        f"optimizer/{ours.replace('/', '_')}_{key}": (key, ours)
        for ours in variable_shapes(config)
        for key in ("m", "v")
    }
    weights, moments, unused = {}, {"m": {}, "v": {}}, []
    for name, tensor in tensors.items():
        group, _, rest = name.partition("/")
        if group == "model":
            weights[rest] = tensor
        elif name in slots:
            key, ours = slots[name]
            moments[key][ours] = tensor
    # State of a run that does not belong to a model, for example the loss scale.
    known = variable_shapes(config)
    unused = [name for name in weights if name not in known]
    tokenizer = None
    if tokenization.is_tokenizer_folder(path):
        tokenizer = tokenization.load_tokenizer(path)
        vocabulary = json.loads(header["metadata"]).get("vocabulary")
        if vocabulary not in (None, tokenizer.fingerprint):
            raise InterchangeError(
                f"{path} holds another vocabulary than the one that {file.name} was "
                "trained with"
            )
    pretrained = Pretrained(
        config,
        {name: weights[name] for name in weights if name in known},
        f"checkpoint {file}",
        tokenizer,
        # Variables that no loss depends on have no moments; `initialize` reports
        # missing ones.
        moments if moments["m"].keys() == moments["v"].keys() else {},
        int(header["step"]),
        unused,
    )
    pretrained.check()
    return pretrained


def read_tokenizer(path, notes: list[str]):
    """The workdir's Tokenizer, or None if it was made without one."""
    if not tokenization.is_tokenizer_folder(path):
        return None
    return tokenization.load_tokenizer(path)


def write(pretrained: Pretrained, folder) -> None:
    """Writes config, tokenizer and one checkpoint; moments too if there are any."""
    folder = Path(folder)
    tensors = {f"model/{path}": w for path, w in pretrained.weights.items()}
    for key, part in pretrained.moments.items():
        for path, value in part.items():
            tensors[f"optimizer/{path.replace('/', '_')}_{key}"] = value
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    metadata = {}
    if pretrained.tokenizer is not None:
        pretrained.tokenizer.save(folder)
        metadata["vocabulary"] = pretrained.tokenizer.fingerprint
    checkpoints.write(folder / "checkpoints", pretrained.step, tensors, metadata)
    values = config_lib.to_dict(pretrained.config)
    text = json.dumps(values, indent=2)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
