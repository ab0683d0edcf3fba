"""Fine-tuned networks for questions, choices and tags in the other formats.

The encoder is written and read by the formats' own modules, and the head beside it. The
settings that no format holds (windows, thresholds, names of tags) are kept in
`finetuned.json`, which is read again.
"""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import safetensors.numpy

from tf_pretrain import atomic_files
from tf_pretrain.interchange import families, finetuned_networks, finetuning_workdir
from tf_pretrain.interchange.finetuning_workdir import FineTuned
from tf_pretrain.interchange.huggingface import config as huggingface_config
from tf_pretrain.interchange.huggingface import files as huggingface_files
from tf_pretrain.interchange.huggingface import folder as huggingface_folder
from tf_pretrain.interchange.huggingface import heads as huggingface_heads
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    peek_json,
    read_json,
)
from tf_pretrain.interchange.tf1 import checkpoint as tf1_checkpoint
from tf_pretrain.interchange.tf1 import heads as tf1_heads
from tf_pretrain.interchange.tf1 import names as tf1_names

SETTINGS_FILE = "finetuned.json"
_SEGMENTS = "encoder/embeddings/token_type_embeddings"


@dataclasses.dataclass(frozen=True)
class Converted:
    """A network that was converted, for display.

    Attributes:
        tuned: The network.
        source: Where it is from.
        notes: What had to be assumed or changed, one sentence each.
    """

    tuned: FineTuned
    source: str
    notes: list[str]

    def report(self) -> str:
        """Says what was read."""
        weights = self.tuned.network.get_weights()
        count = sum(value.size for value in weights)
        lines = [
            f"{self.source}: {self.tuned.model.kind}, {len(weights)} tensors "
            f"({count:,} numbers) loaded"
        ]
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def read(path, kind) -> Converted | None:
    """The fine-tuned network at a path, or None if it holds another kind of network.

    Args:
        path: A fine-tuning workdir, or a path of another format.
        kind: Its key in `formats.FORMATS`, or None.

    Raises:
        InterchangeError: If its head is not known here, or does not fit.
    """
    if finetuning_workdir.is_finetuned(path):
        tuned = finetuning_workdir.load_finetuned(path)
        return Converted(tuned, f"fine-tuning workdir {path}", [])
    if kind == "huggingface":
        return _read_huggingface(Path(path))
    if kind == "tf1":
        return _read_tf1(Path(path))
    return None


def write(converted: Converted, folder, to: str) -> list[str]:
    """Writes a network in a format: "keras" (a workdir), "huggingface" or "tf1".

    Returns:
        Notes about what was changed.

    Raises:
        InterchangeError: If the format has no such head.
    """
    tuned, folder = converted.tuned, Path(folder)
    if to == "keras":
        finetuning_workdir.write(tuned, folder)
        return []
    if to == "keras_hub":
        raise InterchangeError(
            f"{converted.source}: keras-hub has no such head ({tuned.model.kind}); "
            "expected --to=huggingface, tf1 or keras"
        )
    writer = _write_huggingface if to == "huggingface" else _write_tf1
    notes = writer(tuned, converted.source, folder)
    settings = finetuned_networks.to_values(tuned.model)
    atomic_files.write_json(folder / SETTINGS_FILE, settings)
    return notes


def _encoder_of(tuned, source, weights, with_pooler=True):
    """The encoder alone, as the writers of all formats take it."""
    encoder = tuned.model.encoder
    family = families.family_of_encoder(encoder)
    weights = {k: v for k, v in weights.items() if k.startswith("encoder/")}
    if not with_pooler:
        encoder = dataclasses.replace(encoder, use_pooler=False)
        start = "encoder/pooler/"
        weights = {k: v for k, v in weights.items() if not k.startswith(start)}
    config = families.pretrain_config(family, encoder, {"masked_lm"})
    return Pretrained(config, weights, source, tuned.tokenizer)


def _weights_of(network):
    return {v.path: keras.ops.convert_to_numpy(v) for v in network.trainable_variables}


