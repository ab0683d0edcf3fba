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
from tf_pretrain.tables.definitions import papers

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


def draw_electra(config: PretrainConfig, name: str, words: dict[str, str]) -> Canvas:
    """Generator and discriminator on one table of embeddings, with their weights.

    Args:
        config: With tied embeddings, and a generator that is a network.
        name: For the title.
        words: The texts in one language (docs.course.words).
    """
    found = electra_parts(config)
    canvas = Canvas(words["towers_title"].format(name=name), words["towers_subtitle"])
    _shared_embeddings(canvas, config.model, found["embeddings"], words)
    widest, objective = config.model.hidden_size, config.objective
    for part, model, middle, color, weight in (
        ("generator", generator_config(config), 4.75, GENERATOR,
         objective.generator_weight),
        ("discriminator", config.model, 2.15, ENCODER, objective.discriminator_weight),
    ):  # fmt: skip
        tower = _Tower(canvas, part, model, middle, color, words)
        tower.draw(found, widest, weight)
    _example_words(canvas, 4.75, _MASKED)
    _example_words(canvas, 2.15, _FILLED)
    canvas.text(1.13, 6.0, words["masked_text"], 11, FAINT)
    canvas.text(1.13, 0.85, words["filled_text"], 11, FAINT)
    _fate_of_both(canvas, found, words)
    # The samples go round to the discriminator's text.
    canvas.arrow(
        (12.45, 4.05), (12.45, 3.65), (12.95, 3.65), (12.95, 0.28),
        (0.15, 0.28), (0.15, 2.15), (0.55, 2.15), color=WRONG,
    )  # fmt: skip
    canvas.text(12.3, 3.45, words["samples_arrow"], 11, WRONG, ha="right")
    return canvas


def _fate_of_both(canvas, found, words):
    """What is kept and what is thrown away."""
    kept = found["embeddings"] + sum(
        count
        for part, count in found.items()
        if part.startswith("discriminator ") and not part.endswith(" head")
    )
    thrown = sum(count for part, count in found.items() if "generator " in part)
    texts = (
        (6.15, words["generator_thrown"].format(thrown=thrown), GENERATOR),
        (0.72, words["discriminator_kept"].format(kept=kept), ENCODER),
    )
    for y, text, color in texts:
        canvas.text(7.3, y, text, 12.5, color, weight="bold")


def _example_words(canvas, middle, words):
    for number, word in enumerate(words):
        original = word == ("the", "chef", "cooked", "the", "meal")[number]
        color = PLAIN if original else MASKED if word == "[MASK]" else WRONG
        if word == "chef":
            color = RIGHT
        y = middle + 0.32 * (2 - number) - 0.14
        canvas.box(0.6, y, 1.0, 0.28, word, color, 11)
    canvas.arrow((1.62, middle), (1.87, middle))


def _shared_embeddings(canvas, model, count, words):
    text = words["embeddings_table"].format(
        pieces=model.vocab_size,
        positions=model.max_position_embeddings,
        segments=model.type_vocab_size,
        size=model.embedding_size,
        count=count,
    )
    canvas.box(1.9, 1.2, 1.5, 4.5, text, EMBEDDINGS, 13, weight="bold")


class _Tower:
    """A network from the embeddings to its loss, left to right around a height."""

    def __init__(self, canvas, part, model, middle, color, words):
        self.canvas, self.part, self.model, self.words = canvas, part, model, words
        self.middle, self.color, self.pale = middle, color, tint(color, 0.35)

    def draw(self, found, widest, loss_weight):
        """Projection, layers, head and output with their weights."""
        self._arrow(3.42, 3.75)
        projection = found[f"{self.part} projection"]
        if projection:
            text = self.words["projection"].format(
                embedding=self.model.embedding_size,
                hidden=self.model.hidden_size,
                count=projection,
            )
            self._box(3.78, 0.85, 1.5, text, self.pale, 11)
            self._arrow(4.65, 4.93)
        self._layers(found, widest)
        self._arrow(9.25, 9.55)
        head = self.words[f"{self.part}_head"]
        text = f"{head}\n\n{found[f'{self.part} head']:,}"
        self._box(9.58, 1.3, 1.5, text, self.pale, 12)
        self._arrow(10.9, 11.2)
        output = self.words[f"{self.part}_output"]
        text = output.format(pieces=self.model.vocab_size)
        self._box(11.23, 1.6, 1.36, text, PLAIN, 12)
        text = self.words["loss_weight"].format(weight=loss_weight)
        self.canvas.text(12.03, self.middle + 0.84, text, 11.5, self.color)

    def _layers(self, found, widest):
        model, left = self.model, 4.95
        height = max(0.35, 1.75 * model.hidden_size / widest)
        step = 4.3 / model.num_hidden_layers
        for number in range(model.num_hidden_layers):
            bottom = self.middle - height / 2
            self.canvas.box(
                left + number * step, bottom, 0.72 * step, height, color=self.color
            )
        total = found[f"{self.part} attention"] + found[f"{self.part} feed_forward"]
        text = self.words["tower_layers"].format(
            layers=model.num_hidden_layers,
            each=total // model.num_hidden_layers,
            total=total,
            width=model.hidden_size,
            heads=model.num_attention_heads,
        )
        self.canvas.text(left + 2.1, self.middle - height / 2 - 0.24, text, 12)

    def _box(self, left, width, height, text, color, size):
        bottom = self.middle - height / 2
        self.canvas.box(left, bottom, width, height, text, color, size)

    def _arrow(self, left, right):
        self.canvas.arrow((left, self.middle), (right, self.middle))


