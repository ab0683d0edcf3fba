"""Fine-tuned networks in Hugging Face folders: `...ForQuestionAnswering` and others."""

import json
from pathlib import Path

import numpy as np
import safetensors.numpy

from tf_pretrain.interchange import families
from tf_pretrain.interchange.finetuned_parts import (
    UNKNOWN_SETTINGS,
    Converted,
    built,
    encoder_of,
    own_settings,
    weights_of,
)
from tf_pretrain.interchange.huggingface import config as huggingface_config
from tf_pretrain.interchange.huggingface import files as huggingface_files
from tf_pretrain.interchange.huggingface import folder as huggingface_folder
from tf_pretrain.interchange.huggingface import heads as huggingface_heads
from tf_pretrain.interchange.pretrained import InterchangeError, read_json

_SEGMENTS = "encoder/embeddings/token_type_embeddings"


def write(tuned, source, folder) -> list[str]:
    """Writes a network into an empty folder.

    Returns:
        Notes about what was changed.

    Raises:
        InterchangeError: If no class has its head.
    """
    family = families.family_of_encoder(tuned.model.encoder)
    weights, notes = weights_of(tuned.network), []
    reads_pooler = tuned.network.reads_pooler
    pretrained = encoder_of(tuned, source, weights, reads_pooler)
    if tuned.model.encoder.use_pooler and not reads_pooler:
        notes.append("the pooler, which the head does not read, is left out")
    name = huggingface_config.class_name(pretrained.config, source, family)
    family = huggingface_config.family_of_class(name)
    try:
        huggingface_heads.check_is_theirs(tuned.model, family)
    except InterchangeError as error:
        raise InterchangeError(f"{source}: {error}") from None
    if tuned.model.kind == "classifier" and tuned.model.target_scale != 1:
        notes.append(f"its output is the score divided by {tuned.model.target_scale:g}")
    if tuned.model.kind == "tagger" and tuned.model.segment_id:
        pretrained.weights[_SEGMENTS] = _exchanged(pretrained.weights[_SEGMENTS])
        notes.append(
            "the first two segment embeddings were exchanged: Hugging Face's programs "
            "call the segment of all words 0, ELECTRA's program 1"
        )
    huggingface_folder.write_network(pretrained, folder, family)
    file = folder / huggingface_files.WEIGHTS_FILE
    tensors = safetensors.numpy.load_file(file)
    tensors |= huggingface_heads.tensors_of(tuned.model, weights)
    safetensors.numpy.save_file(tensors, file, {"format": "pt"})
    values = read_json(folder / huggingface_files.CONFIG_FILE)
    suffix = huggingface_heads.SUFFIXES[tuned.model.kind]
    values["architectures"] = [f"{family.capitalize()}{suffix}"]
    values |= huggingface_heads.settings_of(tuned.model, family)
    text = json.dumps(values, indent=2)
    (folder / huggingface_files.CONFIG_FILE).write_text(text + "\n", encoding="utf-8")
    return notes


def _exchanged(embeddings):
    return np.concatenate([embeddings[1::-1], embeddings[2:]])


def read(folder) -> Converted | None:
    """The network in a folder; None if its class has none of these heads.

    Raises:
        InterchangeError: If the head is not one of ours, or does not fit.
    """
    folder = Path(folder)
    values = read_json(folder / huggingface_files.CONFIG_FILE)
    source = f"Hugging Face folder {folder}"
    architecture = (values.get("architectures") or [""])[0]
    if not architecture.endswith(tuple(huggingface_heads.SUFFIXES.values())):
        return None
    pretrained = huggingface_folder.read_encoder(folder)
    encoder, notes = pretrained.config.model, list(pretrained.notes)
    model = own_settings(folder, encoder)
    is_own = model is not None
    if model is None:
        family = values["model_type"]
        name = Path(folder).resolve().name
        try:
            model = huggingface_heads.model_of(values, family, encoder, name)
        except InterchangeError as error:
            raise InterchangeError(f"{source}: {error}") from None
        if model is None:
            return None
        notes.append(UNKNOWN_SETTINGS[model.kind])
    if is_own and model.kind == "tagger" and model.segment_id:
        path = next(
            p for p in pretrained.weights if p.endswith("token_type_embeddings")
        )
        pretrained.weights[path] = _exchanged(pretrained.weights[path])
    tensors = huggingface_files.read_tensors(folder, [])
    head = huggingface_heads.weights_of(model, tensors)
    return Converted(built(model, pretrained, head, source), source, notes)
