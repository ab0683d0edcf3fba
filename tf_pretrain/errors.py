"""What a person can mend: the errors that commands print without a traceback."""

import difflib


class UserError(Exception):
    """What the person at the command line can mend; commands print it and stop."""


class ConfigError(UserError, ValueError):
    """A setting that cannot be used; the message names the field and the value."""


def nearest_name(name, allowed) -> str:
    """ "; did you mean 'x'?" for an unknown name, or nothing."""
    near = difflib.get_close_matches(name, allowed, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
