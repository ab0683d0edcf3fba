"""How losses enter the total, and the cross-entropies that they are made of."""

import dataclasses

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


def total_loss(loss_terms, losses):
    """Sum of the losses as {name: LossTerm} says, of {name: (weighted sum, weight)}."""
    return sum(
        term.coefficient * losses[name][0] / term.divisor(losses[name][1])
        for name, term in loss_terms.items()
    )


def cross_entropy(logits, ids):
    """-log softmax(logits)[ids]: logits float32 [..., V], ids int [...] -> [...]."""
    true_logits = ops.take_along_axis(logits, ids[..., None], axis=-1)[..., 0]
    return ops.logsumexp(logits, axis=-1) - true_logits


def binary_cross_entropy(logits, labels):
    """Sigmoid cross-entropy of logits float32 against labels in [0, 1], elementwise."""
    labels = ops.cast(labels, "float32")
    return ops.relu(logits) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))
