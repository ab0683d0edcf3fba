"""`Inspector` loads a trained model of any format and runs it on your sentences."""

import dataclasses
import io

from rich.console import Console
from rich.text import Text

from tf_pretrain.errors import UserError
from tf_pretrain.inspection import terminal, texts
from tf_pretrain.inspection.example import Example, examine
from tf_pretrain.interchange.formats import read
from tf_pretrain.interchange.pretrained import InterchangeError, describe_missing

# Variables by the part of a network that they belong to.
_FILLING = ("generator/", "masked_lm_head/", "generator_head/", "token_generator/")
_DETECTING = ("replaced_token_head/",)
_ORDERING = ("sentence_head/", "encoder/pooler/", "discriminator/pooler/")
_LABELS = {
    "sentence_order": "the sentences changed places",
    "next_sentence": "the second sentence is from another text",
}


@dataclasses.dataclass(frozen=True)
class Inspection:
    """The result for one or two sentences. `print` shows it.

    Attributes:
        source: The model's name for display.
        written: The text as it was given, with the results of the discriminator and the
            sentence head. None if the text has [MASK].
        masked: The text with masked words and, with a generator, filled. None if the
            model cannot fill masks.
        turned: Two sentences in the other order, for a sentence objective.
        order_label: The event whose probability is `swapped_probability`.
        lacks: What the model cannot show, one sentence each.
    """

    source: str
    written: Example | None
    masked: Example | None
    turned: Example | None
    order_label: str | None
    lacks: tuple[str, ...]

    def __rich_console__(self, console, options):
        width = options.max_width
        yield Text(self.source, "bold", no_wrap=True, overflow="ignore")
        if self.written is not None and self.written.replaced_probability:
            yield Text("\nYour text, and how likely each word was replaced:")
            yield terminal.words(self.written, width)
        if self.masked is not None:
            yield Text(f"\n{_title(self.masked)}")
            yield terminal.words(self.masked, width)
            yield Text("")
            yield terminal.masks(self.masked)
        if self.turned is not None:
            yield Text(f"\nHow likely {self.order_label}:")
            for name, example in (
                ("in your order", self.written),
                ("in the other order", self.turned),
            ):
                yield Text(f"  {name:<20}{100 * example.swapped_probability:.0f} %")
        for lack in self.lacks:
            yield Text(f"\n{lack}", "dim")

    def __str__(self):
        stream = io.StringIO()
        Console(file=stream, width=100, color_system=None).print(self, end="")
        return stream.getvalue()


class Inspector:
    """A pretrained model that fills masks, marks replaced words and scores order.

    Args:
        checkpoint: A pretraining workdir, an original TF1 checkpoint, a Hugging Face
            folder or a keras-hub preset, as for `load_pretrainer`. Heads and a
            generator may be missing. Their results are then left out.

    Raises:
        InterchangeError: If it cannot be read, or lacks weights of its encoder.
        CheckpointError: If a workdir holds no readable checkpoint.
        UserError: If it has no vocabulary beside it.
    """

    def __init__(self, checkpoint):
        pretrained = read(checkpoint)
        if pretrained.tokenizer is None:
            raise UserError(f"{checkpoint} has no vocabulary beside it")
        missing = pretrained.missing()
        parts = (*_FILLING, *_DETECTING, *_ORDERING)
        encoder = [path for path in missing if not path.startswith(parts)]
        if encoder:
            raise InterchangeError(describe_missing(pretrained, encoder))

        def has(part):
            return not any(path.startswith(part) for path in missing)

        self.source = f"{checkpoint} ({pretrained.config.objective.name})"
        self.tokenizer = pretrained.tokenizer
        self.network = pretrained.build(initialize_missing=True)
        self.fills = has(_FILLING)
        self.detects = pretrained.is_replaced_token_detection and has(_DETECTING)
        self.orders = self.network.sentence_head is not None and has(_ORDERING)

    def __call__(self, *sentences: str, seed: int = 0) -> Inspection:
        """Examines a sentence, or two consecutive ones.

        Args:
            sentences: One or two. A word may be [MASK]. Otherwise words are chosen as
                in training, by the seed.
            seed: The seed of masks and samples.

        Raises:
            UserError: If there are more sentences, or they are empty or too long.
        """
        if not 1 <= len(sentences) <= 2:
            raise UserError(
                f"there are {len(sentences)} texts; give one sentence, or two that "
                "follow each other, each in quotation marks"
            )
        model = self.network.config.model
        segments = [texts.tokenize(self.tokenizer, s) for s in sentences]
        features = texts.as_written(
            self.tokenizer, [segments], model.max_position_embeddings
        )
        has_masks = (features["input_ids"] == self.tokenizer.mask_id).any()
        is_scored = self.orders and len(sentences) == 2 and not has_masks
        masked = turned = written = None
        if not has_masks:
            written = self._examine(features)
        if self.fills:
            data = self.network.config.data
            masked = self._examine(
                texts.with_masks(features, data, self.tokenizer, seed)
            )
        if is_scored:
            turned = self._examine(
                texts.as_written(
                    self.tokenizer, [segments[::-1]], model.max_position_embeddings
                )
            )
        label = _LABELS.get(self.network.sentence_objective) if is_scored else None
        lacks = tuple(self._lacks(len(sentences), has_masks))
        return Inspection(self.source, written, masked, turned, label, lacks)

    def _examine(self, features):
        """The example of one text, without results that the model cannot give."""
        (example,) = examine(self.network, self.tokenizer, features)
        if not self.detects:
            return dataclasses.replace(
                example, sampled=None, replaced=None, replaced_probability=None
            )
        return example

    def _lacks(self, num_sentences, has_masks):
        if not self.fills:
            part = "generator" if self.detects else "masked-LM head"
            yield f"This checkpoint has no {part}, so masked words are not filled in."
        if not self.detects:
            yield ("This model has no discriminator, so replaced words are not marked.")
        if self.orders and (num_sentences < 2 or has_masks):
            yield "Give two sentences without [MASK] to see their order scored."
        if not self.orders and num_sentences == 2:
            yield "This model has no sentence head, so the order is not scored."


def _title(example):
    if example.sampled is None:
        return "Masked words:"
    return "Masked, and filled in with words drawn from the generator's guesses:"


def inspect_text(checkpoint, *sentences: str, seed: int = 0) -> Inspection:
    """Runs a pretrained model on one or two sentences; see `Inspector`."""
    return Inspector(checkpoint)(*sentences, seed=seed)
