"""Scores over a whole set of predictions, in NumPy.

Degenerate cases have the values of scikit-learn: Matthews and F1 are 0 if a denominator
is 0. The correlation with a constant is 0 here, while SciPy returns nan. A model that
predicts one value for all examples knows nothing about the order, and a nan would hide
the median of the other trials.
"""

import numpy as np


def accuracy(labels, predictions) -> float:
    """Share of equal entries of two int arrays [N]."""
    return float(np.mean(np.asarray(labels) == np.asarray(predictions)))


def f1(labels, predictions) -> float:
    """F1 of class 1 against the rest, int arrays [N]."""
    labels, predictions = np.asarray(labels) == 1, np.asarray(predictions) == 1
    return _ratio(2 * np.sum(labels & predictions), labels.sum() + predictions.sum())


def macro_f1(labels, predictions) -> float:
    """The mean of the classes' F1. Classes that do not occur are not counted."""
    matrix = confusion_matrix(labels, predictions)
    occurrences = matrix.sum(0) + matrix.sum(1)
    return float(np.mean(per_class_scores(matrix)["f1"][occurrences > 0]))


def matthews(labels, predictions) -> float:
    """Matthews' correlation in Gorodkin's (2004) form for any number of classes."""
    matrix = confusion_matrix(labels, predictions).astype(np.float64)
    true, predicted, total = matrix.sum(1), matrix.sum(0), matrix.sum()
    covariance = np.trace(matrix) * total - true @ predicted
    spread = (total**2 - true @ true) * (total**2 - predicted @ predicted)
    return _ratio(covariance, np.sqrt(spread))


def pearson(labels, predictions) -> float:
    """Linear correlation of two float arrays [N]; 0 if one of them is constant."""
    x, y = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    if np.all(x == x[0]) or np.all(y == y[0]):
        # an exact test, because the mean of equal numbers may differ from them
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    return _ratio(x @ y, np.linalg.norm(x) * np.linalg.norm(y))


def spearman(labels, predictions) -> float:
    """Correlation of ranks. Equal values get the mean of their ranks."""
    return pearson(_ranks(labels), _ranks(predictions))


def area_under_curve(scores, labels) -> float:
    """Exact area under the ROC curve: P(score of a positive > score of a negative).

    Ties count one half (Mann-Whitney). The caller must leave out padding; the released
    ELECTRA counts it as negatives, which increases its figure.

    Args:
        scores: float [N].
        labels: bool [N].

    Returns:
        A float in [0, 1]; nan without both positives and negatives.
    """
    positives = int(labels.sum())
    negatives = labels.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    rank_sum = _ranks(scores)[labels].sum()
    return float(
        (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)
    )


# The metrics that fine-tuning reports, by name.
METRICS = {
    function.__name__: function
    for function in (accuracy, f1, macro_f1, matthews, pearson, spearman)
}


def confusion_matrix(labels, predictions, num_classes=None) -> np.ndarray:
    """int64 [C, C]: row = label, column = prediction."""
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if num_classes is None:
        num_classes = int(max(labels.max(), predictions.max())) + 1
    matrix = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def per_class_scores(matrix) -> dict[str, np.ndarray]:
    """`precision`, `recall` and `f1`, float64 [C], of a confusion matrix; 0 for 0/0."""
    correct, true, predicted = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    return {
        "precision": correct / np.maximum(predicted, 1),
        "recall": correct / np.maximum(true, 1),
        "f1": 2 * correct / np.maximum(true + predicted, 1),
    }


def _ranks(values):
    """Ranks from 1 for the smallest value; equal values get the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]


def _ratio(numerator, denominator):
    return float(numerator / denominator) if denominator else 0.0
