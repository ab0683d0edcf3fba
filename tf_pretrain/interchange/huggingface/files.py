"""Reads the tensors of a Hugging Face folder without executing anything in it."""

import re
from pathlib import Path

import ml_dtypes  # noqa: F401  (NumPy knows bfloat16 from here on)
import numpy as np
import safetensors

from tf_pretrain.interchange.pretrained import InterchangeError, read_json

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
_PICKLE_FILE = "pytorch_model.bin"
_INDEX_SUFFIX = ".index.json"  # index of weights that are split into several files
# Older versions of `torch.load(weights_only=True)` can be made to execute code
# (CVE-2025-32434).
_SAFE_TORCH = (2, 6)


def read_tensors(folder: Path, notes: list[str]) -> dict[str, np.ndarray]:
    """All tensors by name: floats as float32, others unchanged.

    safetensors are preferred to `pytorch_model.bin`.

    Args:
        notes: Receives a sentence if numbers were converted.

    Raises:
        InterchangeError: If there are no weights, or a file is damaged, of another
            format, or a pickle with more than tensors.
    """
    for name, load in ((WEIGHTS_FILE, _load_safetensors), (_PICKLE_FILE, _load_pickle)):
        if (folder / name).is_file():
            return _as_float32(load(folder / name), notes)
        index = folder / (name + _INDEX_SUFFIX)
        if index.is_file():
            return _as_float32(_load_shards(index, load), notes)
    raise InterchangeError(
        f"{folder} has no weights: neither {WEIGHTS_FILE} nor {_PICKLE_FILE}, nor the "
        f"{_INDEX_SUFFIX} of either"
    )


def _load_shards(index, load):
    """Tensors of all files that an index names."""
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict):
        raise InterchangeError(f"{index} has no weight_map")
    tensors = {}
    for file in sorted(set(files.values())):
        if Path(file).name != file or not (index.parent / file).is_file():
            raise InterchangeError(f"{index} names {file!r}, which is not beside it")
        tensors |= load(index.parent / file)
    missing = sorted(set(files) - set(tensors))
    if missing:
        raise InterchangeError(
            f"{index}: {missing[0]} is not in {files[missing[0]]} as expected"
        )
    return tensors


def _load_safetensors(path):
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (safetensors.SafetensorError, OSError, TypeError, ValueError) as error:
        raise InterchangeError(
            f"{path} is truncated or no safetensors file: {error}"
        ) from None


def _load_pickle(path):
    try:
        import torch  # slow, and needed for this format only
    except ImportError:
        torch = None
    found = tuple(map(int, re.findall(r"\d+", torch.__version__)[:2])) if torch else ()
    if found < _SAFE_TORCH:
        raise InterchangeError(
            f"{path} is a pickle, which is opened with PyTorch "
            f"{'.'.join(map(str, _SAFE_TORCH))} or newer only, not "
            f"{torch.__version__ if torch else 'without it'}; save the model as "
            "safetensors instead"
        )
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    # many kinds of errors: zip, tar, pickle, the refusal itself
    except Exception as error:
        raise InterchangeError(
            f"{path} is damaged, or holds more than tensors and was refused: {error}"
        ) from None
    is_plain = isinstance(tensors, dict) and all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in tensors.items()
    )
    if not is_plain:
        raise InterchangeError(f"{path} does not hold tensors by name")
    return {
        name: (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        for name, tensor in tensors.items()
    }


def _as_float32(tensors, notes):
    others = set()
    for name, tensor in tensors.items():
        if tensor.dtype.kind not in "iub" and tensor.dtype != np.float32:
            others.add(str(tensor.dtype))
            tensors[name] = tensor.astype(np.float32)
    if others:
        notes.append(f"weights were converted from {', '.join(sorted(others))}")
    return tensors
