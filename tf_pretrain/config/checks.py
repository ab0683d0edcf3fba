"""Checks of settings, which raise ConfigError with the name and the value.

A config declares what a field may hold where it declares the field: choices as a
`Literal` type, bounds by the functions here, which also take the default:

    tokenizer: Literal["wordpiece", "sentencepiece"] = "wordpiece"
    max_ngram: int = at_least(1, default=1)

`check_fields` compares an instance with that. `require` is for rules between fields.
"""

import dataclasses
import math
import typing
from collections.abc import Callable

from tf_pretrain.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What a field may hold.

    Attributes:
        description: In words, after "expected".
        hold: Whether a value is one of them.
    """

    description: str
    hold: Callable[[typing.Any], bool]


def at_least(least, default):
    """A field whose value is finite, and `least` or more."""
    return _field(default, f"{least} or more", lambda v: least <= v < math.inf)


def positive(default):
    """A field whose value is finite, and more than 0."""
    return _field(default, "more than 0, and finite", lambda v: 0 < v < math.inf)


def probability(default):
    """A field whose value is in [0, 1]."""
    return _field(default, "a value in [0, 1]", lambda v: 0 <= v <= 1)


def dropout(default):
    """A field that holds a rate of dropout, in [0, 1)."""
    return _field(default, "a rate in [0, 1)", lambda v: 0 <= v < 1)


def decay(default):
    """A field that holds a factor in (0, 1]."""
    return _field(default, "a value in (0, 1]", lambda v: 0 < v <= 1)


def seed(default):
    """A field that holds a seed which NumPy and TensorFlow take."""
    return _field(default, "0 to 2**32 - 1", lambda v: 0 <= v < 2**32)


def encoding(default):
    """A field that holds the name of an encoding of text."""
    expected = "an encoding that Python knows, as utf-8, cp1252, gb18030, big5 or cp932"
    return _field(default, expected, _is_encoding)


def _field(default, description, hold):
    metadata = {"bounds": Bounds(description, hold)}
    return dataclasses.field(default=default, metadata=metadata)


def _is_encoding(name):
    try:
        "".encode(name)
    except LookupError:
        return False
    return True


def check_fields(settings, section: str = "") -> None:
    """Raises ConfigError unless every field holds what its declaration allows.

    Args:
        settings: A dataclass.
        section: What the names of its fields begin with in messages.
    """
    hints = typing.get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        name = f"{section}.{field.name}" if section else field.name
        value, choices = (
            getattr(settings, field.name),
            typing.get_args(hints[field.name]),
        )
        if choices:
            require_one_of(name, value, choices)
        bounds = field.metadata.get("bounds")
        if bounds is not None:
            require(
                bounds.hold(value),
                f"{name} is {value!r}; expected {bounds.description}",
            )


def require(condition, message):
    """Raises ConfigError with the message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def require_one_of(name, value, allowed):
    """Raises ConfigError unless the value of the setting `name` is allowed."""
    require(value in allowed, f"{name} is {value!r}; expected one of {allowed}")


def require_encoding(name, value):
    """Raises ConfigError unless Python knows a text encoding of this name."""
    bounds = encoding(value).metadata["bounds"]
    require(bounds.hold(value), f"{name} is {value!r}; expected {bounds.description}")