def draw_albert(
    albert: PretrainConfig,
    name: str,
    words: dict[str, str],
    printed: dict[tuple[int, str], int] | None = None,
) -> Canvas:
    """Factorised embeddings and shared layers, with the weights that they save.

    Args:
        albert: All layers shared, E smaller than H.
        name: For the title.
        words: The texts in one language (docs.course.words).
        printed: The paper's totals in millions, by E and parameter_sharing.
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
    canvas = Canvas(words["saving_title"].format(name=name), words["saving_subtitle"])
    bert, small = found[full.hidden_size, "none"], found[model.embedding_size, "all"]
    _factorisation(canvas, model, bert, small, words)
    _sharing(canvas, model, bert, small, words)
    _totals(canvas, found, widths, printed or {}, words)
    return canvas


def printed_totals() -> dict[tuple[int, str], int]:
    """The totals of Lan et al. (2019), Table 4, as `draw_albert` takes them."""
    names = ("not-shared", "shared-attention", "shared-FFN", "all-shared")
    sharing = dict(zip(names, _SHARING, strict=True))
    rows = papers.table("albert", "table4")["rows"]
    return {(row["E"], sharing[row["sharing"]]): row["params_M"] for row in rows}


def _factorisation(canvas, model, bert, small, words):
    canvas.text(0.45, 6.1, words["factorised"], 15, weight="bold", ha="left")
    height, scale = 3.6, 1.5 / model.hidden_size
    bottom = 1.85
    rows = words["pieces"].format(count=model.vocab_size)
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
    canvas.text(0.6, 0.95, words["factorised_note"], 11, FAINT, ha="left")


def _sharing(canvas, model, bert, small, words):
    canvas.text(5.3, 6.1, words["shared_layers"], 15, weight="bold", ha="left")
    layers, each = model.num_hidden_layers, 3.6 / model.num_hidden_layers
    for number in range(layers):
        y = 1.85 + number * each
        share = 0.35 + 0.65 * number / max(1, layers - 1)
        canvas.box(5.3, y, 1.35, 0.8 * each, str(number + 1), tint(ENCODER, share), 11)
    canvas.text(5.98, 5.67, "BERT", 12.5)
    layer = (bert["attention"] + bert["feed_forward"]) // layers
    canvas.text(5.98, 1.55, f"{layers} × {layer:,}", 12)
    shared = small["attention"] + small["feed_forward"]
    canvas.box(7.15, 3.15, 1.35, 1.0, words["one_layer"], ENCODER, 13, weight="bold")
    canvas.arrow(
        (7.82, 4.15), (7.82, 4.75), (8.75, 4.75), (8.75, 2.6), (7.82, 2.6),
        (7.82, 3.14), color=ENCODER,
    )  # fmt: skip
    canvas.text(7.95, 5.1, words["applied"].format(layers=layers), 12)
    canvas.text(7.82, 5.67, "ALBERT", 12.5)
    canvas.text(7.95, 1.55, f"1 × {shared:,}", 13, weight="bold")
    canvas.text(6.95, 0.95, words["memory_not_time"], 11, FAINT)


def _totals(canvas, found, widths, printed, words):
    canvas.text(9.35, 6.1, words["in_millions"], 15, weight="bold", ha="left")
    if printed:
        text = words["built_and_printed"]
        canvas.text(13.1, 5.75, text, 10, FAINT, ha="right")
    left, y = 10.45, 5.4
    scale = 1.55 / max(sum(parts.values()) for parts in found.values())
    groups = (
        ("embeddings", ("embeddings", "projection"), EMBEDDINGS),
        ("attention", ("attention",), ENCODER),
        ("feed_forward", ("feed_forward", "pooler"), tint(ENCODER, 0.5)),
    )
    for size in widths:
        text = words["shared_with"].format(size=size)
        canvas.text(9.35, y + 0.05, text, 12, ha="left")
        y -= 0.35
        for sharing in _SHARING:
            parts, x = found[size, sharing], left
            for _, members, color in groups:
                width = scale * sum(parts[m] for m in members)
                canvas.box(x, y - 0.12, width, 0.27, color=color, edge="none")
                x += width
            canvas.text(left - 0.12, y, words[f"share_{sharing}"], 11.5, ha="right")
            total = sum(parts.values()) / 1e6
            canvas.text(x + 0.08, y, f"{total:.1f}", 12, ha="left", weight="bold")
            if (size, sharing) in printed:
                value = printed[size, sharing]
                # A tick where the bar would end by the paper's count.
                tick = left + scale * value * 1e6
                canvas.arrow((tick, y - 0.12), (tick, y + 0.15), style="-", width=1.2)
                canvas.text(13.1, y, f"{value}", 12, FAINT, ha="right")
            y -= 0.37
        y -= 0.28
    for x, (name, _, color) in zip((9.35, 10.75, 11.85), groups, strict=True):
        canvas.box(x, 0.87, 0.2, 0.18, color=color, edge="none")
        canvas.text(x + 0.28, 0.96, words[f"part_{name}"], 11, ha="left")
