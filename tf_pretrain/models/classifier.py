"""An encoder and a task head, which both papers fine-tune on GLUE.

ELECTRA puts a dense layer on the final state of [CLS] and sums the loss over the batch
(`finetune/classification/classification_tasks.py` of the released code). ALBERT puts it
on the tanh-pooled vector and takes the mean (`classifier_utils.py`). Both use the
squared error for regression.
"""

import keras
from keras import ops

from tf_pretrain.config.checks import require, require_one_of
from tf_pretrain.errors import ConfigError
from tf_pretrain.models import layers
from tf_pretrain.models.encoder import Encoder, dropout_for
from tf_pretrain.models.finetuned import FinetunedNetwork
from tf_pretrain.models.losses import LossTerm, cross_entropy

HEADS = ("first_token", "pooled")
LOSS_REDUCTIONS = ("sum", "mean")


@keras.saving.register_keras_serializable("tf_pretrain")
class Classifier(FinetunedNetwork):
    """Classification of texts and pairs, or regression, on top of an encoder.

    Train it with `tf_pretrain.training.trainer.Trainer`, like an objective. Several
    classifiers may share one encoder.

    Args:
        encoder: An Encoder.
        num_outputs: Number of classes; 1 for regression.
        head: "first_token": dense, Glorot uniform, on the final state of [CLS]
            (ELECTRA); "pooled": dense, truncated normal, on the encoder's pooled
            output (ALBERT). Dropout comes before the dense layer.
        loss_reduction: "sum" over the batch (ELECTRA) or "mean" (ALBERT).
        dropout: Rate in [0, 1) of the head's dropout; the encoder has its own rates.
        target_scale: For a regression: targets are divided by it, so that they are at
            most 1 (ELECTRA divides STS-B's by 5; ALBERT does not divide).
        dtype: Keras dtype or policy of the head.

    Call it with the features that the encoder takes to get logits float32
    [B, num_outputs]. The loss also needs `labels` [B], int32 classes or float32
    targets, and optionally `example_weights` float32 [B] (0 for a row that only fills
    the batch).

    Raises:
        ConfigError: If `head` or `loss_reduction` is unknown, or the encoder has no
            pooler for "pooled".
    """

    def __init__(
        self,
        encoder,
        num_outputs,
        head="first_token",
        loss_reduction="sum",
        dropout=0.1,
        target_scale=1.0,
        dtype=None,
        name="classifier",
    ):
        super().__init__(dtype=dtype, name=name)
        require_one_of("head", head, HEADS)
        require_one_of("loss_reduction", loss_reduction, LOSS_REDUCTIONS)
        require(target_scale > 0, f"target_scale is {target_scale}; expected above 0")
        check_head(head, encoder.config)
        self.encoder = encoder
        self.num_outputs = num_outputs
        self.head = head
        self.loss_reduction = loss_reduction
        self.dropout = dropout
        self.target_scale = target_scale
        self.loss_name = "regression" if num_outputs == 1 else "classification"
        self.loss_terms = {self.loss_name: LossTerm(is_mean=loss_reduction == "mean")}
        initializer = "glorot_uniform"
        if head == "pooled":
            initializer = layers.truncated_normal(encoder.config.initializer_range)
        self.dense = keras.layers.Dense(
            num_outputs,
            kernel_initializer=initializer,
            dtype=dtype,
            # layer-wise learning rates find the head by this name
            name="task_specific",
        )
        self.dense.build((None, encoder.config.hidden_size))
        self.built = True

    def get_config(self):
        """The arguments for Keras' `save`."""
        return {
            "encoder": self.encoder.get_config(),
            "num_outputs": self.num_outputs,
            "head": self.head,
            "loss_reduction": self.loss_reduction,
            "dropout": self.dropout,
            "target_scale": self.target_scale,
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
        dropout = dropout_for(features, training)
        encoded = self.encoder(features, dropout=dropout)
        if self.head == "pooled":
            x = encoded["pooled_output"]
        else:
            x = encoded["sequence_output"][:, 0]
        return ops.cast(self.dense(dropout(x, self.dropout)), "float32")

    def scores(self, logits):
        """For a regression: logits [B, 1] -> scores [B] in the scale of its targets."""
        return logits[:, 0] * self.target_scale

    def example_losses(self, features, logits):
        """Cross-entropy (nats) or squared error of each row: float32 [B].

        The error is that of the targets divided by `target_scale`.
        """
        if self.num_outputs == 1:
            targets = ops.cast(features["labels"], "float32") / self.target_scale
            return ops.square(logits[:, 0] - targets)
        return cross_entropy(logits, features["labels"])

    def losses_and_rates(self, features, training=False):
        losses = self.example_losses(features, self(features, training=training))
        weights = self.row_weights(features)
        total = ops.sum(losses * weights)
        return {self.loss_name: (total, ops.sum(weights))}, {}


def check_head(head, encoder_config):
    """Raises ConfigError for a pooled head on an encoder that has no pooler."""
    if head == "pooled" and not encoder_config.use_pooler:
        raise ConfigError(
            'head is "pooled", but the encoder has no pooler; expected an encoder with '
            'use_pooler, or head "first_token"'
        )
