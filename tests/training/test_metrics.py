"""Scores against scikit-learn and SciPy."""

import warnings

import numpy as np
import pytest

from tf_pretrain.training import metrics

scipy_stats = pytest.importorskip("scipy.stats")
sklearn_metrics = pytest.importorskip("sklearn.metrics")

RNG = np.random.default_rng(0)
# Labels, predictions: random, few, constant on either side or both, all wrong.
CLASSES = [
    *[
        (RNG.integers(0, c, n), RNG.integers(0, c, n))
        for c in (2, 3, 7)
        for n in (5, 99)
    ],
    (np.array([0, 1, 0, 1]), np.array([1, 1, 1, 1])),
    (np.array([0, 1, 0, 1]), np.array([0, 0, 0, 0])),
    (np.array([1, 1, 1]), np.array([0, 1, 0])),
    (np.array([0, 0, 0]), np.array([0, 0, 0])),
    (np.array([1, 1]), np.array([1, 1])),
    (np.array([0, 1, 1, 0]), np.array([1, 0, 0, 1])),
    (np.array([1]), np.array([0])),
    (np.array([0, 2, 2]), np.array([2, 0, 2])),  # class 1 occurs nowhere
]
SCORES = [
    (RNG.random(50).astype(np.float32), RNG.random(50).astype(np.float32)),
    (RNG.integers(0, 6, 200) / 2, RNG.integers(0, 6, 200) / 2),  # ties on both sides
    (np.arange(9.0), np.exp(np.arange(9.0))),
    (np.arange(9.0), -np.arange(9.0)),
    (RNG.random(30), 1e6 + 1e-3 * RNG.random(30)),
]


@pytest.mark.parametrize("labels, predictions", CLASSES)
def test_classes(labels, predictions):
    is_class_one = (labels == 1, predictions == 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn about what is undefined
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(labels, predictions),
            "f1": sklearn_metrics.f1_score(*is_class_one, zero_division=0),
            "macro_f1": sklearn_metrics.f1_score(
                labels, predictions, average="macro", zero_division=0
            ),
            "matthews": sklearn_metrics.matthews_corrcoef(labels, predictions),
        }
    for name, value in expected.items():
        assert metrics.METRICS[name](labels, predictions) == pytest.approx(
            value, abs=1e-12
        ), name


@pytest.mark.parametrize("labels, predictions", SCORES)
def test_correlations(labels, predictions):
    pearson = scipy_stats.pearsonr(
        labels.astype(np.float64), predictions.astype(np.float64)
    )
    spearman = scipy_stats.spearmanr(labels, predictions)
    assert metrics.pearson(labels, predictions) == pytest.approx(pearson[0], abs=1e-9)
    assert metrics.spearman(labels, predictions) == pytest.approx(
        spearman[0], abs=1e-12
    )


def test_correlation_with_a_constant_is_zero_where_scipy_has_nan():
    labels = np.array([0.1, 0.2, 0.3, 0.7])
    for constant in (0.1, 0.3, 1e9):
        predictions = np.full(4, constant)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert np.isnan(scipy_stats.spearmanr(labels, predictions)[0])
        assert metrics.pearson(labels, predictions) == 0.0
        assert metrics.spearman(labels, predictions) == 0.0


def test_confusions_and_class_scores():
    labels, predictions = CLASSES[4]
    matrix = metrics.confusion_matrix(labels, predictions, 7)
    expected = sklearn_metrics.confusion_matrix(
        labels, predictions, labels=np.arange(7)
    )
    np.testing.assert_array_equal(matrix, expected)
    scores = sklearn_metrics.precision_recall_fscore_support(
        labels, predictions, labels=np.arange(7), zero_division=0
    )
    for name, values in zip(("precision", "recall", "f1"), scores, strict=False):
        np.testing.assert_allclose(metrics.per_class_scores(matrix)[name], values)
