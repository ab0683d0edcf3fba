"""Plots of tags: which classes of spans are taken for one another."""

import collections

import numpy as np

from tf_pretrain.tasks import plots
from tf_pretrain.tasks.tagging.spans import split_tag
from tf_pretrain.training import metrics


def plot_tags(workdir, task, results) -> None:
    """Writes `dev_scores.png` and, of the kept trial on the dev set, `confusion.png`.

    The latter counts words by the class of their span, "O" outside of spans.
    """
    plots.plot_history(workdir, task, results)
    trial = plots.kept_trial(results)
    names, matrix = confusion(workdir / trial["predictions"]["dev"])
    if len(names) <= plots.MAX_CLASSES:
        title = f"{task.name} dev, seed {trial['seed']}"
        with plots.plain_names():
            path = workdir / "confusion.png"
            plots.plot_confusion(path, title, matrix, names, of="words")


def confusion(path) -> tuple[list[str], np.ndarray]:
    """Classes, the most frequent first, and their confusion matrix.

    Args:
        path: Lines of a word, its true tag and its predicted tag.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    pairs = [
        [split_tag(tag)[1] or "O" for tag in line.split(" ")[1:]]
        for line in lines
        if line
    ]
    counts = collections.Counter(gold for gold, _ in pairs)
    counts.update({predicted: 0 for _, predicted in pairs})
    names = [name for name, _ in counts.most_common()]
    numbers = np.array([[names.index(name) for name in pair] for pair in pairs])
    return names, metrics.confusion_matrix(*numbers.T, len(names))
