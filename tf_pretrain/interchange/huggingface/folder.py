"""Reads and writes Hugging Face folders: `Electra*`, `Bert*` and `Albert*` classes.

A folder is one network. ELECTRA's two networks are a folder of `ElectraForPreTraining`
that contains a folder of `ElectraForMaskedLM` named `generator`.
"""

import json
from pathlib import Path

import numpy as np
import safetensors.numpy

from tf_pretrain.interchange import combine, families
from tf_pretrain.interchange.huggingface import config as huggingface_config
from tf_pretrain.interchange.huggingface import files as huggingface_files
from tf_pretrain.interchange.huggingface import names as huggingface_names
from tf_pretrain.interchange.huggingface import tokenizer as huggingface_tokenizer
from tf_pretrain.interchange.huggingface.files import CONFIG_FILE, WEIGHTS_FILE
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    check_is_released,
    describe_missing,
    read_json,
    variable_shapes,
)

_GENERATOR = "generator"  # folder
_MAPPING = "albert.encoder.embedding_hidden_mapping_in"
_HEADS = ("masked_lm_head/", "replaced_token_head/", "sentence_head/", "generator/")


def read(path) -> Pretrained:
    """Reads a folder, and the generator in it if there is one.

    The heads are detected from the weights, not from the class in the config, because
    released ALBERT files hold more than their class.

    Raises:
        InterchangeError: If config or weights are damaged, do not fit each other, or
            describe something that our classes do not support.
    """
    folder = Path(path)
    pretrained = _read_network(folder)
    if (
        pretrained.is_replaced_token_detection
        and (folder / _GENERATOR / CONFIG_FILE).is_file()
    ):
        return combine.combine(pretrained, _read_network(folder / _GENERATOR))
    return pretrained


def read_encoder(path) -> Pretrained:
    """Reads a folder's own network and skips a generator in it.

    Raises:
        InterchangeError: As for `read`.
    """
    return _read_network(Path(path))


def read_tokenizer(path, notes: list[str]):
    """The folder's Tokenizer, or None; `notes` receives what was assumed."""
    return huggingface_tokenizer.read(path, notes)


def write(pretrained: Pretrained, folder) -> None:
    """Writes config, weights and tokenizer into an empty folder.

    Raises:
        InterchangeError: If no class can hold the model, or heads are missing.
    """
    folder = Path(folder)
    check_is_released(pretrained)
    if not pretrained.is_replaced_token_detection:
        write_network(pretrained, folder, families.family_of(pretrained.config))
        return
    discriminator, generator = combine.split(pretrained)
    write_network(discriminator, folder, "electra")
    if generator is not None:
        huggingface_config.check_head_activation(
            generator.source, "electra", generator.config.model
        )
        (folder / _GENERATOR).mkdir()
        write_network(generator, folder / _GENERATOR, "electra")


def _read_network(folder):
    values = read_json(folder / CONFIG_FILE)
    family, source = values.get("model_type"), f"Hugging Face folder {folder}"
    if family not in huggingface_names.HEADS:
        raise InterchangeError(
            f"{source}: model_type is {family!r}; expected one of "
            f"{tuple(huggingface_names.HEADS)}"
        )
    notes = []
    tensors = huggingface_files.read_tensors(folder, notes)
    tensors = {
        huggingface_names.modern_name(name, family): tensor
        for name, tensor in tensors.items()
        if not huggingface_names.is_buffer(name)
    }
    _drop_tied(tensors, source)
    config = _config(folder / CONFIG_FILE, values, family, set(tensors))
    model = config.model
    if family == "albert" and model.embedding_size == model.hidden_size:
        _drop_identity(tensors, source)
    weights = {}
    for ours, shape in variable_shapes(config).items():
        theirs = huggingface_names.name_of(ours, family, model.inner_group_num)
        if theirs in tensors:
            tensor = tensors.pop(theirs)
            tensor = tensor.T if huggingface_names.is_transposed(ours) else tensor
            if (tensor.shape, tensor.dtype) != (shape, np.float32):
                raise InterchangeError(
                    f"{source}: {theirs} is {tensor.dtype} {tensor.shape} as {ours}; "
                    f"{CONFIG_FILE} expects float {shape}"
                )
            weights[ours] = np.ascontiguousarray(tensor)
        elif not ours.startswith(_HEADS):
            raise InterchangeError(f"{source} lacks {theirs} of shape {shape}")
    tokenizer = huggingface_tokenizer.read(folder, notes)
    return Pretrained(
        config, weights, source, tokenizer, unused=sorted(tensors), notes=notes
    )


