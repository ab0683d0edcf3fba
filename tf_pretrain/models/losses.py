"""What a network that is trained promises, and the cross-entropies of its losses."""

import dataclasses

import keras
from keras import ops


@dataclasses.dataclass(frozen=True)
class LossTerm:
    """How one loss enters the total."""

    coefficient: float = 1.0
    epsilon: float = 0.0  # added to the weight, as the references do
    is_mean: bool = True  # False: the weighted sum enters as it is

    def divisor(self, weight):
        """What the weighted sum is divided by; float32 scalar, as `weight`."""
        return weight + self.epsilon if self.is_mean else ops.ones_like(weight)


class Network(keras.Model):
    """What `training.trainer.Trainer` trains: an objective, or a classifier.

    It answers two questions about a batch of features: `loss_weights`, over how many
    predictions each loss is averaged, and `losses_and_rates`. The first needs no
    forward pass, so a trainer can sum the weights of all replicas and micro-batches
    before. What is minimised is the sum over names of
    coefficient * weighted sum / (weight + epsilon), see LossTerm.

    Attributes:
        loss_terms: {name: LossTerm}.
        rates: Names of what `losses_and_rates` counts besides.
    """

    rates: tuple[str, ...] = ()

    def __init__(self, dtype=None, name=None):
        # No autocast: uniform numbers, targets and weights of the batch stay float32.
        super().__init__(dtype=dtype, name=name, autocast=False)
        self.loss_terms = {}

    @property
    def unused_variables(self):
        """Trainable variables that no loss depends on.

        They are left as they are. With gradients of zero they would decay, under LAMB
        by the whole learning rate in each step.
        """
        return []

    def loss_weights(self, features):
        """{name: float32 scalar} for a batch; depends on the features alone."""
        raise NotImplementedError

    def losses_and_rates(self, features, training=False):
        """Two dicts of pairs of float32 scalars for a batch.

        Returns:
            {name: (weighted sum, weight)} of the losses, and {name: (count, of how
            many)} for each name of `rates`.
        """
        raise NotImplementedError

    def losses(self, features, training=False):
        """{name: (weighted sum, weight)}, float32 scalars, for a batch."""
        return self.losses_and_rates(features, training)[0]

    def total_loss(self, losses):
        """The loss that is minimised, from what `losses` returned: float32 scalar."""
        return sum(
            term.coefficient * losses[name][0] / term.divisor(losses[name][1])
            for name, term in self.loss_terms.items()
        )

    def begin_step(self, step) -> bool:
        """Prepares the step `step` (from 0) of training.

        Returns:
            Whether the loss terms or the trainable variables are now others, so that
            a compiled step is out of date.
        """
        return False

    def end_training(self):
        """Undoes what `begin_step` did to loss terms and trainable variables."""


def cross_entropy(logits, ids):
    """-log softmax(logits)[ids]: logits float32 [..., V], ids int [...] -> [...]."""
    if keras.backend.backend() == "jax":
        # The same number. XLA fuses the comparison; the gradient of a gather would be
        # scattered into a tensor of the size of the logits.
        is_true = ids[..., None] == ops.arange(logits.shape[-1], dtype=ids.dtype)
        true_logits = ops.sum(ops.where(is_true, logits, 0.0), axis=-1)
    else:
        true_logits = ops.take_along_axis(logits, ids[..., None], axis=-1)[..., 0]
    return ops.logsumexp(logits, axis=-1) - true_logits


def binary_cross_entropy(logits, labels):
    """Sigmoid cross-entropy of logits float32 against labels in [0, 1], elementwise."""
    labels = ops.cast(labels, "float32")
    return ops.relu(logits) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))
