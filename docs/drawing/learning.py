"""Supervised, self-supervised and transfer learning, with four damages of a text."""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
from keras import ops

from docs.drawing import example
from docs.drawing.canvas import (
    EMBEDDINGS,
    ENCODER,
    FAINT,
    MASKED,
    PLAIN,
    RIGHT,
    WRONG,
    Canvas,
    tint,
)
from tf_pretrain.config import PretrainConfig
from tf_pretrain.data import tokenization
from tf_pretrain.models.generators import corrupt

LINES = ["the old king sat in the garden", "then he read a long letter"]
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_MOST_SEEDS = 200


@dataclasses.dataclass(frozen=True)
class Damage:
    """A text as a network reads it, and which of its tokens were changed."""

    name: str
    tokens: list[str]
    changed: list[bool]


def damages(electra: PretrainConfig, albert: PretrainConfig) -> list[Damage]:
    """Masked tokens, masked n-grams, replaced tokens, swapped segments.

    Each is made by the code that makes training batches, with the first seed that shows
    what it is about. The generator is a random choice of the text's own words.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        words = sorted(set(" ".join(LINES).split()))
        path.write_text("\n".join([*_SPECIAL, *words]) + "\n", encoding="utf-8")
        tokenizer = tokenization.load_tokenizer(path)
    one_line = [" ".join(LINES)]
    plain = dataclasses.replace(albert.objective, sentence_objective="none")
    ngrams = dataclasses.replace(albert, objective=plain)
    return [
        _first(lambda rng: _masked("masked", electra, tokenizer, one_line, rng)),
        _first(lambda rng: _masked("ngrams", ngrams, tokenizer, one_line, rng)),
        _first(lambda rng: _replaced(electra, tokenizer, one_line, rng)),
        _first(lambda rng: _swapped(albert, tokenizer, rng)),
    ]


def _first(make):
    """The damage of the first seed that has one to show."""
    found = (make(np.random.default_rng(seed)) for seed in range(_MOST_SEEDS))
    return next(filter(None, found))


def _masked(name, config, tokenizer, lines, rng):
    row = example.masked_row(config, tokenizer, lines, rng)
    tokens = _tokens(row, "masked_input_ids", tokenizer)
    changed = [token == "[MASK]" for token in tokens]
    pairs = sum(a and b for a, b in zip(changed, changed[1:], strict=False))
    wanted = pairs >= 1 if name == "ngrams" else pairs == 0
    is_shown = wanted and sum(changed) == int(row["masked_lm_weights"].sum())
    return Damage(name, tokens, changed) if is_shown else None


def _replaced(config, tokenizer, lines, rng):
    row = example.masked_row(config, tokenizer, lines, rng)
    shape = row["masked_lm_positions"].shape
    samples = rng.integers(len(_SPECIAL), tokenizer.vocab_size, shape, np.int32)
    features = {name: ops.convert_to_tensor(value) for name, value in row.items()}
    ids, labels = corrupt(features, ops.convert_to_tensor(samples))
    row["corrupted"] = ops.convert_to_numpy(ids)
    tokens = _tokens(row, "corrupted", tokenizer)
    changed = [bool(c) for c in ops.convert_to_numpy(labels)[0, : len(tokens)]]
    return Damage("replaced", tokens, changed) if sum(changed) > 1 else None


def _swapped(config, tokenizer, rng):
    row = example.masked_row(config, tokenizer, LINES, rng)
    if not row["next_sentence_labels"][0]:
        return None
    tokens = _tokens(row, "input_ids", tokenizer)
    second = row["segment_ids"][0, : len(tokens)]
    return Damage("swapped", tokens, [bool(s) for s in second])


def _tokens(row, name, tokenizer):
    count = int(np.sum(row["input_mask"][0] != 0))
    return [tokenizer.id_to_piece(int(i)) for i in row[name][0, :count]]


def draw(found: list[Damage], targets: dict[str, int], words: dict[str, str]) -> Canvas:
    """Three lanes.

    Args:
        found: From `damages`.
        targets: {name of a damage: training targets in a batch of the paper's config}.
        words: The texts in one language (docs.course.words).
    """
    canvas = Canvas(words["learning_title"], words["learning_subtitle"])
    for y, name in ((5.75, "supervised"), (4.3, "self"), (0.75, "transfer")):
        canvas.text(0.45, y, words[f"lane_{name}"], 15, ENCODER, ha="left")
    _supervised(canvas, words)
    _self_supervised(canvas, words)
    for number, damage in enumerate(found):
        _damage(canvas, 3.02 - 0.44 * number, damage, targets[damage.name], words)
    _transfer(canvas, words)
    return canvas


def _box(canvas, x, y, text, color, width=1.55):
    canvas.box(x, y - 0.31, width, 0.62, text, color, 12)


def _supervised(canvas, words):
    y, top = 5.4, 6.12
    _box(canvas, 2.5, y, words["lane_text"], PLAIN)
    _box(canvas, 4.9, top, words["lane_person"], EMBEDDINGS)
    _box(canvas, 7.3, top, words["lane_label"], RIGHT)
    _box(canvas, 7.3, y, words["lane_network"], ENCODER)
    _box(canvas, 10.2, y, words["lane_loss"], PLAIN)
    canvas.arrow((3.27, y + 0.33), (3.27, top), (4.85, top))
    canvas.arrow((6.5, top), (7.25, top))
    canvas.arrow((8.9, top), (10.97, top), (10.97, y + 0.33))
    canvas.arrow((4.1, y), (7.25, y))
    canvas.arrow((8.9, y), (10.15, y))


def _self_supervised(canvas, words):
    y, top = 3.95, 4.72
    _box(canvas, 2.5, y, words["lane_text"], PLAIN)
    _box(canvas, 4.9, y, words["lane_damage"], MASKED, 1.75)
    _box(canvas, 7.3, y, words["lane_restore"], ENCODER, 1.9)
    _box(canvas, 10.2, y, words["lane_loss"], PLAIN)
    canvas.arrow((3.27, y + 0.33), (3.27, top), (10.97, top), (10.97, y + 0.33))
    canvas.text(7.12, top - 0.2, words["lane_target"], 11.5, FAINT)
    canvas.arrow((4.1, y), (4.85, y))
    canvas.arrow((6.7, y), (7.25, y))
    canvas.arrow((9.25, y), (10.15, y))


def _damage(canvas, y, damage, targets, words):
    colors = {"replaced": WRONG, "swapped": tint(ENCODER, 0.25)}
    rest = {"swapped": tint(EMBEDDINGS, 0.45)}.get(damage.name, PLAIN)
    canvas.text(0.45, y, words[f"damage_{damage.name}"], 11.5, ha="left")
    step = 0.48
    for number, token in enumerate(damage.tokens):
        is_changed = damage.changed[number]
        color = colors.get(damage.name, MASKED) if is_changed else rest
        x = 2.95 + number * step
        canvas.box(x, y - 0.15, step - 0.04, 0.3, token, color, 8)
    text = words["damage_targets"].format(targets=targets)
    canvas.text(12.9, y, text, 10.5, FAINT, ha="right")


def _transfer(canvas, words):
    y = 0.75
    _box(canvas, 2.5, y, words["lane_few"], PLAIN, 1.75)
    _box(canvas, 5.1, y, words["lane_encoder"], ENCODER, 1.75)
    _box(canvas, 7.7, y, words["lane_head"], tint(ENCODER, 0.35), 1.55)
    _box(canvas, 10.2, y, words["lane_loss"], PLAIN)
    for left, right in ((4.3, 5.05), (6.9, 7.65), (9.3, 10.15)):
        canvas.arrow((left, y), (right, y))
    # The encoder is the network of the lane above.
    canvas.arrow((8.25, 3.6), (8.25, 3.4), (13.08, 3.4), (13.08, 1.35), (5.97, 1.35),
                 (5.97, 1.09), color=ENCODER, line=":", width=1.4)  # fmt: skip
