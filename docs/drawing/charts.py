"""Charts on a slide: values become positions in inches."""

from matplotlib import patches

from docs.drawing.canvas import FAINT, INK, PAPER, Canvas

GRID = "#d5d9df"


class Chart:
    """A region of a slide with a linear scale in both directions.

    Args:
        region: (x, y, width, height) in inches, from the lower left corner.
        across, up: (lowest, highest) value in each direction.
    """

    def __init__(self, canvas: Canvas, region, across, up):
        self.canvas, self.region = canvas, region
        self._across, self._up = across, up

    def at(self, across: float, up: float) -> tuple[float, float]:
        """The position of a point in inches."""
        x, y, width, height = self.region
        (left, right), (low, high) = self._across, self._up
        return (
            x + width * (across - left) / (right - left),
            y + height * (up - low) / (high - low),
        )

    def ticks_up(self, values, size=9):
        """A faint line and a number at each value."""
        for value in values:
            (left, y), (right, _) = (self.at(a, value) for a in self._across)
            self.stroke([(left, y), (right, y)], GRID, 0.8, order=0)
            self.canvas.text(
                left - 0.08, y, f"{value:g}", size, FAINT, ha="right", va="center"
            )

    def ticks_across(self, names: dict[float, str], size=9, has_lines=False):
        """A text below each value, with a faint line if wanted."""
        for value, text in names.items():
            x, y = self.at(value, self._up[0])
            if has_lines:
                self.stroke([(x, y), self.at(value, self._up[1])], GRID, 0.8, order=0)
            self.canvas.text(x, y - 0.16, text, size, FAINT, va="center_baseline")

    def stroke(self, points, color, width=1.8, style="-", order=2):
        """A line through points in inches; of order 0 it is behind all else."""
        self.canvas.axes.plot(
            *zip(*points, strict=True), color=color, lw=width, ls=style, zorder=order
        )

    def line(self, points, color, style="-"):
        """A line through points (across, up, lowest, highest), with their ranges."""
        self.stroke([self.at(a, u) for a, u, *_ in points], color, 1.8, style)
        for across, up, low, high in points:
            self.stroke([self.at(across, low), self.at(across, high)], color, 1.2)
            self.dot(across, up, color)

    def dot(self, across, up, color, radius=0.055, is_open=False):
        """A filled dot, or a ring."""
        self.canvas.axes.add_patch(
            patches.Circle(
                self.at(across, up),
                radius,
                facecolor=PAPER if is_open else color,
                edgecolor=color,
                linewidth=1.4,
                zorder=3,
            )
        )

    def frame(self):
        """The lower edge."""
        low = self._up[0]
        self.stroke([self.at(a, low) for a in self._across], INK, 1.0)


def round_ticks(values) -> list[int]:
    """Multiples of 10 or 20 from below to above all values; to 100 without values."""
    low, high = (min(values), max(values)) if values else (0, 100)
    step = 10 if high - low <= 50 else 20
    first = int(low // step)
    last = max(first + 1, int(-(-high // step)))
    return [step * number for number in range(first, last + 1)]


def legend(canvas: Canvas, x, y, entries, gap=0.35, size=10.5):
    """Swatches with texts from left to right.

    Args:
        entries: (text, color, whether it is a ring) of each.
    """
    renderer = canvas.figure.canvas.get_renderer()
    for text, color, is_open in entries:
        canvas.axes.add_patch(
            patches.Circle(
                (x + 0.07, y), 0.07, facecolor=PAPER if is_open else color,
                edgecolor=color, linewidth=1.4,
            )
        )  # fmt: skip
        drawn = canvas.text(x + 0.22, y, text, size, ha="left", va="center_baseline")
        x += 0.22 + drawn.get_window_extent(renderer).width / canvas.figure.dpi + gap
