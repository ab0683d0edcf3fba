"""An encoder and a head that finds answers: what both papers fine-tune on SQuAD."""

from keras import ops

from tf_pretrain.models.encoder import dropout_for
from tf_pretrain.models.finetuned import FinetunedNetwork
from tf_pretrain.models.losses import (
    LossTerm,
    binary_cross_entropy,
    cross_entropy,
)


class QuestionAnswerer(FinetunedNetwork):
    """Extractive question answering on top of an encoder.

    Train it with `tf_pretrain.training.trainer.Trainer`, like a Classifier.

    Args:
        encoder: An Encoder.
        head: One of the layers in span_heads.py.
        loss_reduction: "sum" over the batch (ELECTRA) or "mean" (ALBERT).
        answerability_weight: Weight of the answerability loss.

    Call: features as the encoder takes them -> the head's predictions, see
    span_heads.py. For the loss also `start_positions`, `end_positions` and
    `is_impossible` int32 [B], and optionally `example_weights` float32 [B] (0 for a
    row that only fills the batch).
    """

    def __init__(
        self,
        encoder,
        head,
        loss_reduction="sum",
        answerability_weight=0.5,
        dtype=None,
        name="question_answerer",
    ):
        super().__init__(dtype=dtype, name=name)
        self.encoder = encoder
        self.head = head
        is_mean = loss_reduction == "mean"
        self.loss_terms = {"span": LossTerm(is_mean=is_mean)}
        if head.has_answerability:
            term = LossTerm(coefficient=answerability_weight, is_mean=is_mean)
            self.loss_terms["answerability"] = term
        self.head.build()
        self.built = True

    def call(self, features, training=False):
        dropout = dropout_for(features, training)
        states = self.encoder(features, dropout=dropout)["sequence_output"]
        return self.head.predictions(states, features)

    def training_outputs(self, features, training=False):
        """Logits as the loss takes them, see span_heads.py."""
        dropout = dropout_for(features, training)
        states = self.encoder(features, dropout=dropout)["sequence_output"]
        return self.head.training_outputs(states, features, dropout)

    def example_losses(self, features, outputs):
        """{name: float32 [B]}: the losses of each row, in nats."""
        start = cross_entropy(outputs["start_logits"], features["start_positions"])
        end = cross_entropy(outputs["end_logits"], features["end_positions"])
        losses = {"span": (start + end) / 2}
        if self.head.has_answerability:
            losses["answerability"] = binary_cross_entropy(
                outputs["answerability_logits"], features["is_impossible"]
            )
        return losses

    def losses_and_rates(self, features, training=False):
        outputs = self.training_outputs(features, training)
        weights = self.row_weights(features)
        losses = self.example_losses(features, outputs)
        sums = {name: ops.sum(loss * weights) for name, loss in losses.items()}
        return {name: (value, ops.sum(weights)) for name, value in sums.items()}, {}
