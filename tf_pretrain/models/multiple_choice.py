"""An encoder and a score for each option of a question: ALBERT on RACE."""

import keras
from keras import ops

from tf_pretrain.models import layers
from tf_pretrain.models.classifier import check_head
from tf_pretrain.models.encoder import Encoder, dropout_for
from tf_pretrain.models.finetuned import FinetunedNetwork
from tf_pretrain.models.losses import LossTerm, cross_entropy

_ENCODED = ("input_ids", "input_mask", "segment_ids")


@keras.saving.register_keras_serializable("tf_pretrain")
class MultipleChoice(FinetunedNetwork):
    """Chooses one of N options; each is an input of its own (Lan et al., 2019).

    The head is ALBERT's (`race_utils.py`, `create_model`): dropout and a dense layer on
    the pooled output; or, for encoders without a pooler, on the final state of [CLS].

    Args:
        encoder: An Encoder.
        head: "pooled" or "first_token".
        loss_reduction: "mean" over the questions (ALBERT) or "sum".
        dropout: Rate in [0, 1) of the head's dropout.

    Call: the encoder's features as int32 [B, N, S] -> logits float32 [B, N]. For the
    loss also `labels` int32 [B], and optionally `example_weights` float32 [B].
    `dropout_seed`, if given, is int32 [B].

    Raises:
        ConfigError: If the encoder has no pooler for "pooled".
    """

    def __init__(
        self,
        encoder,
        head="pooled",
        loss_reduction="mean",
        dropout=0.1,
        dtype=None,
        name="multiple_choice",
    ):
        super().__init__(dtype=dtype, name=name)
        check_head(head, encoder.config)
        self.encoder = encoder
        self.head = head
        self.loss_reduction = loss_reduction
        self.dropout = dropout
        self.loss_terms = {"choice": LossTerm(is_mean=loss_reduction == "mean")}
        self.dense = keras.layers.Dense(
            1,
            kernel_initializer=layers.truncated_normal(0.02),
            dtype=dtype,
            name="task_specific",
        )
        self.dense.build((None, encoder.config.hidden_size))
        self.built = True

    def get_config(self):
        """For Keras' `save`."""
        return {
            "encoder": self.encoder.get_config(),
            "head": self.head,
            "loss_reduction": self.loss_reduction,
            "dropout": self.dropout,
            "dtype": self.dtype_policy.name,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "encoder": Encoder.from_config(config["encoder"])})

    @property
    def reads_pooler(self):
        return self.head == "pooled"

    def call(self, features, training=False):
        num_options = ops.shape(features["input_ids"])[1]
        rows = {name: self._rows(features[name]) for name in _ENCODED}
        if "dropout_seed" in features:
            # Options of a question differ in their masks, by an odd number.
            steps = ops.arange(num_options, dtype="int32") * 1_640_531_527
            seeds = ops.cast(features["dropout_seed"], "int32")[:, None] + steps
            rows["dropout_seed"] = ops.reshape(seeds, (-1,))
        dropout = dropout_for(rows, training)
        encoded = self.encoder(rows, dropout=dropout)
        x = encoded["sequence_output"][:, 0]
        if self.head == "pooled":
            x = encoded["pooled_output"]
        logits = self.dense(dropout(x, self.dropout))
        return ops.cast(ops.reshape(logits, (-1, num_options)), "float32")

    def _rows(self, x):
        """[B, N, S] -> [B * N, S]."""
        return ops.reshape(x, (-1, ops.shape(x)[2]))

    def example_losses(self, features, logits):
        """Cross-entropy in nats of each question: float32 [B]."""
        return cross_entropy(logits, features["labels"])

    def losses_and_rates(self, features, training=False):
        losses = self.example_losses(features, self(features, training=training))
        weights = self.row_weights(features)
        return {"choice": (ops.sum(losses * weights), ops.sum(weights))}, {}
