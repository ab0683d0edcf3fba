"""What happens to one text in pretraining, by rows from top to bottom."""

from docs.drawing.canvas import (
    EMBEDDINGS,
    ENCODER,
    FAINT,
    GENERATOR,
    MASKED,
    PLAIN,
    RIGHT,
    WIDTH,
    WRONG,
    Canvas,
    ink_on,
    tint,
)
from docs.drawing.example import Example
from tf_pretrain.data.tokenization import META_SYMBOL

_LEFT, _RIGHT_EDGE = 1.85, WIDTH - 0.35  # of the tokens
_FIRST, _SECOND = tint(ENCODER, 0.25), tint(EMBEDDINGS, 0.45)  # segments


def draw_electra(example: Example, objective, name: str) -> Canvas:
    """Masks, samples, and what the discriminator makes of them.

    Args:
        objective: An ObjectiveConfig, for the weights of the losses.
        name: Which networks, for the caption.
    """
    canvas = Canvas(
        "ELECTRA: find the words that a small network made up",
        f"A real example: generator and discriminator of {name} (seed {example.seed}).",
    )
    columns = _Columns(canvas, len(example.original))
    columns.row(5.75, "text", example.original)
    columns.row(
        4.95,
        "15 % of it\nis masked",
        example.masked,
        lambda i: MASKED if example.chosen[i] else PLAIN,
    )
    columns.bar(4.3, "generator: masked LM", GENERATOR)
    columns.guesses(3.62, example, "likeliest\nwords")
    colors = {None: PLAIN, 0: RIGHT, 1: WRONG}
    columns.row(
        2.75,
        "one sample\nat each mask",
        [s or o for s, o in zip(example.sampled, example.original, strict=True)],
        lambda i: colors[example.replaced[i] if example.chosen[i] else None],
    )
    columns.bar(2.1, "discriminator: replaced or not?", ENCODER)
    columns.probabilities(1.0, example)
    losses, weight = example.losses, objective.discriminator_weight
    canvas.text(
        WIDTH / 2,
        0.35,
        f"loss of this text = masked LM {losses['masked_lm']:.2f} at the "
        f"{sum(example.chosen)} masks  +  {weight:g} × replaced token "
        f"{losses['replaced_token']:.3f} at all {len(example.original)} tokens  =  "
        f"{losses['loss']:.2f}",
        13,
        weight="bold",
    )
    return canvas


def draw_albert(example: Example, name: str) -> Canvas:
    """Two segments, perhaps swapped; masked n-grams; both predictions."""
    canvas = Canvas(
        "ALBERT: fill in masked phrases, and tell which sentence came first",
        f"A real example: the encoder of {name} (seed {example.seed}).",
    )
    columns = _Columns(canvas, len(example.original))
    first = "B, A" if example.swapped else "A, B"
    columns.row(
        5.5,
        f"two segments,\nin order {first}",
        example.original,
        lambda i: (_FIRST, _SECOND)[example.segments[i] ^ example.swapped],
    )
    columns.row(
        4.55,
        "whole words and\nn-grams masked",
        example.masked,
        lambda i: MASKED if example.chosen[i] else PLAIN,
    )
    columns.bar(3.7, "encoder: one layer, applied again and again", ENCODER)
    columns.guesses(2.95, example, "likeliest words;\norder at [CLS]")
    columns.row(
        1.85,
        "to predict",
        [o if c else "" for o, c in zip(example.original, example.chosen, strict=True)],
        lambda i: MASKED if example.chosen[i] else None,
    )
    truth = ("in order", "swapped")[example.swapped]
    guess = f"swapped\n{100 * example.swapped_probability:.0f} %"
    columns.from_bar(0, 2.95)
    canvas.text(columns.x(0), 2.95, guess, 9)
    width = columns.step - 0.05
    canvas.box(columns.x(0) - width / 2, 1.85, width, 0.34, truth, ENCODER, 11)
    losses = example.losses
    canvas.text(
        WIDTH / 2,
        0.75,
        f"loss of this text = masked LM {losses['masked_lm']:.2f} at the "
        f"{sum(example.chosen)} masks  +  sentence order "
        f"{losses['sentence_order']:.2f}  =  {losses['loss']:.2f}",
        13,
        weight="bold",
    )
    return canvas


class _Columns:
    """A column for each token, with names of the rows on the left."""

    def __init__(self, canvas, count):
        self.canvas, self.count = canvas, count
        self.step = (_RIGHT_EDGE - _LEFT) / count

    def x(self, number):
        """The middle of a column."""
        return _LEFT + (number + 0.5) * self.step

    def _size(self, letters):
        """The font size at which so many letters fit a column."""
        return 72 * (self.step - 0.05) / (0.62 * letters)

    def name(self, y, text):
        """The name of a row."""
        self.canvas.text(_LEFT - 0.15, y, text, 11.5, FAINT, ha="right")

    def row(self, y, name, pieces, color=lambda i: PLAIN):
        """A box for each piece; none where its color is None."""
        self.name(y + 0.16, name)
        width = self.step - 0.05
        # One size for all, on one line.
        longest = max(len(_shown(piece)) for piece in pieces)
        size = min(12.5, self._size(longest))
        for number, piece in enumerate(pieces):
            if color(number) is not None:
                left = _LEFT + number * self.step + 0.025
                self.canvas.box(left, y, width, 0.34, color=color(number))
                ink = ink_on(color(number))
                self.canvas.text(
                    left + width / 2, y + 0.11, _shown(piece), size, ink, va="baseline"
                )

    def bar(self, y, text, color):
        """A network across all columns."""
        middle = (_LEFT + _RIGHT_EDGE) / 2
        self.canvas.arrow((middle, y + 0.6), (middle, y + 0.43))
        width = _RIGHT_EDGE - _LEFT - 0.05
        self.canvas.box(_LEFT + 0.025, y, width, 0.4, text, color, 14, weight="bold")

    def guesses(self, y, example, name):
        """What the masked LM thinks, below each mask; an arrow comes from the bar."""
        self.name(y, name)
        texts = {
            number: [f"{_shown(p)} {100 * share:.0f} %" for p, share in guesses]
            for number, guesses in enumerate(example.guesses)
            if guesses
        }
        longest = max(len(line) for lines in texts.values() for line in lines)
        size = min(10, self._size(longest))
        for number, lines in texts.items():
            self.from_bar(number, y)
            self.canvas.text(self.x(number), y, "\n".join(lines), size)

    def from_bar(self, number, y):
        """An arrow to the text of a column."""
        x = self.x(number)
        self.canvas.arrow((x, y + 0.62), (x, y + 0.38), width=1.2)

    def probabilities(self, y, example):
        """The discriminator's probability at each token, and the label."""
        height = 0.75
        self.name(y + 0.4, "probability of\n“replaced”, %")
        self.canvas.arrow((_LEFT, y), (_RIGHT_EDGE, y), style="-", width=0.8)
        self.name(y - 0.18, "label")
        for number, share in enumerate(example.replaced_probability):
            color = WRONG if example.replaced[number] else RIGHT
            left = self.x(number) - 0.14
            self.canvas.box(left, y, 0.28, max(0.02, height * share), color=color)
            top = y + height * share + 0.12
            self.canvas.text(self.x(number), top, f"{100 * share:.0f}", 11)
            label = "replaced" if example.replaced[number] else "original"
            size = min(11, 72 * self.step / 5.6)
            self.canvas.text(self.x(number), y - 0.18, label, size, color)


def _shown(piece):
    return piece.replace(META_SYMBOL, "") or META_SYMBOL
