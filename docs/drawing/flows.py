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
from tf_pretrain.config import PretrainConfig
from tf_pretrain.data.tokenization import META_SYMBOL

_LEFT, _RIGHT_EDGE = 1.85, WIDTH - 0.35  # of the tokens
# The steps of pretraining and their colors; the names of the texts begin with "step_".
_ELECTRA_STEPS = (
    ("text", PLAIN),
    ("build", PLAIN),
    ("records", PLAIN),
    ("batch", PLAIN),
    ("masks", MASKED),
    ("generator", GENERATOR),
    ("sample", WRONG),
    ("discriminator", ENCODER),
    ("losses", PLAIN),
    ("clip", PLAIN),
    ("adamw", PLAIN),
    ("checkpoint", PLAIN),
)
_ALBERT_STEPS = (
    ("text", PLAIN),
    ("segments", PLAIN),
    ("swap", tint(EMBEDDINGS, 0.45)),
    ("ngrams", MASKED),
    ("records", PLAIN),
    ("batch", PLAIN),
    ("encoder", ENCODER),
    ("heads", tint(ENCODER, 0.35)),
    ("losses", PLAIN),
    ("clip", PLAIN),
    ("lamb", PLAIN),
    ("checkpoint", PLAIN),
)
_FIRST, _SECOND = tint(ENCODER, 0.25), tint(EMBEDDINGS, 0.45)  # segments


def draw_electra(
    example: Example, config: PretrainConfig, words: dict[str, str]
) -> Canvas:
    """Masks, samples, and what the discriminator makes of them.

    Args:
        config: Of the networks that the example went through.
        words: The texts in one language (docs.course.words).
    """
    canvas = _slide("electra", example, config, _ELECTRA_STEPS, words)
    columns = _Columns(canvas, len(example.original))
    columns.row(5.22, words["text"], example.original)
    percent = 100 * config.data.masked_lm_prob
    columns.row(
        4.6,
        words["masked_row"].format(percent=percent),
        example.masked,
        lambda i: MASKED if example.chosen[i] else PLAIN,
    )
    columns.bar(3.98, words["generator_bar"], GENERATOR)
    columns.guesses(3.36, example, words["likeliest"])
    colors = {None: PLAIN, 0: RIGHT, 1: WRONG}
    columns.row(
        2.62,
        words["sample_row"],
        [s or o for s, o in zip(example.sampled, example.original, strict=True)],
        lambda i: colors[example.replaced[i] if example.chosen[i] else None],
    )
    columns.bar(2.0, words["discriminator_bar"], ENCODER)
    columns.probabilities(0.98, example, words)
    text = words["electra_loss"].format(
        **example.losses,
        masks=sum(example.chosen),
        tokens=len(example.original),
        weight=config.objective.discriminator_weight,
    )
    canvas.text(WIDTH / 2, 0.35, text, 13, weight="bold")
    return canvas


def draw_albert(
    example: Example, config: PretrainConfig, words: dict[str, str]
) -> Canvas:
    """Two segments, perhaps swapped; masked n-grams; both predictions.

    Args: As for draw_electra.
    """
    canvas = _slide("albert", example, config, _ALBERT_STEPS, words)
    columns = _Columns(canvas, len(example.original))
    order = "B, A" if example.swapped else "A, B"
    columns.row(
        4.9,
        words["segments_row"].format(order=order),
        example.original,
        lambda i: (_FIRST, _SECOND)[example.segments[i] ^ example.swapped],
    )
    columns.row(
        4.1,
        words["ngrams_row"],
        example.masked,
        lambda i: MASKED if example.chosen[i] else PLAIN,
    )
    layers = config.model.num_hidden_layers
    columns.bar(3.4, words["encoder_bar"].format(layers=layers), ENCODER)
    columns.guesses(2.7, example, words["likeliest_and_order"])
    columns.row(
        1.65,
        words["targets_row"],
        [o if c else "" for o, c in zip(example.original, example.chosen, strict=True)],
        lambda i: MASKED if example.chosen[i] else None,
    )
    truth = words["swapped" if example.swapped else "in_order"]
    columns.from_bar(0, 2.7)
    guess = f"{words['swapped']}\n{100 * example.swapped_probability:.0f} %"
    canvas.text(columns.x(0), 2.7, guess, 9)
    width = columns.step - 0.05
    canvas.box(columns.x(0) - width / 2, 1.65, width, 0.34, truth, ENCODER, 11)
    text = words["albert_loss"].format(**example.losses, masks=sum(example.chosen))
    canvas.text(WIDTH / 2, 0.75, text, 13, weight="bold")
    return canvas


def _slide(kind, example, config, steps, words):
    """A slide with the title, the network's name, and the steps of pretraining."""
    model = config.model
    name = words[f"{kind}_name"].format(
        layers=model.num_hidden_layers, width=model.hidden_size
    )
    subtitle = words[f"{kind}_flow_subtitle"].format(name=name, seed=example.seed)
    canvas = Canvas(words[f"{kind}_flow_title"], subtitle)
    canvas.band(5.88, [(words[f"step_{step}"], color) for step, color in steps])
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

    def probabilities(self, y, example, words):
        """The discriminator's probability at each token, and the label."""
        height = 0.65
        self.name(y + 0.4, words["replaced_probability"])
        self.canvas.arrow((_LEFT, y), (_RIGHT_EDGE, y), style="-", width=0.8)
        self.name(y - 0.18, words["label"])
        for number, share in enumerate(example.replaced_probability):
            color = WRONG if example.replaced[number] else RIGHT
            left = self.x(number) - 0.14
            self.canvas.box(left, y, 0.28, max(0.02, height * share), color=color)
            top = y + height * share + 0.12
            self.canvas.text(self.x(number), top, f"{100 * share:.0f}", 11)
            label = words["replaced" if example.replaced[number] else "original"]
            size = min(11, 72 * self.step / 5.6)
            self.canvas.text(self.x(number), y - 0.18, label, size, color)


def _shown(piece):
    return piece.replace(META_SYMBOL, "") or META_SYMBOL
