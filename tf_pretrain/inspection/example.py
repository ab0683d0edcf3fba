"""Runs a pretraining network on a text: its guesses, samples and verdicts."""

import dataclasses

import numpy as np
from keras import ops

NUM_GUESSES = 3


@dataclasses.dataclass(frozen=True)
class Example:
    """One text as a network reads it. Lists have one entry for each token.

    Attributes:
        original: Pieces of the text, [CLS] and [SEP] included.
        masked: The same with [MASK] where a token is hidden.
        segments: 0 or 1 for each token.
        chosen: Whether the masked LM predicts the token.
        guesses: The masked LM's most likely pieces with their probabilities, best
            first; empty where nothing is predicted.
        sampled: ELECTRA: the generator's sample; None where nothing is predicted.
        replaced: ELECTRA: the label, 1 if the sample differs from the original; None if
            the original is unknown, because the text itself has [MASK] there.
        replaced_probability: ELECTRA: the discriminator's probability of "replaced".
        swapped: Label of a sentence objective, 1 if the segments are not as in the
            text; None if that is unknown.
        swapped_probability: The network's probability of 1.
    """

    original: list[str]
    masked: list[str]
    segments: list[int]
    chosen: list[bool]
    guesses: list[list[tuple[str, float]]]
    sampled: list[str | None] | None = None
    replaced: list[int | None] | None = None
    replaced_probability: list[float] | None = None
    swapped: int | None = None
    swapped_probability: float | None = None


def examine(network, tokenizer, features) -> list[Example]:
    """Runs a pretraining network on texts, without dropout.

    Args:
        network: An objective (`models.objectives`).
        features: Its features as NumPy arrays (`models.objectives` lists them), with
            `sampling_uniform` if it has a generator. `next_sentence_labels` may be
            missing.

    Returns:
        An Example for each row, without padding.
    """
    tensors = {name: ops.convert_to_tensor(value) for name, value in features.items()}
    outputs = network(tensors)
    outputs["masked_lm_logits"] = network.masked_lm_logits(tensors, outputs)
    outputs = {name: ops.convert_to_numpy(value) for name, value in outputs.items()}
    return [
        _example(
            {name: value[row] for name, value in features.items()},
            {name: value[row] for name, value in outputs.items()},
            tokenizer,
        )
        for row in range(len(features["input_ids"]))
    ]


def _example(features, outputs, tokenizer):
    """The example of one row of features and outputs."""
    length = int(features["input_mask"].sum())
    slots = np.flatnonzero(features["masked_lm_weights"])
    places = features["masked_lm_positions"][slots]
    chosen = np.isin(np.arange(length), places)

    def pieces(ids):
        return [_piece(tokenizer, int(i)) for i in ids[:length]]

    guesses = [[] for _ in range(length)]
    for slot, place in zip(slots, places, strict=True):
        guesses[place] = _likeliest(outputs["masked_lm_logits"][slot], tokenizer)
    detection = {}
    if "replaced_logits" in outputs:
        filled = pieces(outputs["corrupted_input_ids"])
        unknown = features["input_ids"][:length] == tokenizer.mask_id
        labels = outputs["replaced_labels"][:length]
        detection = {
            "sampled": [f if c else None for f, c in zip(filled, chosen, strict=True)],
            "replaced": [
                None if u else int(label)
                for u, label in zip(unknown, labels, strict=True)
            ],
            "replaced_probability": _sigmoid(
                outputs["replaced_logits"][:length]
            ).tolist(),
        }
    return Example(
        original=pieces(features["input_ids"]),
        masked=pieces(features["masked_input_ids"]),
        segments=features["segment_ids"][:length].tolist(),
        chosen=chosen.tolist(),
        guesses=guesses,
        **detection,
        **_order(features, outputs),
    )


def _piece(tokenizer, piece_id):
    """The piece of an id; a generator may draw ids that the vocabulary has not."""
    if piece_id >= tokenizer.vocab_size:
        piece_id = tokenizer.unk_id
    return tokenizer.id_to_piece(piece_id)


def _likeliest(logits, tokenizer):
    """The best pieces of logits [V], with their probabilities.

    A network may have more outputs than its vocabulary has pieces.
    """
    logits = logits[: tokenizer.vocab_size].astype(np.float64)
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    best = np.argsort(-probabilities)[:NUM_GUESSES]
    return [(tokenizer.id_to_piece(int(i)), float(probabilities[i])) for i in best]


def _order(features, outputs):
    if "sentence_logits" not in outputs:
        return {}
    keep, swap = outputs["sentence_logits"]
    label = features.get("next_sentence_labels")
    return {
        "swapped": None if label is None else int(label[0]),
        "swapped_probability": float(_sigmoid(swap - keep)),
    }


def _sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))
