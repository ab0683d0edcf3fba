"""Checks that the chosen Keras backend is installed, before Keras is imported.

Keras reads the name from KERAS_BACKEND or else from `keras.json`. If that package is
not installed, importing Keras ends in a traceback.
"""

import importlib.util
import json
import os
from pathlib import Path

from tf_pretrain.errors import UserError

BACKENDS = ("tensorflow", "jax", "torch")


def check_keras_backend() -> None:
    """Raises UserError, which says what to do, if the backend is not installed."""
    name, origin = _chosen()
    if name not in BACKENDS:
        raise UserError(
            f"{origin} is {name!r}; expected one of {', '.join(BACKENDS)} (PyTorch's "
            "name is torch)"
        )
    if importlib.util.find_spec(name) is not None:
        return
    others = [other for other in BACKENDS if importlib.util.find_spec(other)]
    instead = f", or set KERAS_BACKEND={others[0]}, which is" if others else ""
    raise UserError(
        f"{origin} is {name!r}, but {name} is not installed: `pip install {name}`"
        f"{instead}"
    )


def _chosen():
    """The backend's name and where it is set, found in the same way as Keras does."""
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras", "keras.json")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = {}
    if "backend" in settings:
        return settings["backend"], f"the backend in {path}"
    return "tensorflow", "Keras' backend"
