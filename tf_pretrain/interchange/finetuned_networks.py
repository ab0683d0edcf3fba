"""The contents of `model.json`: a fine-tuned network without its weights.

There is one class for each kind of network. All have `kind`, `task` (its name),
`encoder` (its EncoderConfig), `max_seq_length` (largest number of ids of an input) and
`vocabulary` (the tokenizer's fingerprint; None in old files).
"""

import dataclasses
import typing

from tf_pretrain.config import EncoderConfig, QuestionSettings, from_dict
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

    @classmethod
    def foreign(cls, task, encoder, class_names, head, target_scale=1.0):
        """What another program's file says, which has nothing about the texts.

        Args:
            class_names: The name of each output. A single output is a regression.
        """
        is_regression = len(class_names) == 1
        return cls(
            task=task,
            encoder=encoder,
            num_outputs=len(class_names),
            head=head,
            loss_reduction="sum" if head == "first_token" else "mean",
            dropout=0.1,
            class_names=None if is_regression else tuple(class_names),
            target_scale=target_scale,
            is_pair=False,
            max_seq_length=encoder.max_position_embeddings,
        )

    def build(self, encoder=None) -> Classifier:
        """The network with a fresh head, on `encoder` or else on a fresh one."""
        return Classifier(
            encoder or Encoder(self.encoder),
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
    max_seq_length: int
    head: str = QuestionSettings.head
    may_be_unanswerable: bool = True
    has_answerability: bool = QuestionSettings.has_answerability
    beam_size: int = QuestionSettings.beam_size
    dropout: float = 0.1
    loss_reduction: str = "sum"
    answerability_weight: float = QuestionSettings.answerability_weight
    doc_stride: int = QuestionSettings.doc_stride
    max_query_length: int = QuestionSettings.max_query_length
    max_answer_length: int = QuestionSettings.max_answer_length
    n_best_size: int = QuestionSettings.n_best_size
    null_threshold: float = QuestionSettings.null_threshold
    vocabulary: str | None = None

    @property
    def reads_padding(self) -> bool:
        """Whether its results depend on the padding of an input.

        ALBERT's head for SQuAD 1.1 chooses among all positions, so its inputs must
        always be padded to `max_seq_length`.
        """
        return self.head == "albert" and not self.may_be_unanswerable

    def build(self, encoder=None) -> QuestionAnswerer:
        """The network with a fresh head, on `encoder` or else on a fresh one."""
        return QuestionAnswerer(
            encoder or Encoder(self.encoder),
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
        span_rule: The spans that tags mark, see tasks.tagging.spans.
        segment_id: The segment of all pieces; ELECTRA's program has 1.
    """

    kind: typing.ClassVar[str] = "tagger"

    task: str
    encoder: EncoderConfig
    class_names: tuple[str, ...]
    max_seq_length: int
    loss_reduction: str = "sum"
    vocabulary: str | None = None
    span_rule: str = "electra"
    segment_id: int = 1

    def build(self, encoder=None) -> Tagger:
        """The network with a fresh head, on `encoder` or else on a fresh one."""
        return Tagger(
            encoder or Encoder(self.encoder), len(self.class_names), self.loss_reduction
        )


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
    max_seq_length: int
    head: str = "pooled"
    loss_reduction: str = "mean"
    dropout: float = 0.1
    max_choice_length: int = QuestionSettings.max_choice_length
    vocabulary: str | None = None

    def build(self, encoder=None) -> MultipleChoice:
        """The network with a fresh head, on `encoder` or else on a fresh one."""
        return MultipleChoice(
            encoder or Encoder(self.encoder),
            self.head,
            self.loss_reduction,
            self.dropout,
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


def from_values(values: dict):
    """What describes a network, from the values that `to_values` returned."""
    values = dict(values)
    cls = NETWORKS[values.pop("kind", "classifier")]
    values["encoder"] = from_dict(EncoderConfig, values["encoder"])
    lists = {name: tuple(v) for name, v in values.items() if isinstance(v, list)}
    return cls(**{**values, **lists})


def to_values(model) -> dict:
    """The contents of `model.json`."""
    return {"kind": model.kind, **dataclasses.asdict(model)}
