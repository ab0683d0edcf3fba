"""One text on its way through pretraining: masked, sampled, judged by real networks."""

import dataclasses

import numpy as np
from keras import ops

from tf_pretrain.data import examples, masking
from tf_pretrain.data.sentence_pairs import sentence_pair_examples
from tf_pretrain.errors import UserError

_NUM_GUESSES = 3
_SEEDS = 100  # looked at for an example


@dataclasses.dataclass(frozen=True)
class Example:
    """What a figure shows of one text; lists go over its tokens.

    Attributes:
        seed: Of segments, masks and samples.
        original, masked: Pieces, [CLS] and [SEP] included.
        segments: 0 or 1.
        chosen: Whether the masked LM predicts the token.
        guesses: The masked LM's likeliest pieces with their probabilities, best
            first; empty where nothing is predicted.
        losses: {name: mean over this text}, as they are minimised, and "loss".
        sampled: ELECTRA: what the generator put in; None where nothing is predicted.
        replaced: ELECTRA: label, 1 where that differs from the original.
        replaced_probability: ELECTRA: the discriminator's.
        swapped: ALBERT: label, 1 if the segments changed places.
        swapped_probability: ALBERT's.
    """

    seed: int
    original: list[str]
    masked: list[str]
    segments: list[int]
    chosen: list[bool]
    guesses: list[list[tuple[str, float]]]
    losses: dict[str, float]
    sampled: list[str | None] | None = None
    replaced: list[int] | None = None
    replaced_probability: list[float] | None = None
    swapped: int | None = None
    swapped_probability: float | None = None


def make(network, tokenizer, lines: list[str], seed: int) -> Example:
    """Masks a text as training does and runs a pretraining network on it.

    Args:
        network: ReplacedTokenDetection, or MaskedLM with sentence order.
        lines: A document; with a sentence objective two lines or more.
        seed: Of segments, masks and samples.

    Raises:
        UserError: If the text is too long for the network.
    """
    config, data = network.config, network.config.data
    rng = np.random.default_rng(seed)
    (document,) = examples.make_documents(
        *tokenizer.tokenize(lines), [len(lines)], tokenizer.is_word_start
    )
    if len(document.ids) > data.max_seq_length - 3:
        raise UserError(
            f"the text has {len(document.ids)} pieces; at most "
            f"{data.max_seq_length - 3} fit"
        )
    example = examples.Example(document.ids, document.ids[:0])
    if config.objective.sentence_objective != "none":
        whole = dataclasses.replace(data, short_seq_prob=0.0)
        (example,) = sentence_pair_examples([document], rng, whole)
    row = examples.pack_examples(
        [example], data.max_seq_length, tokenizer.cls_id, tokenizer.sep_id
    )
    slots = data.num_predictions
    noise = masking.draw_noise(rng, 1, data.max_seq_length, slots)
    settings = masking.MaskingSettings.from_config(data, tokenizer)
    row |= masking.mask_tokens(noise, row["input_ids"], row["input_mask"], settings)
    row["sampling_uniform"] = rng.random((1, slots), np.float32)
    features = {name: ops.convert_to_tensor(value) for name, value in row.items()}
    outputs = {
        name: ops.convert_to_numpy(value)[0]
        for name, value in network(features).items()
    }
    losses = network.losses(features)
    return Example(
        seed=seed,
        **_text(row, outputs, tokenizer),
        losses={name: float(total / weight) for name, (total, weight) in losses.items()}
        | {"loss": float(network.total_loss(losses))},
        **_detection(row, outputs, tokenizer),
        **_order(row, outputs),
    )


def make_telling(network, tokenizer, lines: list[str]) -> Example:
    """The first seed's example that shows all that can happen, or else seed 0's.

    Every chosen token is masked; ELECTRA's generator is right once and wrong once;
    ALBERT's segments are swapped, and two masks are side by side.
    """
    found = (make(network, tokenizer, lines, seed) for seed in range(_SEEDS))
    return next(filter(_is_telling, found), None) or make(network, tokenizer, lines, 0)


def _is_telling(example):
    masks = [m for m, c in zip(example.masked, example.chosen, strict=True) if c]
    if len(set(masks)) > 1 or masks[0] in example.original:
        return False
    if example.swapped is not None:
        chosen = example.chosen
        side_by_side = any(a and b for a, b in zip(chosen, chosen[1:], strict=False))
        return example.swapped == 1 and side_by_side
    labels = {r for r, c in zip(example.replaced, example.chosen, strict=True) if c}
    return labels == {0, 1}


def _text(row, outputs, tokenizer):
    length = int(row["input_mask"].sum())

    def pieces(ids):
        return [tokenizer.id_to_piece(int(i)) for i in ids]

    guesses = [[] for _ in range(length)]
    for slot in np.flatnonzero(row["masked_lm_weights"][0]):
        logits = outputs["masked_lm_logits"][slot].astype(np.float64)
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        best = np.argsort(-probabilities)[:_NUM_GUESSES]
        guesses[row["masked_lm_positions"][0, slot]] = list(
            zip(pieces(best), probabilities[best].tolist(), strict=True)
        )
    return {
        "original": pieces(row["input_ids"][0, :length]),
        "masked": pieces(row["masked_input_ids"][0, :length]),
        "segments": row["segment_ids"][0, :length].tolist(),
        "chosen": [bool(g) for g in guesses],
        "guesses": guesses,
    }


def _detection(row, outputs, tokenizer):
    if "replaced_logits" not in outputs:
        return {}
    length = int(row["input_mask"].sum())
    chosen = set(row["masked_lm_positions"][0][row["masked_lm_weights"][0] > 0])
    corrupted = outputs["corrupted_input_ids"][:length]
    return {
        "sampled": [
            tokenizer.id_to_piece(int(piece)) if place in chosen else None
            for place, piece in enumerate(corrupted)
        ],
        "replaced": outputs["replaced_labels"][:length].tolist(),
        "replaced_probability": _sigmoid(outputs["replaced_logits"][:length]).tolist(),
    }


def _order(row, outputs):
    if "sentence_logits" not in outputs:
        return {}
    keep, swap = outputs["sentence_logits"]
    return {
        "swapped": int(row["next_sentence_labels"][0, 0]),
        "swapped_probability": float(_sigmoid(swap - keep)),
    }


def _sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))
