"""Labels in the forms that `TextClassifier` accepts: numbers, one-hot rows or names."""

from collections.abc import Sequence

import numpy as np

from tf_pretrain.errors import UserError


def class_names(labels) -> tuple[str, ...] | None:
    """The classes of labels that are strings, sorted; None for numbers.

    Names that are all numbers are sorted as numbers.

    Args:
        labels: [N] or [N, 1], a list or anything that NumPy accepts.
    """
    values, is_names = _read(labels, "labels")
    if not is_names:
        return None
    names = set(values.tolist())
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(sorted(names))


def as_numbers(
    labels, num_outputs: int, names: Sequence[str] | None = None, where="labels"
) -> np.ndarray:
    """Converts labels to the form in which a Classifier learns them.

    Args:
        labels: [N] or [N, 1]: names of classes, numbers of classes from 0, or scores;
            or [N, C]: rows with a single 1 (one-hot).
        num_outputs: C; 1 for a regression.
        names: The C class names, if labels may be names.
        where: The name of the labels in messages.

    Returns:
        int32 [N] class numbers, or float32 [N] scores for a regression.

    Raises:
        UserError: It names the first label that cannot be used, its row, and what is
            expected.
    """
    values, is_names = _read(labels, where)
    if is_names:
        return _numbers_of_names(values, num_outputs, names, where)
    if num_outputs == 1:
        return _scores(values, where)
    if values.ndim == 2:
        return _from_one_hot(values, num_outputs, where)
    is_class = (values >= 0) & (values < num_outputs) & (values == np.floor(values))
    if not is_class.all():
        row = int(np.argmin(is_class))
        raise UserError(
            f"{where}[{row}] is {values[row]:g}; expected a whole number from 0 to "
            f"{num_outputs - 1}. {_advice(values, num_outputs)}"
        )
    return values.astype(np.int32)


def _read(labels, where):
    """Labels as float64 [N] or [N, C], or as an array [N] of str; and whether names."""
    # NumPy would turn 1 and "a" into strings
    is_list = isinstance(labels, list | tuple)
    values = np.array(labels, object) if is_list else np.asarray(labels)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]  # Keras also accepts columns
    if values.ndim not in (1, 2):
        raise UserError(
            f"{where} have the shape {values.shape}; expected one label a text, or a "
            "one-hot row"
        )
    if values.dtype.kind in "biuf":
        return values.astype(np.float64), False
    is_name = [isinstance(value, str | bytes) for value in values.flat]
    if all(is_name) and values.ndim == 1 and len(values):
        names = [v.decode() if isinstance(v, bytes) else str(v) for v in values]
        return np.array(names, object), True
    if any(is_name):
        row = is_name.index(not is_name[0]) if values.ndim == 1 else 0
        raise UserError(
            f"{where}[{row}] is {values[row]!r}, and {where}[0] is {values[0]!r}; "
            "expected one string a text, or one number a text"
        )
    is_number = [_is_number(value) for value in values.flat]
    if not all(is_number):
        row = is_number.index(False) // (values.size // len(values))
        raise UserError(
            f"{where}[{row}] is {values[row]!r}; expected a number or a string"
        )
    return values.astype(np.float64), False


def _numbers_of_names(values, num_outputs, names, where):
    if num_outputs == 1:
        raise UserError(
            f"{where}[0] is {values[0]!r}; expected a score, for the classifier has "
            f"one output. For classes make it with num_outputs={len(set(values))}"
        )
    if names is None:
        raise UserError(
            f"{where}[0] is {values[0]!r}; expected a whole number from 0 to "
            f"{num_outputs - 1}, for the classes have no names. Set class_names="
        )
    numbers = {name: number for number, name in enumerate(names)}
    for row, value in enumerate(values):
        if value not in numbers:
            raise UserError(
                f"{where}[{row}] is {value!r}; expected one of {_shown(names)}"
            )
    return np.array([numbers[value] for value in values], np.int32)


def _scores(values, where):
    if values.ndim == 2:
        raise UserError(
            f"{where}[0] is {values[0].tolist()}; expected a score, for the classifier "
            f"has one output. For classes make it with num_outputs={values.shape[1]}"
        )
    is_finite = np.isfinite(values.astype(np.float32))
    if not is_finite.all():
        row = int(np.argmin(is_finite))
        raise UserError(f"{where}[{row}] is {values[row]:g}; expected a finite number")
    return values.astype(np.float32)


def _from_one_hot(values, num_outputs, where):
    is_one_hot = ((values == 0) | (values == 1)).all(1) & (values.sum(1) == 1)
    if values.shape[1] != num_outputs or not is_one_hot.all():
        row = 0 if values.shape[1] != num_outputs else int(np.argmin(is_one_hot))
        raise UserError(
            f"{where}[{row}] is {values[row].tolist()}; expected the number of a "
            f"class, or a row of {num_outputs} values that are 0 but for a single 1"
        )
    return values.argmax(1).astype(np.int32)


def _advice(values, num_outputs):
    """What to do about numbers that are not classes from 0."""
    found = np.unique(values)
    shown = _shown([f"{value:g}" for value in found])
    if not np.isfinite(found).all() or (found != np.floor(found)).any():
        return "For a regression on scores make the classifier with num_outputs=1"
    if len(found) > num_outputs:
        return (
            f"The labels are {shown}: make the classifier with "
            f"num_outputs={len(found)}, and number them from 0 or give them as strings"
        )
    return f"The labels are {shown}: number them from 0, or give them as strings"


def _shown(names):
    """The first ten names, for messages."""
    return ", ".join(map(str, names[:10])) + ", ..." * (len(names) > 10)


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
