"""Plots of a fine-tuning run: dev scores over the steps, confusions, class scores.

What only questions or tags have is in their own folders' `plots`.
"""

import numpy as np

from tf_pretrain import plotting
from tf_pretrain.tasks import predictions
from tf_pretrain.training import metrics

MAX_CLASSES = 30  # with more classes, cells and names are too small to read


def plot_trials(workdir, task, results) -> None:
    """Writes `dev_scores.png` and, for classes, `confusion.png`, `class_scores.png`.

    The last two show the dev predictions of the trial whose weights were kept.
    """
    with plain_names():
        _plot_trials(workdir, task, results)


def plot_history(workdir, task, results) -> None:
    """Writes `dev_scores.png` alone."""
    with plain_names():
        _plot_history(workdir / "dev_scores.png", task, results)


def plain_names():
    """A context in which a name may hold "$", which would begin a formula."""
    import matplotlib

    return matplotlib.rc_context({"text.parse_math": False})


def kept_trial(results) -> dict:
    """The trial whose weights were kept."""
    return next(t for t in results["trials"] if t["seed"] == results["median_seed"])


def _plot_trials(workdir, task, results):
    _plot_history(workdir / "dev_scores.png", task, results)
    trial = kept_trial(results)
    predicted = predictions.read(workdir / trial["predictions"]["dev"], task)
    labels = task.splits["dev"].labels
    title = f"{task.name} dev, seed {trial['seed']}"
    if task.is_regression:
        _plot_regression(workdir / "predicted_scores.png", title, labels, predicted)
        return
    matrix = metrics.confusion_matrix(labels, predicted, len(task.class_names))
    if len(task.class_names) <= MAX_CLASSES:
        plot_confusion(workdir / "confusion.png", title, matrix, task.class_names)
        _plot_classes(workdir / "class_scores.png", title, matrix, task.class_names)


def _plot_history(path, task, results):
    with plotting.saved(path, (6.0, 3.6)) as (_, (axes,)):
        for trial in results["trials"]:
            steps = [entry["step"] for entry in trial["history"]]
            values = [100 * entry[results["metric"]] for entry in trial["history"]]
            axes.plot(steps, values, marker="o", label=f"seed {trial['seed']}")
        axes.axhline(100 * results["median"], color="gray", ls="--", label="median")
        axes.set_xlabel("step")
        axes.set_ylabel(f"dev {results['metric']} x 100")
        axes.set_title(task.name)
        if len(results["trials"]) <= 10:
            axes.legend(fontsize=8)


def plot_confusion(path, title, matrix, names, of="examples") -> None:
    """Draws a confusion matrix, int [labels, predictions], of `of`."""
    size = 2.5 + 0.6 * len(names)
    with plotting.saved(path, (size + 0.8, size)) as (figure, (axes,)):
        shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        axes.grid(False)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(*matrix.shape):
            axes.text(
                column,
                row,
                f"{matrix[row, column]}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if shares[row, column] > 0.5 else "black",
            )
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set_xlabel("predicted")
        axes.set_ylabel("label")
        axes.set_title(title, fontsize=10)
        figure.colorbar(image, label=f"share of the label's {of}", shrink=0.8)


def _plot_classes(path, title, matrix, names):
    with plotting.saved(path, (3.0 + 0.7 * len(names), 3.6)) as (_, (axes,)):
        positions = np.arange(len(names))
        for offset, (name, values) in enumerate(
            metrics.per_class_scores(matrix).items()
        ):
            axes.bar(positions + 0.27 * (offset - 1), 100 * values, 0.25, label=name)
        counts = matrix.sum(1)
        ticks = [
            f"{name}\n({count})" for name, count in zip(names, counts, strict=True)
        ]
        rotation = 0 if len(names) <= 4 else 45
        axes.set_xticks(positions, ticks, fontsize=8, rotation=rotation)
        axes.set_ylim(0, 105)
        axes.set_ylabel("x 100")
        axes.set_title(title, fontsize=10)
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        axes.grid(False, axis="x")


def _plot_regression(path, title, labels, predicted):
    with plotting.saved(path, (4.4, 4.2)) as (_, (axes,)):
        axes.scatter(labels, predicted, s=6, alpha=0.4)
        ends = [labels.min(), labels.max()]
        axes.plot(ends, ends, color="gray", ls="--")
        axes.set_xlabel("label")
        axes.set_ylabel("predicted")
        axes.set_title(title, fontsize=10)
