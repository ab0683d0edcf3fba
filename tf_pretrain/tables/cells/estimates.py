"""How long a cell will take: by the finished cells of its workdir, or by constants."""

import json
import statistics
from pathlib import Path

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.models import flops
from tf_pretrain.tables.cells import cell as cells

# Until a cell is measured: the matrix products a second of albert_table5's first cells
# on a shared CPU core (docs/tables), and a guess.
_FLOPS_PER_CORE_S = 3.5e10
MINUTES_A_TASK = 2.0
MINUTES_TO_START = 0.5  # of a process, on a CPU


def minutes(request: dict, cores: int) -> float:
    """What a cell will take on so many cores, by the finished cells of its workdir.

    Pretraining by its matrix products and the rate of all cells measured, a fine-tuning
    by the median of the same task; without any, by constants.
    """
    measured = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in Path(request["workdir"]).glob("cells/*/cell.json")
    ]
    measured = [c for c in measured if c["backend"] == request["backend"]]
    own = next((c for c in measured if c["key"] == request["key"]), None)
    pretrained = cells.folder(request["workdir"], request["key"]) / "pretrain"
    same = [c for c in measured if c["pretrain"]["cores"] == cores]
    measured = same or measured
    total = MINUTES_TO_START
    # A cell from another machine's report has no weights: pretrained again if needed.
    if own is None or not (pretrained / "results.json").is_file():
        rate = _FLOPS_PER_CORE_S
        # Without pretraining (two steps) it is the compilation that takes the time.
        trained = [c for c in measured if c["pretrain"]["step"] > 2]
        if trained:
            seconds = sum(
                c["pretrain"]["seconds"] * c["pretrain"]["cores"] for c in trained
            )
            rate = sum(_products(c["config"]) for c in trained) / seconds
        total += _products(request["config"]) / (rate * cores) / 60
    for key in request["tasks"]:
        if own is not None and key in own["tasks"]:
            continue
        name = key.rpartition("-")[0]
        seconds = [
            results["seconds"]
            for cell in measured
            for results in cell["tasks"].values()
            if results["task"] == name
        ]
        total += statistics.median(seconds) / 60 if seconds else MINUTES_A_TASK
    return total


def _products(values):
    return flops.matmul_training_flops(config_lib.from_dict(PretrainConfig, values))
