"""`Network`, the base class of all that is trained, and the cross-entropies."""

import dataclasses

import keras
from keras import ops


@dataclasses.dataclass(frozen=True)
class LossTerm:
    """How one loss enters the total."""

    coefficient: float = 1.0
    epsilon: float = 0.0  # added to the weight, as in the original programs
    is_mean: bool = True  # False: the weighted sum is not divided

    def divisor(self, weight):
        """The number that divides the weighted sum: float32 scalar, like `weight`."""
        return weight + self.epsilon if self.is_mean else ops.ones_like(weight)


class Network(keras.Model):
    """What `training.trainer.Trainer` trains: an objective or a classifier.

    For a batch of features, `loss_weights` returns over how many predictions each loss
    is averaged, and `losses_and_rates` returns the losses. The first needs no forward
    pass, so a trainer can sum the weights of all replicas and micro-batches
    beforehand. Training minimises the sum over all names of
    coefficient * weighted sum / (weight + epsilon), as LossTerm describes.

    Attributes:
        loss_terms: {name: LossTerm}.
        rates: Names of the other quantities that `losses_and_rates` counts.
    """

    rates: tuple[str, ...] = ()

    def __init__(self, dtype=None, name=None):
        # No autocast: the batch's uniform numbers, targets and weights stay float32.
        super().__init__(dtype=dtype, name=name, autocast=False)
        self.loss_terms = {}

    @property
    def unused_variables(self):
        """Trainable variables that no loss depends on.

        They are not updated. With gradients of zero, weight decay would shrink them,
        under LAMB by the whole learning rate in each step.
        """
        return []

    def loss_weights(self, features):
        """{name: float32 scalar} for a batch; depends on the features alone."""
        raise NotImplementedError

    def losses_and_rates(self, features, training=False):
        """The losses of a batch and its rates.

        Returns:
            Two dicts of pairs of float32 scalars: {name: (weighted sum, weight)} of the
            losses, and {name: (count, total)} for each name of `rates`.
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
            Whether the loss terms or the trainable variables have changed, so that a
            compiled step is out of date.
        """
        return False

    def end_training(self):
        """Undoes what `begin_step` did to loss terms and trainable variables."""


def cross_entropy(logits, ids):
    """-log softmax(logits)[ids]: logits float32 [..., V], ids int [...] -> [...]."""
    if keras.backend.backend() == "jax":
        # A comparison instead of a gather: XLA fuses it, while the gradient of a gather
        # would be scattered into a tensor as large as the logits.
        is_true = ids[..., None] == ops.arange(logits.shape[-1], dtype=ids.dtype)
        true_logits = ops.sum(ops.where(is_true, logits, 0.0), axis=-1)
    else:
        true_logits = ops.take_along_axis(logits, ids[..., None], axis=-1)[..., 0]
    return ops.logsumexp(logits, axis=-1) - true_logits


def binary_cross_entropy(logits, labels):
    """Sigmoid cross-entropy of logits float32 against labels in [0, 1], elementwise."""
    labels = ops.cast(labels, "float32")
    return ops.relu(logits) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))
