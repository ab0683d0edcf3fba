"""Both models at a glance: the way of a text, and what is kept afterwards."""

from docs.drawing.canvas import (
    EMBEDDINGS,
    ENCODER,
    FAINT,
    GENERATOR,
    MASKED,
    PLAIN,
    RIGHT,
    WRONG,
    Canvas,
    tint,
)
from tf_pretrain.config import PretrainConfig, generator_config

_TEXT = ("the", "chef", "cooked", "the", "meal")
_MASKED = ("the", "[MASK]", "cooked", "the", "[MASK]")
_FILLED = ("the", "chef", "cooked", "the", "house")


def draw_electra(config: PretrainConfig, words: dict[str, str]) -> Canvas:
    """Text, masks, generator, samples, discriminator; below, after pretraining.

    Args:
        config: Whose widths the boxes of the networks have, in proportion.
        words: The texts in one language (docs.course.words).
    """
    canvas = Canvas(words["electra_glance_title"], words["electra_glance_subtitle"])
    share = generator_config(config).hidden_size / config.model.hidden_size
    middle, tall = 4.35, 2.6
    columns = (
        (0.45, _TEXT, _plain, "glance_text"),
        (2.3, _MASKED, _of_mask, "glance_masks"),
        (6.2, _FILLED, _of_sample, "glance_samples"),
    )
    for x, tokens, color, name in columns:
        _column(canvas, x, middle, tokens, color)
        canvas.text(x + 0.6, 6.0, words[name], 12, FAINT)
    low = max(0.5, tall * share)
    canvas.arrow((1.7, middle), (2.25, middle))
    canvas.arrow((3.55, middle), (4.05, middle))
    text = words["generator_box"]
    canvas.box(4.1, middle - low / 2, 1.45, low, text, GENERATOR, 13)
    canvas.arrow((5.6, middle), (6.15, middle), color=WRONG)
    canvas.text(5.87, 2.95, words["samples_arrow"], 11.5, WRONG)
    canvas.arrow((7.45, middle), (7.95, middle))
    text = words["discriminator_box"]
    canvas.box(8.0, middle - tall / 2, 1.9, tall, text, ENCODER, 14)
    canvas.arrow((9.95, middle), (10.45, middle))
    verdicts = [words["replaced" if i == 4 else "original"] for i in range(5)]
    _column(canvas, 10.5, middle, verdicts, lambda _, i: WRONG if i == 4 else RIGHT)
    canvas.text(11.1, 6.0, words["glance_verdicts"], 12, FAINT)
    _afterwards(canvas, words)
    return canvas


def _plain(token, number):
    return PLAIN


def _of_mask(token, number):
    return MASKED if token == "[MASK]" else PLAIN


def _of_sample(token, number):
    return {1: RIGHT, 4: WRONG}.get(number, PLAIN)


def _column(canvas, x, middle, tokens, color):
    for number, token in enumerate(tokens):
        y = middle + 0.5 * (2 - number) - 0.19
        canvas.box(x, y, 1.2, 0.38, token, color(token, number), 12)


def _afterwards(canvas, words):
    """The dashed lane: the generator goes, the discriminator gets a new head."""
    canvas.box(0.45, 0.35, 12.43, 1.9, color="#ffffff", edge=FAINT, style="--")
    canvas.text(0.65, 1.98, words["after_pretraining"], 13, FAINT, ha="left")
    canvas.box(0.75, 0.75, 2.2, 0.7, words["generator_dropped"],
               tint(GENERATOR, 0.25), 12, style="--")  # fmt: skip
    canvas.box(4.3, 0.75, 1.7, 0.7, words["your_text"], PLAIN, 12)
    canvas.arrow((6.05, 1.1), (6.55, 1.1))
    canvas.box(6.6, 0.65, 2.1, 0.9, words["discriminator_kept_box"], ENCODER, 13)
    canvas.arrow((8.75, 1.1), (9.25, 1.1))
    canvas.box(9.3, 0.75, 1.6, 0.7, words["new_head"], tint(ENCODER, 0.35), 12)
    canvas.arrow((10.95, 1.1), (11.4, 1.1))
    canvas.box(11.45, 0.75, 1.2, 0.7, words["label"], PLAIN, 12)


def draw_albert(config: PretrainConfig, words: dict[str, str]) -> Canvas:
    """Two segments, a small table, one layer in a loop, two heads; BERT beside it.

    Args: As for draw_electra.
    """
    canvas = Canvas(words["albert_glance_title"], words["albert_glance_subtitle"])
    model = config.model
    thin = max(0.25, 1.5 * model.embedding_size / model.hidden_size)
    y, tall = 4.4, 2.2
    canvas.text(0.45, 6.05, "ALBERT", 15, ENCODER, ha="left", weight="bold")
    _segments(canvas, 0.45, y, words)
    canvas.arrow((2.65, y), (3.1, y))
    canvas.box(3.15, y - tall / 2, thin, tall, "", EMBEDDINGS)
    canvas.text(3.15 + thin / 2, y + 1.35, "V × E", 12)
    canvas.arrow((3.2 + thin, y), (4.0, y))
    canvas.box(4.05, y - thin / 2, 1.5, thin, "", EMBEDDINGS)
    canvas.text(4.8, y + 0.42, "E × H", 12)
    canvas.arrow((5.6, y), (6.05, y))
    canvas.box(6.1, y - 0.55, 1.9, 1.1, words["one_layer"], ENCODER, 14)
    canvas.arrow((7.6, y + 0.55), (7.6, y + 1.1), (6.5, y + 1.1), (6.5, y + 0.56),
                 color=ENCODER)  # fmt: skip
    canvas.text(7.05, y + 1.35, words["times_layers"], 12.5, ENCODER)
    canvas.arrow((8.0, y), (9.1, y))
    _heads(canvas, y, words)
    _bert(canvas, model, words)
    return canvas


def _segments(canvas, x, y, words):
    canvas.box(x, y + 0.1, 2.15, 0.6, words["segment_b"], tint(EMBEDDINGS, 0.45), 12)
    canvas.box(x, y - 0.7, 2.15, 0.6, words["segment_a"], tint(ENCODER, 0.25), 12)
    canvas.text(x + 1.07, y + 1.1, words["perhaps_swapped"], 12, FAINT)


def _heads(canvas, y, words):
    for dy, name, answer in (
        (0.6, "masked_head_box", "masked_answer"),
        (-0.6, "order_head_box", "order_answer"),
    ):
        canvas.box(9.15, y + dy - 0.4, 1.75, 0.8, words[name], tint(ENCODER, 0.35), 12)
        canvas.arrow((10.95, y + dy), (11.3, y + dy))
        canvas.box(11.35, y + dy - 0.4, 1.5, 0.8, words[answer], PLAIN, 12)


def _bert(canvas, model, words):
    """What ALBERT replaces, in grey."""
    grey, y = "#c9ced6", 1.35
    canvas.text(0.45, 2.45, words["instead_of_bert"], 13, FAINT, ha="left")
    canvas.box(3.15, y - 0.75, 1.5, 1.5, "V × H", grey, 13)
    canvas.arrow((4.7, y), (5.15, y), color=FAINT)
    step = 3.6 / model.num_hidden_layers
    for number in range(model.num_hidden_layers):
        canvas.box(5.2 + number * step, y - 0.55, 0.75 * step, 1.1, "", grey)
    canvas.text(7.0, 0.5, words["different_layers"], 12, FAINT)
    canvas.arrow((8.85, y), (9.3, y), color=FAINT)
    canvas.box(9.35, y - 0.4, 1.75, 0.8, words["bert_heads"], grey, 12)
