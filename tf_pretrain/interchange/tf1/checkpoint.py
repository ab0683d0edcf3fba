"""Checkpoints of the original TensorFlow 1 programs of ELECTRA, BERT and ALBERT."""

import json
import re
from pathlib import Path

import numpy as np

from tf_pretrain.data import tokenization
from tf_pretrain.interchange import vocabularies
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    Pretrained,
    check_is_released,
    variable_shapes,
)
from tf_pretrain.interchange.tf1 import configs
from tf_pretrain.interchange.tf1 import names as tf1_names

_SLOTS = {"m": "adam_m", "v": "adam_v"}
_STEP = "global_step"


def read(path) -> Pretrained:
    """Reads an ELECTRA (discriminator, generator or both), BERT or ALBERT checkpoint.

    Raises:
        InterchangeError: If the files are damaged, hold another model, or do not fit
            the config beside them.
    """
    prefix = _find_prefix(Path(path))
    reader, shapes = _open(prefix)
    notes = []
    config, program, scope = configs.config_of(prefix, shapes, notes)
    names = {
        ours: tf1_names.name_of(ours, config, program, scope)
        for ours in variable_shapes(config)
    }

    def tensors(suffix=""):
        found = {}
        for ours, name in names.items():
            if name + suffix in shapes:
                value = _get_tensor(reader, prefix, name + suffix)
                is_transposed = tf1_names.is_transposed(ours)
                found[ours] = np.ascontiguousarray(value.T if is_transposed else value)
        return found

    weights = tensors()
    moments = {key: tensors(f"/{slot}") for key, slot in _SLOTS.items()}
    if any(set(part) != set(weights) for part in moments.values()):
        if any(moments.values()):
            notes.append("optimizer slots are incomplete and were left out")
        moments = {}
    step = int(_get_tensor(reader, prefix, _STEP)) if _STEP in shapes else 0
    taken = set(names.values())
    unused = sorted(
        name
        for name in shapes
        if name != _STEP and re.sub(r"/adam_[mv]$", "", name) not in taken
    )
    pretrained = Pretrained(
        config,
        weights,
        f"TF1 checkpoint {prefix}",
        _find_tokenizer(prefix.parent, notes),
        moments,
        step,
        unused,
        notes,
    )
    pretrained.check()
    return pretrained


def read_tensors(path, names=None) -> tuple[dict, Path]:
    """The shapes of all tensors of a checkpoint, or the values of some.

    Args:
        path: As for `read`.
        names: Names of tensors; None for shapes.

    Returns:
        {name: shape or array}, and the checkpoint's folder.

    Raises:
        InterchangeError: If the files are damaged, or a tensor is not there.
    """
    prefix = _find_prefix(Path(path))
    reader, shapes = _open(prefix)
    if names is None:
        return shapes, prefix.parent
    missing = [name for name in names if name not in shapes]
    if missing:
        raise InterchangeError(f"{prefix} lacks {missing[0]}")
    return {name: _get_tensor(reader, prefix, name) for name in names}, prefix.parent


def _open(prefix):
    """A reader of a checkpoint, and {name: shape}."""
    tf = _tensorflow(f"reading the TF1 checkpoint {prefix}")
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        return reader, reader.get_variable_to_shape_map()
    except _read_errors(tf) as error:
        raise InterchangeError(
            f"{prefix} is not a readable checkpoint: {error}"
        ) from None


def read_tokenizer(path, notes: list[str]):
    """The Tokenizer beside a checkpoint, or None; `notes` receives what was assumed."""
    return _find_tokenizer(_find_prefix(Path(path)).parent, notes)


def write(pretrained: Pretrained, folder, heads=None) -> None:
    """Writes `model.ckpt-STEP` with the original names, config and vocabulary.

    Args:
        pretrained: The model.
        folder: An empty folder.
        heads: {name: array} of what else the checkpoint holds.

    Raises:
        InterchangeError: If no original program can hold the model.
    """
    tf = _tensorflow("writing a TF1 checkpoint")
    folder, config = Path(folder), pretrained.config
    check_is_released(pretrained)
    program = tf1_names.program_of(config)
    configs.check_is_expressible(config, program)
    tensors = {_STEP: np.int64(pretrained.step), **(heads or {})}
    parts = [("", pretrained.weights)]
    parts += [(f"/{_SLOTS[key]}", part) for key, part in pretrained.moments.items()]
    for suffix, part in parts:
        for path, value in part.items():
            name = tf1_names.name_of(path, config, program) + suffix
            tensors[name] = value.T if tf1_names.is_transposed(path) else value
    name = f"model.ckpt-{pretrained.step}"
    tf.raw_ops.SaveV2(
        prefix=str(folder / name),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n')
    file, values = configs.settings_file(config, program)
    (folder / file).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    if pretrained.tokenizer is not None:
        pretrained.tokenizer.save(folder)


def _prefix_of(path):
    return path.with_suffix("") if path.suffix == ".index" else path


def _find_prefix(path):
    if not path.is_dir():
        return _prefix_of(path)
    prefixes = sorted(p.with_suffix("") for p in path.glob("*.index"))
    state = path / "checkpoint"
    if state.is_file():  # its paths may be those of the machine that trained the model
        match = re.search(r'^model_checkpoint_path: "(.*)"', state.read_text(), re.M)
        if match and path / Path(match[1]).name in prefixes:
            return path / Path(match[1]).name
    if len(prefixes) != 1:
        raise InterchangeError(
            f"{path} holds {len(prefixes)} checkpoints; name one of "
            f"{[p.name for p in prefixes]}"
        )
    return prefixes[0]


def _tensorflow(purpose):
    """TensorFlow, which is imported only here, because other formats do not need it.

    Raises:
        InterchangeError: If it is not installed.
    """
    try:
        import tensorflow
    except ImportError as error:
        raise InterchangeError(
            f"{purpose} needs TensorFlow, which is not installed: `pip install "
            "tensorflow`, or use `python -m tf_pretrain.convert` on a machine that has "
            "it"
        ) from error
    return tensorflow


def _read_errors(tf):
    """What TensorFlow's checkpoint reader turns its status codes into."""
    return tf.errors.OpError, ValueError, RuntimeError, IndexError


def _get_tensor(reader, prefix, name):
    import tensorflow as tf  # the reader is from there

    try:
        return reader.get_tensor(name)
    except _read_errors(tf) as error:
        raise InterchangeError(f"{prefix}: {name} cannot be read: {error}") from None


def _find_tokenizer(folder, notes):
    """The vocabulary beside a checkpoint, or None."""
    if tokenization.is_tokenizer_folder(folder):
        return tokenization.load_tokenizer(folder)
    files = [p for p in [folder / "vocab.txt", *folder.glob("*.model")] if p.is_file()]
    if not files:
        return None
    if vocabularies.text_settings(folder) is None:
        notes.append(f"{files[0].name} is taken as lower-cased, accents stripped")
    return vocabularies.load(files[0])
