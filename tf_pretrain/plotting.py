"""Plots as PNG files, drawn without a display."""

import contextlib
import functools
from pathlib import Path

# A part of Noto Sans SC (SIL Open Font License 1.1), made by docs/drawing/font.py:
# matplotlib's own font has no Chinese characters.
CHINESE_FONT = Path(__file__).parent / "fonts" / "NotoSansSC-Subset.otf"
CHINESE_FAMILY = "Noto Sans SC Subset"


@functools.cache
def families() -> tuple[str, str]:
    """Font families for any text: for each character, the first one that has it."""
    from matplotlib import font_manager

    font_manager.fontManager.addfont(CHINESE_FONT)
    return ("DejaVu Sans", CHINESE_FAMILY)


@contextlib.contextmanager
def saved(path, size, rows=1, columns=1):
    """A figure to draw on, which is saved when the block ends.

    Args:
        path: The PNG file; its folder is made if missing.
        size: Width and height of each panel in inches.

    Yields:
        matplotlib's figure, and its rows * columns axes, with a grid each.
    """
    import matplotlib  # takes a second, and not every run plots
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"font.family": families()}):
        # Without pyplot, which would ask for a display and keep the figure in memory.
        figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="tight")
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axis in axes:
            axis.grid(alpha=0.3)
        yield figure, axes
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110, bbox_inches="tight")