def _config(path, values, family, names):
    """The model that `config.json` and the names of the tensors describe."""

    def holds(start):
        return any(name.startswith(start) for name in names)

    pooler = huggingface_names.POOLERS.get(family)
    model = huggingface_config.encoder_config(
        path, values, family, pooler is not None and holds(pooler)
    )
    heads = {
        head for head, start in huggingface_names.HEADS[family].items() if holds(start)
    }
    if "masked_lm" in heads:
        huggingface_config.check_head_activation(path, family, model)
    return families.pretrain_config(family, model, heads)


def _drop_tied(tensors, source):
    """Removes the heads' copies of other tensors.

    Raises:
        InterchangeError: If a tensor is not a copy, because our heads are tied.
    """
    for copy, original in huggingface_names.TIED.items():
        if copy in tensors:
            value = tensors.pop(copy)
            if not np.array_equal(tensors.setdefault(original, value), value):
                raise InterchangeError(
                    f"{source}: {copy} differs from {original}; masked-LM heads are "
                    "tied here"
                )


def _drop_identity(tensors, source):
    """Removes ALBERT's projection from E to H, which we do not have if E = H.

    Raises:
        InterchangeError: If it is not the identity.
    """
    weight = tensors.pop(f"{_MAPPING}.weight", None)
    bias = tensors.pop(f"{_MAPPING}.bias", None)
    for value in (weight, bias):
        if value is not None and not np.array_equal(value, _neutral(value)):
            raise InterchangeError(
                f"{source}: embedding_size equals hidden_size, where neither the "
                f"original ALBERT nor this one maps one to the other, but {_MAPPING} "
                "is not the identity"
            )


def _neutral(value):
    """The identity for a matrix's shape, zeros for a vector's."""
    if value.ndim == 2:
        return np.eye(*value.shape, dtype=np.float32)
    return np.zeros_like(value)


def write_network(pretrained, folder, family):
    """Writes one network with all of its heads, or a bare encoder without heads.

    Args:
        family: The network's family. The class may be that of another family.
    """
    config, model = pretrained.config, pretrained.config.model
    architecture = huggingface_config.class_name(config, pretrained.source, family)
    family = huggingface_config.family_of_class(architecture)
    missing = pretrained.missing()
    if pretrained.is_replaced_token_detection:  # the generator's are not its own
        own = ("discriminator/", "replaced_token_head/")
        missing = [name for name in missing if name.startswith(own)]
    if missing and any(path.startswith(_HEADS) for path in pretrained.weights):
        raise InterchangeError(describe_missing(pretrained, missing))
    if missing:
        architecture = f"{family.capitalize()}Model"

    tensors = {}
    for path, value in pretrained.weights.items():
        name = huggingface_names.name_of(path, family, model.inner_group_num)
        value = value.T if huggingface_names.is_transposed(path) else value
        tensors[name] = np.ascontiguousarray(value)
    if family == "albert" and model.embedding_size == model.hidden_size:
        size = model.hidden_size
        tensors[f"{_MAPPING}.weight"] = np.eye(size, dtype=np.float32)
        tensors[f"{_MAPPING}.bias"] = np.zeros(size, np.float32)
    safetensors.numpy.save_file(tensors, folder / WEIGHTS_FILE, {"format": "pt"})
    tokenizer = pretrained.tokenizer
    if tokenizer is not None:
        huggingface_tokenizer.write(tokenizer, folder, model.max_position_embeddings)
    values = huggingface_config.config_json(config, architecture, tokenizer)
    text = json.dumps(values, indent=2)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
