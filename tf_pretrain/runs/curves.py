"""Draws `curves.png`, the losses and held-out scores over the steps of a run."""

import json
import math
from pathlib import Path

from tf_pretrain import plotting
from tf_pretrain.training.step import is_loss

# Drawn as a line to compare with, in the panel of another score.
_REFERENCES = {
    "masked_lm_accuracy": "most_frequent_accuracy",
    "masked_lm_loss": "unigram_loss",
}


def read_metrics(path) -> tuple[dict, dict]:
    """Training figures and held-out scores of a `metrics.jsonl`.

    Returns:
        Two dicts {name: [(step, value), ...]}.
    """
    training, heldout = {}, {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        series = heldout if "eval" in record else training
        for name, value in record.get("eval", record).items():
            if name != "step":
                series.setdefault(name, []).append((record["step"], value))
    return training, heldout


def plot(metrics_path, image_path) -> None:
    """Draws one panel a loss, then one a held-out score."""
    training, heldout = read_metrics(metrics_path)
    panels = [
        (f"training {name}", points, "tab:blue")
        for name, points in training.items()
        if is_loss(name)
    ]
    panels += [
        (f"held-out {name}", points, "tab:orange")
        for name, points in heldout.items()
        if name not in _REFERENCES.values()
    ]
    columns = 3
    rows = max(1, math.ceil(len(panels) / columns))
    with plotting.saved(image_path, (4.2, 2.8), rows, columns) as (_, axes):
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        for axis, (title, points, color) in zip(axes, panels, strict=False):
            steps, values = zip(*points, strict=True)
            marker = "o" if len(points) < 30 else None
            axis.plot(steps, values, color=color, marker=marker, markersize=3)
            reference = _REFERENCES.get(title.removeprefix("held-out "))
            if reference in heldout:
                label = reference.replace("_", " ")
                last = heldout[reference][-1][1]
                axis.axhline(last, color="gray", ls="--", label=label)
                axis.legend(fontsize=8)
            axis.set_title(title.replace("_", " "), fontsize=10)
            axis.set_xlabel("step", fontsize=8)
            axis.tick_params(labelsize=8)
