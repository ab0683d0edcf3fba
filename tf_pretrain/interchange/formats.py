"""The formats of trained weights: detects a format, reads it, converts it to another.

The reader and writer of a format are imported when a path of that format occurs. So a
run that continues from one of our own workdirs does not load the code of the others.
"""

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import combine
from tf_pretrain.interchange.finetuning_workdir import MODEL_FILE, is_finetuned
from tf_pretrain.interchange.pretrained import InterchangeError, Pretrained, peek_json

_HUGGINGFACE_FAMILIES = ("electra", "bert", "albert")


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of file or folder with trained weights.

    Attributes:
        description: Its name in messages.
        module: A module under `tf_pretrain.interchange` with `read(path)`,
            `read_tokenizer(path, notes)` and `write(pretrained, folder)`.
        recognizes: Whether a Path is of this kind.
    """

    description: str
    module: str
    recognizes: Callable[[Path], bool]

    def load(self):
        """Imports the module and returns it."""
        return importlib.import_module(f"tf_pretrain.interchange.{self.module}")


def _is_workdir(path):
    return {"model", "objective"} <= set(peek_json(path / "config.json"))


def _is_huggingface(path):
    return peek_json(path / "config.json").get("model_type") in _HUGGINGFACE_FAMILIES


def _is_keras_hub(path):
    return {"class_name", "registered_name"} <= set(peek_json(path / "config.json"))


def _is_tf1(path):
    """Whether it is a checkpoint's prefix, its index file, or a folder with one."""
    if path.is_dir():
        return any(path.glob("*.index"))
    return path.suffix == ".index" and path.is_file() or _index_of(path).is_file()


def _index_of(prefix):
    return prefix.with_name(f"{prefix.name}.index")


FORMATS = {
    "keras": Format("a pretraining workdir", "pretraining_workdir", _is_workdir),
    "huggingface": Format(
        "a Hugging Face folder", "huggingface.folder", _is_huggingface
    ),
    "keras_hub": Format("a keras-hub preset", "keras_hub.presets", _is_keras_hub),
    "tf1": Format("a TF1 checkpoint", "tf1.checkpoint", _is_tf1),
}


def recognize(path) -> str | None:
    """The key in FORMATS of the format that is detected at `path`, or None."""
    for name, kind in FORMATS.items():
        if kind.recognizes(Path(path)):
            return name
    return None


def read(path) -> Pretrained:
    """Reads weights of any format, which is detected.

    Args:
        path: A pretraining workdir, an original TF1 checkpoint (prefix or folder), a
            Hugging Face folder (`config.json` and `model.safetensors`), or a keras-hub
            preset folder.

    Raises:
        InterchangeError: If it is none of these, or cannot be read.
    """
    return _read(path, "read")


def read_encoder(path) -> Pretrained:
    """Like `read`, if only the encoder that is kept after pretraining is needed.

    A generator in a folder of its own is not read, so it may be damaged or may not fit.
    """
    return _read(path, "read_encoder")


def _read(path, function):
    """Reads by the format's function of this name, or by its `read`."""
    name = recognize(path)
    if name is None:
        raise InterchangeError(_unrecognized(Path(path)))
    module = FORMATS[name].load()
    try:
        return getattr(module, function, module.read)(path)
    except UserError:
        raise
    except Exception as error:  # an unexpected type or size of a value
        raise InterchangeError(
            f"{path} looks like {FORMATS[name].description}, but is damaged: "
            f"{type(error).__name__}: {error}"
        ) from error


def convert(
    source, output, to: str, generator=None, as_electra: bool = False
) -> Pretrained:
    """Reads `source`, and the generator if it is given, and writes `output`.

    Args:
        source, generator: Paths, see `read`.
        output: The folder to create. It is written completely or not at all.
        to: A key of FORMATS.
        as_electra: Both are masked language models, say BERTs, from which an ELECTRA
            is to be trained; see `combine.as_electra`.

    Returns:
        The model that was written. Its notes say what could not be kept. It is a
        Pretrained, or a `finetuned_conversion.Converted` if `source` is fine-tuned.

    Raises:
        InterchangeError: If something cannot be read, or cannot be expressed in that
            format.
        FileExistsError: If `output` exists.
    """
    if generator is None and not as_electra:
        converted = _convert_finetuned(source, output, to)
        if converted is not None:
            return converted
    pretrained = read(source)
    second = None if generator is None else read(generator)
    if as_electra:
        pretrained = combine.as_electra(pretrained, second)
    elif second is not None:
        pretrained = combine.combine(pretrained, second)
    writer = FORMATS[to].load()
    with atomic_files.new_folder(output) as folder:
        notes = writer.write(pretrained, folder)
    pretrained.notes += notes or []
    return pretrained


def _convert_finetuned(source, output, to):
    """As `convert`, for fine-tuned networks; None if `source` holds none."""
    name = recognize(source)
    if not is_finetuned(source) and name not in ("huggingface", "tf1"):
        return None
    from tf_pretrain.interchange import finetuned_conversion  # and TensorFlow

    try:
        converted = finetuned_conversion.read(source, name)
    except UserError:
        raise
    except Exception as error:  # an unexpected type or size of a value
        raise InterchangeError(
            f"{source} is damaged: {type(error).__name__}: {error}"
        ) from error
    if converted is not None:
        with atomic_files.new_folder(output) as folder:
            notes = finetuned_conversion.write(converted, folder, to)
        converted.notes.extend(notes)
    return converted


def _unrecognized(path):
    """A message about a path that holds no pretrained weights."""
    if not path.exists():
        return f"there is no {path}"
    hint = ""
    if is_finetuned(path):
        hint = "; it is a fine-tuning workdir, which holds no pretraining heads"
    inside = sorted(path.glob(f"*/{MODEL_FILE}"))
    if inside:
        names = ", ".join(str(file.parent) for file in inside)
        hint = f"; it holds the fine-tuning workdirs {names}"
    kinds = ", ".join(kind.description for kind in FORMATS.values())
    return f"{path} is none of: {kinds}{hint}"
