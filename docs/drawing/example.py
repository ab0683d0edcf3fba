"""One text on its way through pretraining: masked, sampled, judged by real networks."""

import dataclasses

import numpy as np
from keras import ops

from tf_pretrain.data import examples, masking
from tf_pretrain.data.sentence_pairs import sentence_pair_examples
from tf_pretrain.errors import UserError
from tf_pretrain.inspection import example as inspected

_SEEDS = 100  # looked at for an example


@dataclasses.dataclass(frozen=True)
class Example(inspected.Example):
    """What a figure shows of one text.

    Attributes:
        seed: Of segments, masks and samples.
        losses: {name: mean over this text}, as they are minimised, and "loss".
    """

    seed: int = 0
    losses: dict[str, float] = dataclasses.field(default_factory=dict)


def make(network, tokenizer, lines: list[str], seed: int) -> Example:
    """Masks a text as training does and runs a pretraining network on it.

    Args:
        network: ReplacedTokenDetection, or MaskedLM with sentence order.
        lines: A document; with a sentence objective two lines or more.
        seed: Of segments, masks and samples.

    Raises:
        UserError: If the text is too long for the network.
    """
    config = network.config
    rng = np.random.default_rng(seed)
    row = masked_row(config, tokenizer, lines, rng)
    slots = config.data.num_predictions
    row["sampling_uniform"] = rng.random((1, slots), np.float32)
    (found,) = inspected.examine(network, tokenizer, row)
    features = {name: ops.convert_to_tensor(value) for name, value in row.items()}
    losses = network.losses(features)
    means = {name: float(total / weight) for name, (total, weight) in losses.items()}
    means["loss"] = float(network.total_loss(losses))
    return Example(**vars(found), seed=seed, losses=means)


def masked_row(config, tokenizer, lines: list[str], rng) -> dict[str, np.ndarray]:
    """A batch of one example as training has it, with its masks.

    Args:
        config: A PretrainConfig.
        lines: As for `make`.

    Raises:
        UserError: If the text is too long for the network.
    """
    data = config.data
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
    noise = masking.draw_noise(rng, 1, data.max_seq_length, data.num_predictions)
    settings = masking.MaskingSettings.from_config(data, tokenizer)
    return row | masking.mask_tokens(
        noise, row["input_ids"], row["input_mask"], settings
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
