"""How long a cell will take: by the finished cells of its workdir, or by constants."""

import json
import statistics
from pathlib import Path

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.tables.definition import matmul_training_flops

# Until a cell is measured: electra_lab's matrix products a second on a shared CPU core
# (docs/results.md), and a guess.
_FLOPS_PER_CORE_S = 6.5e10
MINUTES_A_TASK = 2.0
MINUTES_TO_START = 0.5  # of a process, on a CPU


def minutes(request: dict, cores: int) -> float:
    """What a cell will take on so many cores, by the finished cells of its workdir.

    Pretraining by its matrix products and the median rate of the cells measured, a
    fine-tuning by the median of the same task; without any, by constants.
    """
    measured = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in Path(request["workdir"]).glob("cells/*/cell.json")
    ]
    measured = [c for c in measured if c["backend"] == request["backend"]]
    # A pretraining that is done is not repeated.
    own = next((c for c in measured if c["key"] == request["key"]), None)
    measured = [c for c in measured if c["cores"] == cores] or measured
    rates = [
        _products(c["config"]) / c["pretrain"]["seconds"] / c["cores"] for c in measured
    ]
    total = MINUTES_TO_START
    if own is None:
        rate = cores * (statistics.median(rates) if rates else _FLOPS_PER_CORE_S)
        total += _products(request["config"]) / rate / 60
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
    return matmul_training_flops(config_lib.from_dict(PretrainConfig, values))
