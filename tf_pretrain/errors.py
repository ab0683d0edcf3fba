"""Errors that the user can fix. Commands print them without a traceback."""

import difflib


class UserError(Exception):
    """An error that the user can fix. Commands print its message and stop."""


class ConfigError(UserError, ValueError):
    """A setting that cannot be used; the message names the field and the value."""


def nearest_name(name, allowed) -> str:
    """Returns "; did you mean 'x'?" for an unknown name, or "" if none is close.

    Capitals do not count.
    """
    names = {known.lower(): known for known in allowed}
    near = difflib.get_close_matches(name.lower(), names, n=1)
    return f"; did you mean {names[near[0]]!r}?" if near else ""
