"""Configs as dictionaries, as JSON, and with single fields set from text."""

import dataclasses
import json
import typing

from tf_pretrain.errors import ConfigError, nearest_name


def to_dict(config) -> dict:
    """The config as nested plain dictionaries (JSON-serialisable)."""
    return dataclasses.asdict(config)


def from_dict(cls, values: dict):
    """Builds `cls` from nested dictionaries.

    Raises:
        ConfigError: For a field that `cls` does not have. The message names the nearest
            one.
    """
    hints = typing.get_type_hints(cls)
    kwargs = {}
    for name, value in values.items():
        if name not in hints:
            hint = nearest_name(name, hints)
            raise ConfigError(f"{cls.__name__} has no field {name!r}{hint}")
        kwargs[name] = _value(hints[name], value)
    return cls(**kwargs)


def _value(kind, value):
    """A field's value; what is a dataclass, or a list or dict of them, becomes that."""
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return from_dict(kind, value)
    inner = next(reversed(typing.get_args(kind)), None)
    if dataclasses.is_dataclass(inner) and isinstance(value, dict):
        return {key: from_dict(inner, each) for key, each in value.items()}
    if dataclasses.is_dataclass(inner) and isinstance(value, list):
        return [from_dict(inner, each) for each in value]
    return value


def load(cls, path):
    """Reads a config from JSON, in the form of a workdir's `config.json`."""
    with open(path, encoding="utf-8") as file:
        return from_dict(cls, json.load(file))


def override(cls, values: dict, field: str, text: str) -> None:
    """Sets one field of the nested dictionary of a `cls` from text, in place.

    Args:
        field: Dotted path, for example "train.num_steps".
        text: The value; "true" and "false" for booleans.

    Raises:
        ConfigError: For an unknown field (the message names the nearest) or a wrong
            type.
    """
    *parents, name = field.split(".")
    for parent in parents:
        hints = typing.get_type_hints(cls)
        if not dataclasses.is_dataclass(hints.get(parent)):
            hint = nearest_name(parent, hints)
            raise ConfigError(f"{cls.__name__} has no section {parent!r}{hint}")
        cls, values = hints[parent], values[parent]
    hints = typing.get_type_hints(cls)
    if name not in hints or dataclasses.is_dataclass(hints[name]):
        hint = nearest_name(name, hints)
        raise ConfigError(f"{cls.__name__} has no field {name!r}{hint}")
    booleans = {"true": True, "false": False}
    try:
        kind = hints[name]
        values[name] = booleans[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise ConfigError(f"{field}={text}: expected a {kind.__name__}") from None


def differing_fields(old: dict, new: dict, prefix="") -> list[str]:
    """Lines "field: old -> new" for every leaf in which two nested dicts differ."""
    lines = []
    for name in sorted(set(old) | set(new)):
        a, b = old.get(name), new.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += differing_fields(a, b, f"{prefix}{name}.")
        elif a != b:
            lines.append(f"{prefix}{name}: {a!r} -> {b!r}")
    return lines
