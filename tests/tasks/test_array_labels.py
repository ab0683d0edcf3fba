"""Labels in every form that people give them, against numbers written by hand."""

import numpy as np
import pytest

from tf_pretrain.errors import UserError
from tf_pretrain.tasks.array_labels import as_numbers, class_names


@pytest.mark.parametrize(
    "labels",
    [
        [2, 0, 1],
        [2.0, 0.0, 1.0],
        np.array([2, 0, 1], np.int64),
        np.array([[2], [0], [1]]),
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
        np.eye(3, dtype=np.float32)[[2, 0, 1]],
        ["c", "a", "b"],
        np.array([b"c", b"a", b"b"], object),
        np.array([["c"], ["a"], ["b"]]),
    ],
)
def test_forms_of_classes(labels):
    numbers = as_numbers(labels, 3, ("a", "b", "c"))
    assert numbers.dtype == np.int32
    assert numbers.tolist() == [2, 0, 1]


def test_scores_may_be_any_finite_numbers():
    for labels in ([-1, 0.5, 7], np.array([[-1.0], [0.5], [7.0]])):
        numbers = as_numbers(labels, 1)
        assert numbers.dtype == np.float32
        assert numbers.tolist() == [-1.0, 0.5, 7.0]
    assert as_numbers([True, False], 2).tolist() == [1, 0]


@pytest.mark.parametrize(
    "labels, names",
    [
        (["pos", "neg", "pos"], ("neg", "pos")),
        (["10", "9", "-1"], ("-1", "9", "10")),  # as numbers, not as texts
        ([b"b", b"a"], ("a", "b")),
        ([1, 0], None),
        ([[0, 1]], None),
    ],
)
def test_names_of_classes(labels, names):
    assert class_names(labels) == names


@pytest.mark.parametrize(
    "labels, num_outputs, message",
    [
        ([1, -1, 1], 2, r"labels\[1\] is -1; .*from 0 to 1\. .*are -1, 1: number them"),
        ([1, 2, 3], 3, r"labels\[2\] is 3; .*from 0 to 2.*number them from 0, or give"),
        ([0, 1, 2], 2, r"labels\[2\] is 2; .*make the classifier with num_outputs=3"),
        ([0, 0.1, 0.9], 2, r"labels\[1\] is 0.1; .*scores .*with num_outputs=1"),
        ([0, float("nan")], 2, r"labels\[1\] is nan; expected a whole number"),
        ([0, float("inf")], 1, r"labels\[1\] is inf; expected a finite number"),
        ([[1, 0], [0.1, 0.9]], 2, r"labels\[1\] is \[0.1, 0.9\]; .*row of 2 values"),
        ([[1, 0, 0]], 2, r"labels\[0\] is \[1.0, 0.0, 0.0\]; expected .*row of 2"),
        ([[1, 0]], 1, r"labels\[0\] is \[1.0, 0.0\]; .*with num_outputs=2"),
        (["a", "b", "x"], 2, r"labels\[2\] is 'x'; expected one of a, b"),
        (["a", None], 2, r"labels\[1\] is None, and labels\[0\] is 'a'"),
        (["a", 1], 2, r"labels\[1\] is 1, and labels\[0\] is 'a'"),
        ([0, None], 2, r"labels\[1\] is None; expected a number or a string"),
        (["a", "b"], 1, r"labels\[0\] is 'a'; expected a score, .*num_outputs=2"),
        (np.zeros((2, 2, 2)), 2, r"labels have the shape \(2, 2, 2\)"),
    ],
)
def test_labels_that_cannot_be(labels, num_outputs, message):
    with pytest.raises(UserError, match=message):
        as_numbers(labels, num_outputs, ("a", "b") if num_outputs == 2 else None)


def test_names_of_classes_without_names():
    with pytest.raises(UserError, match=r"test\[0\] is 'a'; .*Set class_names="):
        as_numbers(["a", "b"], 2, where="test")
