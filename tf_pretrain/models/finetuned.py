"""What the networks for fine-tuning share: an encoder with a head of its own."""

from keras import ops

from tf_pretrain.models.losses import Network


class FinetunedNetwork(Network):
    """A network on top of `encoder`, whose rows of a batch may have weights.

    Attributes:
        encoder: The Encoder.
        reads_pooler: Whether the head reads the pooled output.
    """

    reads_pooler = False

    @property
    def unused_variables(self):
        """The pooler's, if the encoder has one that the head does not read."""
        if self.encoder.pooler is None or self.reads_pooler:
            return []
        return self.encoder.pooler.trainable_variables

    def row_weights(self, features):
        """float32 [B]: `example_weights`, or 1 for each row of a batch without them."""
        weights = features.get("example_weights")
        if weights is None:
            weights = ops.ones((ops.shape(features["input_ids"])[0],), "float32")
        return weights

    def loss_weights(self, features):
        """{name: float32 scalar}: how many rows of the batch count."""
        weight = ops.sum(self.row_weights(features))
        return dict.fromkeys(self.loss_terms, weight)
