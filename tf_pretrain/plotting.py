"""Plots as PNG files, drawn without a display."""

import contextlib
from pathlib import Path


@contextlib.contextmanager
def saved(path, size, rows=1, columns=1):
    """A figure to draw on, which is saved when the block ends.

    Args:
        path: The PNG file; its folder is made if missing.
        size: Width and height of each panel in inches.

    Yields:
        matplotlib's figure, and its rows * columns axes, with a grid each.
    """
    from matplotlib.figure import Figure  # takes a second, and not every run plots

    # Without pyplot, which would ask for a display and keep the figure in memory.
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="tight")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.grid(alpha=0.3)
    yield figure, axes
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
