"""The contents of `model.json`: a fine-tuned network without its weights.

There is one class for each kind of network. All have `kind`, `task` (its name),
`encoder` (its EncoderConfig), `max_seq_length` (largest number of ids of an input) and
`vocabulary` (the tokenizer's fingerprint; None in old files).
"""

import dataclasses
import typing

from tf_pretrain.config import EncoderConfig
from tf_pretrain.models import span_heads
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.models.multiple_choice import MultipleChoice
from tf_pretrain.models.question_answerer import QuestionAnswerer
from tf_pretrain.models.tagger import Tagger


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """A classifier of texts or pairs, or a regression.

    Attributes:
        task: Its name.
        encoder: Its EncoderConfig.
        num_outputs, head, loss_reduction, dropout, target_scale: Arguments of
            Classifier.
        class_names: Names of the classes; None for regression.
        is_pair: Whether it takes pairs of texts.
        max_seq_length: Ids of the longest text or pair.
        vocabulary: The tokenizer's fingerprint; None in files that lack it.
    """

    kind: typing.ClassVar[str] = "classifier"

    task: str
    encoder: EncoderConfig
    num_outputs: int
    head: str
    loss_reduction: str
    dropout: float
    class_names: tuple[str, ...] | None
    target_scale: float
    is_pair: bool
    max_seq_length: int
    vocabulary: str | None = None

    def build(self) -> Classifier:
        """The network with fresh weights."""
        return Classifier(
            Encoder(self.encoder),
            self.num_outputs,
            head=self.head,
            loss_reduction=self.loss_reduction,
            dropout=self.dropout,
            target_scale=self.target_scale,
        )


@dataclasses.dataclass(frozen=True)
class QuestionAnswererConfig:
    """A network that finds answers in texts.

    Attributes:
        head: "joint", "independent" or "albert", see config.QuestionSettings.
        may_be_unanswerable: Whether questions may have no answer (SQuAD 2.0).
        has_answerability, beam_size, dropout: Arguments of the head.
        loss_reduction, answerability_weight: Arguments of QuestionAnswerer.
        doc_stride, max_query_length, max_answer_length, n_best_size, null_threshold:
            How texts are read and answers chosen.
    """

    kind: typing.ClassVar[str] = "question_answerer"

    task: str
    encoder: EncoderConfig
    head: str
    may_be_unanswerable: bool
    has_answerability: bool
    beam_size: int
    dropout: float
    loss_reduction: str
    answerability_weight: float
    doc_stride: int
    max_query_length: int
    max_answer_length: int
    n_best_size: int
    null_threshold: float
    max_seq_length: int
    vocabulary: str | None = None

    def build(self) -> QuestionAnswerer:
        """The network with fresh weights."""
        return QuestionAnswerer(
            Encoder(self.encoder),
            self._build_head(),
            self.loss_reduction,
            self.answerability_weight,
        )

    def _build_head(self):
        if self.head == "albert":
            if not self.may_be_unanswerable:
                return span_heads.AlbertIndependentHead(self.encoder)
            beams = self.beam_size, self.beam_size
            return span_heads.AlbertConditionalHead(self.encoder, *beams, self.dropout)
        return span_heads.ElectraSpanHead(
            self.encoder,
            is_joint=self.head == "joint",
            has_answerability=self.has_answerability,
            answerability_uses_starts=self.head == "joint",
            beam_size=self.beam_size,
        )


@dataclasses.dataclass(frozen=True)
class TaggerConfig:
    """A network that gives each word a tag.

    Attributes:
        class_names: The tags.
        loss_reduction: Argument of Tagger.
    """

    kind: typing.ClassVar[str] = "tagger"

    task: str
    encoder: EncoderConfig
    class_names: tuple[str, ...]
    loss_reduction: str
    max_seq_length: int
    vocabulary: str | None = None

    def build(self) -> Tagger:
        """The network with fresh weights."""
        return Tagger(Encoder(self.encoder), len(self.class_names), self.loss_reduction)


@dataclasses.dataclass(frozen=True)
class MultipleChoiceConfig:
    """A network that chooses one of several options.

    Attributes:
        head, loss_reduction, dropout: Arguments of MultipleChoice.
        max_choice_length: Most pieces of a question with an option.
    """

    kind: typing.ClassVar[str] = "multiple_choice"

    task: str
    encoder: EncoderConfig
    head: str
    loss_reduction: str
    dropout: float
    max_choice_length: int
    max_seq_length: int
    vocabulary: str | None = None

    def build(self) -> MultipleChoice:
        """The network with fresh weights."""
        return MultipleChoice(
            Encoder(self.encoder), self.head, self.loss_reduction, self.dropout
        )


NETWORKS = {
    cls.kind: cls
    for cls in (
        ClassifierConfig,
        QuestionAnswererConfig,
        TaggerConfig,
        MultipleChoiceConfig,
    )
}
