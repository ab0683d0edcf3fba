"""Checkpoints: every variable of a run in one file, which is never half written.

A checkpoint is `step-XXXXXXXX.safetensors`. It has the model and optimizer variables by
path and, as metadata, the step and a checksum. The position in the data needs no entry,
because batch s depends on (seed, s) only. Files are written under a temporary name,
flushed to disk and renamed, so the last good one always remains usable.
"""

import hashlib
import json
import os
import re
from pathlib import Path

import keras
import numpy as np
import safetensors
import safetensors.numpy

from tf_pretrain import atomic_files
from tf_pretrain.errors import UserError

_NAME = re.compile(r"step-(\d{8,})\.safetensors")


class CheckpointError(UserError, RuntimeError):
    """A checkpoint that cannot be written, or that does not fit the model."""


def named_variables(trainer) -> dict:
    """{name: variable} of everything that a resumed run needs."""
    named = {f"model/{v.path}": v for v in trainer.variables}
    # Paths of optimizer variables begin with the optimizer's name, which Keras numbers
    # in each process.
    slots = {
        f"optimizer/{v.path.partition('/')[2]}": v for v in trainer.optimizer.variables
    }
    count = len(trainer.variables) + len(trainer.optimizer.variables)
    if len(named) + len(slots) != count:
        raise CheckpointError("two variables of the model have the same path")
    return {**named, **slots}


def weights_sha256(model) -> str:
    """SHA-256 over paths and float values of all trainable weights, sorted by path."""
    return _digest({v.path: _to_numpy(v) for v in model.trainable_variables})


def save(folder, step: int, trainer, keep: int, metadata: dict) -> Path:
    """Writes the checkpoint of `step` and deletes all but the newest `keep`.

    Files of later steps are deleted, too. They cannot be readable, because otherwise
    the run would have continued from them.

    Args:
        metadata: JSON-serialisable values that `restore` returns.

    Raises:
        CheckpointError: If it cannot be written, for example on a full disk. Earlier
            checkpoints are not changed.
    """
    tensors = {
        name: _to_numpy(variable) for name, variable in named_variables(trainer).items()
    }
    path = write(folder, step, tensors, metadata)
    steps = _steps(folder)
    kept = [other for other in steps if other <= step][-keep:]
    for other in set(steps) - set(kept):
        (Path(folder) / f"step-{other:08d}.safetensors").unlink()
    return path


def write(folder, step: int, tensors: dict, metadata: dict) -> Path:
    """Writes {name: array} as the checkpoint of `step`; names as in named_variables.

    Raises:
        CheckpointError: As for `save`.
    """
    folder = Path(folder)
    path = folder / f"step-{step:08d}.safetensors"
    header = {
        "step": str(step),
        "sha256": _digest(tensors),
        "metadata": json.dumps(metadata),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_files.replacing(path) as temporary:
            temporary.write_bytes(safetensors.numpy.save(tensors, metadata=header))
    except OSError as error:
        good = latest_step(folder)
        raise CheckpointError(
            f"cannot write the checkpoint of step {step} to {folder}: {error}; the "
            f"last good checkpoint is that of step {good}, and the same command "
            "continues from there"
        ) from error
    return path


def latest_step(folder) -> int | None:
    """The newest step that has a checkpoint file."""
    steps = _steps(folder)
    return steps[-1] if steps else None


def restore(folder, trainer) -> tuple[int, dict]:
    """Loads the newest readable checkpoint into a compiled trainer.

    If a file is damaged, this is reported and the checkpoint before it is used.

    Returns:
        (step, metadata), or (0, {}) if there is no checkpoint.

    Raises:
        CheckpointError: If a readable checkpoint does not fit the model.
    """
    found = _newest(folder)
    if found is None:
        return 0, {}
    path, tensors, header = found
    _assign(named_variables(trainer), tensors, path)
    return int(header["step"]), json.loads(header["metadata"])


def read_newest(folder) -> tuple[Path, dict, dict]:
    """Reads the newest readable checkpoint.

    Returns:
        Its path, {name: array}, and the header: "step", "sha256", "metadata" (JSON).

    Raises:
        CheckpointError: If there is none.
    """
    found = _newest(folder)
    if found is None:
        raise CheckpointError(f"{folder} holds no readable checkpoint")
    return found


def _newest(folder):
    """What `read_newest` returns, or None. Damaged files are reported."""
    for step in reversed(_steps(folder)):
        path = Path(folder) / f"step-{step:08d}.safetensors"
        try:
            return path, *_read(path)
        except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
            print(f"{path} is damaged ({error}); trying the one before it", flush=True)
    return None


def _steps(folder):
    folder = Path(folder)
    names = os.listdir(folder) if folder.is_dir() else []
    matches = (_NAME.fullmatch(name) for name in names)
    return sorted(int(match.group(1)) for match in matches if match)


def _read(path):
    with safetensors.safe_open(path, framework="numpy") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if _digest(tensors) != header["sha256"]:
        raise ValueError("checksum mismatch")
    return tensors, header


def _assign(variables, tensors, path):
    if set(variables) != set(tensors):
        missing = sorted(set(variables) - set(tensors))[:3]
        extra = sorted(set(tensors) - set(variables))[:3]
        raise CheckpointError(
            f"{path} does not fit the model: missing {missing}, left over {extra}"
        )
    for name, variable in variables.items():
        if tuple(variable.shape) != tensors[name].shape:
            raise CheckpointError(
                f"{path}: {name} has shape {tensors[name].shape}, but the model "
                f"expects {tuple(variable.shape)}"
            )
        variable.assign(tensors[name])


def _digest(tensors):
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()


def _to_numpy(variable):
    return np.array(keras.ops.convert_to_numpy(variable), order="C")
