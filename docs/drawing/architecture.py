"""What the networks are made of: ELECTRA's two towers, ALBERT's saving of weights."""

import dataclasses

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
from tf_pretrain.config import EncoderConfig, PretrainConfig, generator_config
from tf_pretrain.models import sizes

_MASKED = ("the", "[MASK]", "cooked", "the", "[MASK]")
_FILLED = ("the", "chef", "cooked", "the", "house")
_SHARING = ("none", "attention", "ffn", "all")


def electra_parts(config: PretrainConfig) -> dict[str, int]:
    """Weights of ELECTRA with tied embeddings by its parts; their sum is all of them.

    "embeddings" are of both networks; other parts have "generator " or
    "discriminator " before their names.
    """
    found = {"embeddings": sizes.parameter_counts(config.model)["embeddings"]}
    for name, model, head in (
        ("generator", generator_config(config), sizes.masked_lm_head_parameters),
        ("discriminator", config.model, sizes.replaced_token_head_parameters),
    ):
        parts = _parts(model)
        del parts["embeddings"]
        found |= {f"{name} {part}": count for part, count in parts.items()}
        found[f"{name} head"] = head(model)
    return found


def _parts(model: EncoderConfig) -> dict[str, int]:
    counts = sizes.parameter_counts(model)
    del counts["total"]
    return counts


def draw_electra(config: PretrainConfig, name: str) -> Canvas:
    """Generator and discriminator on one table of embeddings, with their weights.

    Args:
        config: With tied embeddings, and a generator that is a network.
        name: For the title.
    """
    found = electra_parts(config)
    canvas = Canvas(
        f"{name}: two towers on one table of embeddings",
        "Numbers are weights. Heights of the layers are in proportion to their width.",
    )
    towers = (
        ("generator", generator_config(config), 4.75, GENERATOR),
        ("discriminator", config.model, 2.15, ENCODER),
    )
    _shared_embeddings(canvas, config.model, found["embeddings"], 1.35, 4.75)
    for part, model, middle, color in towers:
        _tower(canvas, part, model, middle, color, found, config.model.hidden_size)
    _words(canvas, 4.75, _MASKED)
    _words(canvas, 2.15, _FILLED)
    canvas.text(1.13, 6.0, "the text with\nsome words masked", 11, FAINT)
    canvas.text(1.13, 0.85, "the text with the\ngenerator's words", 11, FAINT)

    kept = found["embeddings"] + sum(
        count
        for part, count in found.items()
        if part.startswith("discriminator ") and not part.endswith(" head")
    )
    thrown = sum(count for part, count in found.items() if "generator " in part)
    canvas.text(
        7.3,
        6.15,
        f"The generator predicts masked words; {thrown:,} weights of its own, "
        "thrown away at the end.",
        12.5,
        GENERATOR,
        weight="bold",
    )
    canvas.text(
        7.3,
        0.72,
        f"The discriminator finds replaced words; kept for fine-tuning, with the "
        f"embeddings: {kept:,} weights.",
        12.5,
        ENCODER,
        weight="bold",
    )
    # The samples go round to the discriminator's text.
    canvas.arrow(
        (12.45, 4.05), (12.45, 3.65), (12.95, 3.65), (12.95, 0.28),
        (0.15, 0.28), (0.15, 2.15), (0.55, 2.15), color=WRONG,
    )  # fmt: skip
    canvas.text(11.35, 3.4, "sampled words, no gradient", 11, WRONG)
    return canvas


def _words(canvas, middle, words):
    for number, word in enumerate(words):
        original = word == ("the", "chef", "cooked", "the", "meal")[number]
        color = PLAIN if original else MASKED if word == "[MASK]" else WRONG
        if word == "chef":
            color = RIGHT
        y = middle + 0.32 * (2 - number) - 0.14
        canvas.box(0.6, y, 1.0, 0.28, word, color, 11)
    canvas.arrow((1.62, middle), (1.87, middle))


