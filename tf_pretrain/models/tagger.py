"""An encoder and a tag for each word: ELECTRA's tagging (Clark et al.'s program)."""

import keras
from keras import ops

from tf_pretrain.models.encoder import Encoder, dropout_for
from tf_pretrain.models.finetuned import FinetunedNetwork
from tf_pretrain.models.heads import gather_positions
from tf_pretrain.models.losses import LossTerm, cross_entropy


@keras.saving.register_keras_serializable("tf_pretrain")
class Tagger(FinetunedNetwork):
    """Predicts a class for each word, at its first piece.

    Args:
        encoder: An Encoder.
        num_outputs: Number of tags.
        loss_reduction: "sum" over all words of the batch (ELECTRA) or "mean".
        dropout: Rate in [0, 1) before the dense layer; the original has none.

    Call: features as the encoder takes them, and `labeled_positions` int32 [B, W]
    -> logits float32 [B, W, num_outputs]. For the loss also `labels` int32 [B, W] and
    `labels_mask` float32 [B, W], which is 0 where there is no word.
    """

    def __init__(
        self,
        encoder,
        num_outputs,
        loss_reduction="sum",
        dropout=0.0,
        dtype=None,
        name="tagger",
    ):
        super().__init__(dtype=dtype, name=name)
        self.encoder = encoder
        self.num_outputs = num_outputs
        self.loss_reduction = loss_reduction
        self.dropout = dropout
        self.loss_terms = {"tags": LossTerm(is_mean=loss_reduction == "mean")}
        self.dense = keras.layers.Dense(  # Glorot uniform, as in the original
            num_outputs, dtype=dtype, name="task_specific"
        )
        self.dense.build((None, None, encoder.config.hidden_size))
        self.built = True

    def get_config(self):
        """For Keras' `save`."""
        return {
            "encoder": self.encoder.get_config(),
            "num_outputs": self.num_outputs,
            "loss_reduction": self.loss_reduction,
            "dropout": self.dropout,
            "dtype": self.dtype_policy.name,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "encoder": Encoder.from_config(config["encoder"])})

    def call(self, features, training=False):
        dropout = dropout_for(features, training)
        states = self.encoder(features, dropout=dropout)["sequence_output"]
        words = gather_positions(states, features["labeled_positions"])
        return ops.cast(self.dense(dropout(words, self.dropout)), "float32")

    def word_losses(self, features, logits):
        """Cross-entropy in nats of each word: float32 [B, W], 0 where there is none."""
        return cross_entropy(logits, features["labels"]) * features["labels_mask"]

    def loss_weights(self, features):
        return {"tags": ops.sum(features["labels_mask"])}

    def losses_and_rates(self, features, training=False):
        losses = self.word_losses(features, self(features, training=training))
        weight = self.loss_weights(features)["tags"]
        return {"tags": (ops.sum(losses), weight)}, {}
