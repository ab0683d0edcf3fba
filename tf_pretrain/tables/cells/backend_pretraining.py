"""Pretrains a cell with Keras on JAX or PyTorch; the process of `--backend`.

    KERAS_BACKEND=jax python -m ...cells.backend_pretraining REQUEST PARENT

REQUEST is a cell's request.json, PARENT the id of the process that waits. Keras has one
backend in a process, and a cell's fine-tuning runs on TensorFlow.
"""

import json
import sys
from pathlib import Path

from tf_pretrain import commands
from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.runs.data import Sources
from tf_pretrain.runs.pretrain import pretrain
from tf_pretrain.tables.cells import cell as cells
from tf_pretrain.tables.cells import processes


def main(path):
    """Does what the request in a JSON file says."""
    request = json.loads(Path(path).read_text(encoding="utf-8"))
    config = config_lib.from_dict(PretrainConfig, request["config"])
    folder = cells.folder(request["workdir"], request["key"])
    records = request["data"][config.data.example_format]["records"]
    sources = Sources(records=f"{records}/train-*.tfrecord")
    pretrain(config, folder / "pretrain", sources)


if __name__ == "__main__":
    processes.die_with_parent(int(sys.argv[2]))
    with commands.errors_as_messages():
        main(sys.argv[1])
