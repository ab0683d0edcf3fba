"""`read(path)`: a trained model from any of the four kinds of folders and files."""

from pathlib import Path

from tf_pretrain.errors import UserError
from tf_pretrain.interchange import huggingface, keras_hub_presets, tf1, workdir
from tf_pretrain.interchange.finetuned import MODEL_FILE, is_finetuned
from tf_pretrain.interchange.pretrained import InterchangeError, Pretrained

_KINDS = {
    "a pretraining workdir": workdir,
    "a Hugging Face folder": huggingface,
    "a keras-hub preset": keras_hub_presets,
    "a TF1 checkpoint": tf1,
}


def read(path) -> Pretrained:
    """Reads weights; what they are is found by looking.

    Args:
        path: A pretraining workdir, an original TF1 checkpoint (prefix or folder), a
            Hugging Face folder (`config.json` and `model.safetensors`), or a
            keras-hub preset folder.

    Raises:
        InterchangeError: If it is none of these, or cannot be read.
    """
    for name, kind in _KINDS.items():
        if kind.recognizes(path):
            return _read_as(kind, name, path)
    if not Path(path).exists():
        raise InterchangeError(f"there is no {path}")
    hint = ""
    if is_finetuned(path):
        hint = "; it is a fine-tuning workdir, which holds no pretraining heads"
    inside = sorted(Path(path).glob(f"*/{MODEL_FILE}"))
    if inside:
        names = ", ".join(str(file.parent) for file in inside)
        hint = f"; it holds the fine-tuning workdirs {names}"
    raise InterchangeError(f"{path} is none of: {', '.join(_KINDS)}{hint}")


def _read_as(kind, name, path):
    """Reads it; whatever a damaged file makes fail is an error about that file."""
    try:
        return kind.read(path)
    except UserError:
        raise
    except Exception as error:  # a value of a type or size that no check foresaw
        raise InterchangeError(
            f"{path} looks like {name}, but is damaged: {type(error).__name__}: {error}"
        ) from error
