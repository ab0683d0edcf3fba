"""Checks of settings, which raise ConfigError with the name and the value."""

import math

from tf_pretrain.errors import ConfigError


def require(condition, message):
    """Raises ConfigError with the message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


def require_one_of(name, value, allowed):
    """Raises ConfigError unless the value of the setting `name` is allowed."""
    require(value in allowed, f"{name} is {value!r}; expected one of {allowed}")


def require_at_least(least, settings, section, *names):
    """Raises ConfigError unless each named field is finite and `least` or more."""
    for name in names:
        value = getattr(settings, name)
        require(
            least <= value < math.inf,
            f"{section}.{name} is {value}; expected {least} or more",
        )


def require_positive(name, value):
    """Raises ConfigError unless the value of the setting `name` is > 0 and finite."""
    require(
        0 < value < math.inf, f"{name} is {value}; expected more than 0, and finite"
    )


def require_encoding(name, value):
    """Raises ConfigError unless Python knows a text encoding of this name."""
    try:
        "".encode(value)
    except LookupError:
        raise ConfigError(
            f"{name} is {value!r}, which is not a text encoding that Python knows; "
            "expected for example utf-8, cp1252, gb18030, big5, cp932 or cp949"
        ) from None


def require_probability(name, value):
    """Raises ConfigError unless the value of the setting `name` is in [0, 1]."""
    require(0.0 <= value <= 1.0, f"{name} is {value}; expected a value in [0, 1]")


def require_dropout(name, rate):
    """Raises ConfigError unless the rate of dropout is in [0, 1)."""
    require(0.0 <= rate < 1.0, f"{name} is {rate}; expected a rate in [0, 1)")


def require_seed(seed):
    """Raises ConfigError unless NumPy and TensorFlow take the seed."""
    require(0 <= seed < 2**32, f"seed is {seed}; expected 0 to 2**32 - 1")