def _shared_embeddings(canvas, model, count, bottom, middle_of_generator):
    top = middle_of_generator + 0.95
    text = (
        "shared\nembeddings\n\n"
        f"{model.vocab_size:,} words\n{model.max_position_embeddings} positions\n"
        f"{model.type_vocab_size} segments\n× {model.embedding_size}\n\n{count:,}"
    )
    canvas.box(1.9, bottom, 1.5, top - bottom, text, EMBEDDINGS, 13, weight="bold")


def _tower(canvas, part, model, middle, color, found, widest):
    """From the embeddings to the head, left to right around a height."""
    canvas.arrow((3.42, middle), (3.75, middle))
    left = 3.78
    projection = found[f"{part} projection"]
    if projection:
        text = f"{model.embedding_size}\nto\n{model.hidden_size}\n\n{projection:,}"
        canvas.box(left, middle - 0.75, 0.85, 1.5, text, tint(color, 0.35), 11)
        canvas.arrow((left + 0.87, middle), (left + 1.15, middle))
    left = 4.95
    height = max(0.35, 1.75 * model.hidden_size / widest)
    step = 4.3 / model.num_hidden_layers
    for number in range(model.num_hidden_layers):
        x = left + number * step
        canvas.box(x, middle - height / 2, 0.72 * step, height, color=color)
    layers = found[f"{part} attention"] + found[f"{part} feed_forward"]
    each = layers // model.num_hidden_layers
    heads = f"{model.num_attention_heads} head" + "s" * (model.num_attention_heads > 1)
    canvas.text(
        left + 2.1,
        middle - height / 2 - 0.24,
        f"{model.num_hidden_layers} layers × {each:,} = {layers:,}   "
        f"(width {model.hidden_size}, {heads})",
        12,
    )
    canvas.arrow((left + 4.3, middle), (left + 4.6, middle))
    head = {"generator": "masked-LM\nhead", "discriminator": "replaced-\ntoken head"}
    text = f"{head[part]}\n\n{found[f'{part} head']:,}"
    canvas.box(9.58, middle - 0.75, 1.3, 1.5, text, tint(color, 0.35), 12)
    canvas.arrow((10.9, middle), (11.2, middle))
    if part == "generator":
        text = f"probabilities\nof {model.vocab_size:,}\nwords at every\nmasked place"
    else:
        text = "every word:\noriginal or\nreplaced?"
    canvas.box(11.23, middle - 0.68, 1.6, 1.36, text, PLAIN, 12)


def draw_albert(albert: PretrainConfig, name: str) -> Canvas:
    """Factorised embeddings and shared layers, with the weights that they save.

    Args:
        albert: All layers shared, E smaller than H.
        name: For the title.
    """
    model = albert.model
    full = dataclasses.replace(model, embedding_size=model.hidden_size)
    widths = (full.embedding_size, model.embedding_size)
    found = {
        (size, sharing): _parts(
            dataclasses.replace(model, embedding_size=size, parameter_sharing=sharing)
        )
        for size in widths
        for sharing in _SHARING
    }
    canvas = Canvas(
        f"{name}: the same depth and width with few weights",
        "Numbers are weights of encoders with pooler, without heads. Areas of the "
        "tables are in proportion.",
    )
    bert, small = found[full.hidden_size, "none"], found[model.embedding_size, "all"]
    _factorisation(canvas, model, bert, small)
    _sharing(canvas, model, bert, small)
    _totals(canvas, found, widths)
    return canvas