def _built(model, pretrained, head, source):
    """The network of an encoder and the weights of a head."""
    values = {
        "encoder/" + path.partition("/")[2]: value
        for path, value in pretrained.weights.items()
        if path.startswith(("encoder/", "discriminator/"))
    }
    tokenizer = pretrained.tokenizer
    if tokenizer is None:
        raise InterchangeError(f"{source} has no vocabulary beside it")
    model = dataclasses.replace(model, vocabulary=tokenizer.fingerprint)
    network = model.build()
    values |= head
    for variable in network.trainable_variables:
        value = values.get(variable.path)
        if value is None or value.shape != tuple(variable.shape):
            found = "nothing" if value is None else f"shape {value.shape}"
            raise InterchangeError(
                f"{source} has {found} for {variable.path}; expected shape "
                f"{tuple(variable.shape)}"
            )
        variable.assign(value)
    return FineTuned(model, network, tokenizer)


def _own_settings(folder, encoder):
    """What `write` kept about a network, with the encoder that was read."""
    values = peek_json(folder / SETTINGS_FILE)
    if not values:
        return None
    return dataclasses.replace(
        finetuned_networks.from_values(values), encoder=encoder, vocabulary=None
    )


def _write_huggingface(tuned, source, folder):
    family = families.family_of_encoder(tuned.model.encoder)
    weights, notes = _weights_of(tuned.network), []
    reads_pooler = tuned.network.reads_pooler
    pretrained = _encoder_of(tuned, source, weights, reads_pooler)
    if tuned.model.encoder.use_pooler and not reads_pooler:
        notes.append("the pooler, which the head does not read, is left out")
    name = huggingface_config.class_name(pretrained.config, source, family)
    family = huggingface_config.family_of_class(name)
    try:
        huggingface_heads.check_is_theirs(tuned.model, family)
    except InterchangeError as error:
        raise InterchangeError(f"{source}: {error}") from None
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


def _read_huggingface(folder):
    values = read_json(folder / huggingface_files.CONFIG_FILE)
    source = f"Hugging Face folder {folder}"
    architecture = (values.get("architectures") or [""])[0]
    if not architecture.endswith(tuple(huggingface_heads.SUFFIXES.values())):
        return None
    pretrained = huggingface_folder.read_encoder(folder)
    encoder, notes = pretrained.config.model, list(pretrained.notes)
    model = _own_settings(folder, encoder)
    is_own = model is not None
    if model is None:
        family = values["model_type"]
        name = Path(folder).resolve().name
        try:
            model = huggingface_heads.model_of(values, family, encoder, name)
        except InterchangeError as error:
            raise InterchangeError(f"{source}: {error}") from None
        notes.append("windows and thresholds are the defaults, as no file says")
    if is_own and model.kind == "tagger" and model.segment_id:
        path = next(
            p for p in pretrained.weights if p.endswith("token_type_embeddings")
        )
        pretrained.weights[path] = _exchanged(pretrained.weights[path])
    tensors = huggingface_files.read_tensors(folder, [])
    head = huggingface_heads.weights_of(model, tensors)
    return Converted(_built(model, pretrained, head, source), source, notes)


def _write_tf1(tuned, source, folder):
    weights = _weights_of(tuned.network)
    pretrained = _encoder_of(tuned, source, weights)
    program = tf1_names.program_of(pretrained.config)
    try:
        names = tf1_heads.names_of(tuned.model, program)
    except InterchangeError as error:
        raise InterchangeError(
            f"{source} cannot be written with --to=tf1: {error}"
        ) from None
    heads = dict(
        tf1_heads.transposed(name, weights[path]) for path, name in names.items()
    )
    tf1_checkpoint.write(pretrained, folder, heads)
    return []


def _read_tf1(path):
    shapes, folder = tf1_checkpoint.read_tensors(path)
    source = f"TF1 checkpoint {path}"
    if not any(name.startswith(tf1_heads.STARTS) for name in shapes):
        return None
    pretrained = tf1_checkpoint.read(path)
    encoder = pretrained.config.model
    model = _own_settings(folder, encoder)
    if model is None:
        numbers = peek_json(folder / "label_mapping.json")
        tags = sorted(numbers, key=numbers.get) if numbers else None
        model = tf1_heads.model_of(shapes, encoder, tags, source)
    if model is None:
        return None
    names = tf1_heads.names_of(model, tf1_names.program_of(pretrained.config))
    stored = [name.removesuffix("^T") for name in names.values()]
    values, _ = tf1_checkpoint.read_tensors(path, stored)
    head = {
        ours: tf1_heads.transposed(name, values[name.removesuffix("^T")])[1]
        for ours, name in names.items()
    }
    notes = list(pretrained.notes)
    if model.kind == "multiple_choice":
        notes.append("a head with one output is taken as RACE's")
    return Converted(_built(model, pretrained, head, source), source, notes)
