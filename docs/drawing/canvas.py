"""A slide with boxes, arrows and texts that fit; positions in inches."""

import colorsys

import numpy as np
from matplotlib import colors, patches
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tf_pretrain import plotting

WIDTH, HEIGHT = 13.33, 7.5  # a slide of 16 : 9
INK, FAINT, PAPER = "#20262e", "#6b7480", "#ffffff"
# What a color stands for, on every figure.
GENERATOR, ENCODER, EMBEDDINGS = "#2a9d8f", "#3d5a98", "#e0a53a"
MASKED, WRONG, RIGHT, PLAIN = "#8d6cab", "#c8503c", "#4c9a52", "#e9ecf0"
_DPI = 120


class Canvas:
    """A figure whose unit is the inch, (0, 0) at the lower left."""

    def __init__(self, title, subtitle="", height=HEIGHT):
        self.figure = Figure(figsize=(WIDTH, height), dpi=_DPI, facecolor=PAPER)
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, WIDTH), ylim=(0, height))
        self.axes.axis("off")
        self.text(0.45, height - 0.45, title, size=22, weight="bold", ha="left")
        self.text(0.45, height - 0.85, subtitle, size=12.5, color=FAINT, ha="left")

    def text(self, x, y, text, size=12, color=INK, ha="center", **options):
        """One or more lines, centred at the height y."""
        options.setdefault("va", "center")
        if any(character > "\u2fff" for character in text):
            options["family"] = plotting.families()
            options.pop("weight", None)  # the Chinese font has no bold face
        return self.axes.text(
            x, y, text, fontsize=size, color=color, ha=ha, linespacing=1.35, **options
        )

    def box(self, x, y, width, height, text="", color=PLAIN, size=12, **options):
        """A box from its lower left corner; its text becomes smaller until it fits."""
        rounding = min(0.06, width / 4, height / 4)
        self.axes.add_patch(
            patches.FancyBboxPatch(
                (x, y),
                width,
                height,
                boxstyle=f"round,pad=0,rounding_size={rounding}",
                facecolor=color,
                edgecolor=options.pop("edge", shade(color, 0.75)),
                linewidth=options.pop("line", 1.0),
                linestyle=options.pop("style", "-"),
            )
        )
        if not text:
            return
        options.setdefault("color", ink_on(color))
        drawn = self.text(x + width / 2, y + height / 2, text, size, **options)
        room = width - 0.08, height - 0.04
        while drawn.get_fontsize() > 5 and not self._fits(drawn, *room):
            drawn.set_fontsize(drawn.get_fontsize() - 0.5)

    def _fits(self, drawn, width, height):
        extent = drawn.get_window_extent(self.figure.canvas.get_renderer())
        return extent.width <= width * _DPI and extent.height <= height * _DPI

    def band(self, y, steps):
        """The steps of a pipeline from left to right: (text, color) of each."""
        step = (WIDTH - 0.9) / len(steps)
        size = 10
        for number, (text, color) in enumerate(steps):
            x = 0.45 + number * step
            self.box(x, y, step - 0.2, 0.48, text, color, size)
            if number:
                self.arrow((x - 0.19, y + 0.24), (x - 0.01, y + 0.24), width=1.2)

    def arrow(self, *points, color=INK, width=1.8, style="-|>", line="-"):
        """A line through the points (x, y), with a head at the last."""
        for start, stop in zip(points[:-2], points[1:-1], strict=True):
            self.axes.plot(
                *zip(start, stop, strict=True),
                color=color,
                lw=width,
                ls=line,
                solid_capstyle="round",
            )
        self.axes.add_patch(
            patches.FancyArrowPatch(
                points[-2],
                points[-1],
                arrowstyle=style,
                mutation_scale=14,
                color=color,
                linewidth=width,
                linestyle=line,
                shrinkA=0,
                shrinkB=0,
            )
        )

    def save(self, path):
        """Writes a PNG with a palette, which is a third of the size."""
        self.figure.canvas.draw()
        pixels = np.asarray(self.figure.canvas.buffer_rgba())[..., :3]
        image = Image.fromarray(pixels.copy())
        image = image.quantize(256, dither=Image.Dither.NONE)
        image.save(path, optimize=True)


def shade(color, factor):
    """A color made darker."""
    hue, light, saturation = colorsys.rgb_to_hls(*colors.to_rgb(color))
    return colorsys.hls_to_rgb(hue, light * factor, saturation)


def tint(color, share):
    """A color mixed with white; share 1 leaves it as it is."""
    return tuple(1 - share * (1 - part) for part in colors.to_rgb(color))


def ink_on(color):
    """Dark or white, whichever can be read on a color."""
    red, green, blue = colors.to_rgb(color)
    return PAPER if 0.3 * red + 0.59 * green + 0.11 * blue < 0.58 else INK