def _factorisation(canvas, model, bert, small):
    canvas.text(0.45, 6.1, "1  Factorised embeddings", 15, weight="bold", ha="left")
    height, scale = 3.6, 1.5 / model.hidden_size
    bottom = 1.85
    rows = f"{model.vocab_size:,} words"
    canvas.box(0.6, bottom, scale * model.hidden_size, height, "", EMBEDDINGS)
    canvas.text(1.35, bottom + height / 2, f"{rows}\n× {model.hidden_size}", 13)
    canvas.text(1.35, 5.67, "BERT: V × H", 12.5)
    canvas.text(1.35, bottom - 0.3, f"{bert['embeddings']:,}", 13, weight="bold")
    left, thin = 2.75, scale * model.embedding_size
    canvas.box(left, bottom, thin, height, "", EMBEDDINGS)
    canvas.text(
        left + thin / 2, bottom + height / 2, f"{rows} × {model.embedding_size}", 11.5,
        rotation=90,
    )  # fmt: skip
    # E x H lies on its side: as wide as the other H, rows as high as theirs.
    flat = height * model.embedding_size / model.vocab_size
    x = left + thin + 0.25
    canvas.box(x, bottom + height / 2, scale * model.hidden_size, flat, "", EMBEDDINGS)
    canvas.text(x + 0.75, 4.1, f"{model.embedding_size} × {model.hidden_size}", 12)
    canvas.text(3.72, 5.67, "ALBERT: V × E, E × H", 12.5)
    total = small["embeddings"] + small["projection"]
    canvas.text(3.72, bottom - 0.3, f"{total:,}", 13, weight="bold")
    canvas.text(
        0.6, 0.95, "With positions and segments. E is apart from\n"
        "H, so a wide network needs no wide table.", 11, FAINT, ha="left",
    )  # fmt: skip


def _sharing(canvas, model, bert, small):
    canvas.text(5.3, 6.1, "2  Shared layers", 15, weight="bold", ha="left")
    layers, each = model.num_hidden_layers, 3.6 / model.num_hidden_layers
    for number in range(layers):
        y = 1.85 + number * each
        share = 0.35 + 0.65 * number / max(1, layers - 1)
        canvas.box(5.3, y, 1.35, 0.8 * each, str(number + 1), tint(ENCODER, share), 11)
    canvas.text(5.98, 5.67, "BERT", 12.5)
    layer = (bert["attention"] + bert["feed_forward"]) // layers
    canvas.text(5.98, 1.55, f"{layers} × {layer:,}", 12)
    shared = small["attention"] + small["feed_forward"]
    canvas.box(7.15, 3.15, 1.35, 1.0, "one layer", ENCODER, 13, weight="bold")
    canvas.arrow(
        (7.82, 4.2), (7.82, 4.75), (8.75, 4.75), (8.75, 2.6), (7.82, 2.6),
        (7.82, 3.1), color=ENCODER,
    )  # fmt: skip
    canvas.text(7.95, 5.1, f"applied {layers} times", 12)
    canvas.text(7.82, 5.67, "ALBERT", 12.5)
    canvas.text(7.95, 1.55, f"1 × {shared:,}", 13, weight="bold")
    canvas.text(
        6.95, 0.95, "As much to compute in both:\nsharing saves memory, not time.", 11,
        FAINT,
    )  # fmt: skip


def _totals(canvas, found, widths):
    canvas.text(9.35, 6.1, "3  In all, in millions", 15, weight="bold", ha="left")
    left, y = 10.55, 5.4
    scale = 1.9 / max(sum(parts.values()) for parts in found.values())
    names = dict(zip(_SHARING, ("nothing", "attention", "feed-f.", "all"), strict=True))
    groups = (
        ("embeddings", ("embeddings", "projection"), EMBEDDINGS),
        ("attention", ("attention",), ENCODER),
        ("feed-forward", ("feed_forward", "pooler"), tint(ENCODER, 0.5)),
    )
    for size in widths:
        canvas.text(9.35, y + 0.1, f"E = {size}; shared:", 12, ha="left")
        y -= 0.35
        for sharing in _SHARING:
            parts, x = found[size, sharing], left
            for _, members, color in groups:
                width = scale * sum(parts[m] for m in members)
                canvas.box(x, y - 0.12, width, 0.27, color=color, edge="none")
                x += width
            canvas.text(left - 0.12, y, names[sharing], 11.5, ha="right")
            total = sum(parts.values()) / 1e6
            canvas.text(x + 0.08, y, f"{total:.1f}", 12, ha="left", weight="bold")
            y -= 0.37
        y -= 0.28
    for x, (name, _, color) in zip((9.35, 10.75, 11.85), groups, strict=True):
        canvas.box(x, 0.87, 0.2, 0.18, color=color, edge="none")
        canvas.text(x + 0.28, 0.96, name, 11, ha="left")
