"""Draws an example: the text, its masks and guesses, and the discriminator's marks."""

from pathlib import Path

from matplotlib import patches
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tf_pretrain import atomic_files
from tf_pretrain.inspection.example import Example
from tf_pretrain.inspection.terminal import shown, shown_places

_WIDTH = 8.0  # inches: at 800 pixels, type of 10 points is read easily
_DPI = 200
_LEFT, _RIGHT = 1.28, 7.92  # of the words
_INK, _FAINT, _PAPER, _PLAIN = "#20262e", "#5b6470", "#ffffff", "#eef0f3"
_MASKED, _SAME, _OTHER = "#7a5aa0", "#3f8f4a", "#c0432f"
_SIZE, _SMALL = 10.0, 8.5  # points
_LETTER = 0.602 / 72  # width of DejaVu Sans Mono, inches a point
_BOX = 0.28  # height of a word's box
_GAP = 0.06  # between two boxes
_LEGEND = (
    "Green: the generator drew the text's own word. Red: it drew another word, which\n"
    "the discriminator should find. The bars are its probability of “replaced”."
)


def save(example: Example, title: str, path) -> None:
    """Writes a PNG that is 1,600 pixels wide, on white; arguments as for `draw`."""
    with atomic_files.replacing(Path(path)) as temporary:
        draw(example, title).savefig(temporary, dpi=_DPI, format="png")


def draw(example: Example, title: str) -> Figure:
    """The picture, as high as needed.

    Args:
        title: The first line: which model, which text.
    """
    figure = Figure(dpi=_DPI, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    drawing = _Drawing(axes)
    drawing.text(0.1, title, _SIZE + 1, weight="bold")
    drawing.down(0.38)
    for band in _bands(example):
        drawing.band(example, band)
    if example.sampled and any(example.chosen):
        drawing.text(_LEFT, _LEGEND, _SMALL, _FAINT)
        drawing.down(0.22)
    height = -drawing.y
    axes.set(xlim=(0, _WIDTH), ylim=(-height, 0))
    figure.set_size_inches(_WIDTH, height)
    return figure


def _guess_lines(example, place):
    return [f"{shown(word)} {100 * p:.0f} %" for word, p in example.guesses[place]]


def _column_width(example, place):
    """Inches that all texts of a column need."""
    pieces = [example.original[place], example.masked[place]]
    if example.sampled and example.sampled[place]:
        pieces.append(example.sampled[place])
    widths = [len(shown(piece)) * _SIZE for piece in pieces]
    widths += [len(line) * _SMALL for line in _guess_lines(example, place)]
    return max(0.3, max(widths) * _LETTER + 0.12)


def _bands(example):
    """The tokens in groups that fit the width: lists of (place, left, width)."""
    band, left = [], _LEFT
    for place in shown_places(example):
        width = _column_width(example, place)
        if band and left + width > _RIGHT:
            yield band
            band, left = [], _LEFT
        band.append((place, left, width))
        left += width + _GAP
    yield band


class _Drawing:
    """Draws from top to bottom; `y`, in inches, is where the next row goes."""

    def __init__(self, axes):
        self.axes, self.y = axes, -0.25

    def down(self, inches):
        self.y -= inches

    def text(self, x, text, size, color=_INK, below=0.0, **options):
        options = {"va": "center", "ha": "left", "linespacing": 1.3, **options}
        self.axes.text(x, self.y - below, text, fontsize=size, color=color, **options)

    def band(self, example, band):
        """All rows of some words."""
        self._row("text", example.original, band, lambda place: _PLAIN)
        chosen = example.chosen
        if any(chosen):
            self._row(
                "masked",
                example.masked,
                band,
                lambda place: _MASKED if chosen[place] else _PLAIN,
            )
            self._guesses(example, band)
        if any(chosen) and example.sampled:
            colors = {None: _MASKED, 0: _SAME, 1: _OTHER}
            filled = [
                drawn or piece
                for drawn, piece in zip(example.sampled, example.original, strict=True)
            ]
            self._row(
                "filled in",
                filled,
                band,
                lambda place: (
                    colors[example.replaced[place]] if chosen[place] else _PLAIN
                ),
            )
        if example.replaced_probability:
            self._probabilities(example, band)
        self.down(0.12)

    def _name(self, name):
        self.text(_LEFT - 0.15, name, _SMALL + 0.5, _FAINT, ha="right")

    def _row(self, name, pieces, band, color):
        """A box for each word."""
        self._name(name)
        for place, left, width in band:
            face = color(place)
            self.axes.add_patch(
                patches.FancyBboxPatch(
                    (left, self.y - _BOX / 2),
                    width,
                    _BOX,
                    boxstyle="round,pad=0,rounding_size=0.04",
                    facecolor=face,
                    edgecolor="none",
                )
            )
            self.text(
                left + width / 2,
                shown(pieces[place]),
                _SIZE,
                _INK if face == _PLAIN else _PAPER,
                ha="center",
                va="baseline",
                below=0.05,
                family="monospace",
            )
        self.down(0.4)

    def _guesses(self, example, band):
        """The likeliest words below each mask, with their probabilities."""
        lines = {place: _guess_lines(example, place) for place, _, _ in band}
        if not any(lines.values()):
            return
        self.down(0.08)
        self._name("generator's\nguesses" if example.sampled else "guesses")
        for place, left, width in band:
            self.text(
                left + width / 2,
                "\n".join(lines[place]),
                _SMALL,
                ha="center",
                family="monospace",
            )
        self.down(0.5)

    def _probabilities(self, example, band):
        """A bar and a figure below each word: probability that it was replaced."""
        height = 0.45
        self.down(0.12)
        self._name("discriminator:\nreplaced? %")
        base = self.y - height / 2
        for place, left, width in band:
            share, label = example.replaced_probability[place], example.replaced[place]
            self.axes.add_patch(
                patches.Rectangle(
                    (left, base),
                    width,
                    max(0.012, height * share),
                    facecolor=_OTHER if label else "#a9b1bb",
                )
            )
            self.text(
                left + width / 2,
                f"{100 * share:.0f}",
                _SMALL,
                below=height / 2 - height * share - 0.09,
                ha="center",
            )
        self.down(0.4)
