"""Plots: Chinese names are drawn with characters, not with boxes."""

import warnings

import numpy as np
from matplotlib.ft2font import FT2Font

from tf_pretrain import plotting
from tf_pretrain.tasks import plots


def test_chinese_class_names(tmp_path):
    """matplotlib warns of each character that none of the fonts has."""
    matrix = np.array([[5, 2], [1, 9]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.plot_confusion(tmp_path / "a.png", "情感", matrix, ["正面", "负面：差"])
        plots._plot_classes(tmp_path / "b.png", "情感", matrix, ["正面", "负面：差"])
    assert (tmp_path / "a.png").stat().st_size > 5000


def test_the_font_has_the_commonest_characters():
    """The first level of GB 2312 and Chinese punctuation, and not much besides."""
    known = FT2Font(str(plotting.CHINESE_FONT)).get_charmap()
    level_one = bytes(range(0xA1, 0xFF)).decode("latin-1")
    rows = (bytes([row]) for row in range(0xB0, 0xD8))
    characters = "".join(
        (row + cell.encode("latin-1")).decode("gb2312", errors="ignore")
        for row in rows
        for cell in level_one
    )
    assert len(characters) == 3755
    wanted = characters + "，。：；？！（）“”《》、"
    assert [c for c in wanted if ord(c) not in known] == []
    assert len(known) < 4200
