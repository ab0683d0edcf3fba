"""`read(path)`: a trained model from any of the four kinds of folders and files."""

from pathlib import Path

from tf_pretrain.interchange import huggingface, keras_hub_presets, tf1, workdir
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
    for kind in _KINDS.values():
        if kind.recognizes(path):
            return kind.read(path)
    if not Path(path).exists():
        raise InterchangeError(f"there is no {path}")
    raise InterchangeError(f"{path} is none of: {', '.join(_KINDS)}")
