"""Scores over a whole set of predictions, in NumPy.

Degenerate cases are answered as scikit-learn answers them: Matthews and F1 are 0 where
a denominator is 0. SciPy calls the correlation with a constant undefined (nan); here it
is 0, because a model that predicts one value for all knows nothing about the order,
and a nan would hide the other trials' median.
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
    """Mean over classes of each one's F1; classes that occur nowhere do not count."""
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
        return 0.0  # exactly: the mean of equal numbers may differ from them
    x, y = x - x.mean(), y - y.mean()
    return _ratio(x @ y, np.linalg.norm(x) * np.linalg.norm(y))


def spearman(labels, predictions) -> float:
    """Correlation of ranks; equal values share the mean of their ranks."""
    return pearson(_ranks(labels), _ranks(predictions))


def area_under_curve(scores, labels) -> float:
    """Exact area under the ROC curve: P(score of a positive > of a negative).

    Ties count one half (Mann-Whitney). Padding is the caller's to leave out: the
    released ELECTRA counts it as negatives, which inflates its figure.

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


# What fine-tuning reports, by name.
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
    """1 for the smallest; the mean rank of each group of equal values."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]


def _ratio(numerator, denominator):
    return float(numerator / denominator) if denominator else 0.0
