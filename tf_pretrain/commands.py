"""Common code of all commands: reading flags, printing errors, starting TensorFlow.

A command keeps its flags in a `FlagValues` of its own, so that several commands, and
one command several times, can run in the same process:

    FLAGS = flags.FlagValues()
    _INPUT = flags.DEFINE_string("input", None, "Text.", FLAGS)

    def main(argv=None):
        commands.run(_main, FLAGS, argv)

Import this module before TensorFlow, because it hides TensorFlow's start-up notices.
"""

import contextlib
import faulthandler
import sys
from collections.abc import Callable, Sequence

from absl import flags

from tf_pretrain import quiet_tensorflow
from tf_pretrain.config.flags import separate_fields
from tf_pretrain.errors import UserError

_HELP = {"--help", "-h", "--helpshort", "--helpfull"}

quiet_tensorflow.install()


def run(
    main: Callable[..., None],
    known: flags.FlagValues,
    argv: Sequence[str] | None = None,
    takes_arguments: bool = False,
) -> None:
    """Reads the flags of a command and calls it.

    Args:
        main: The command itself. It is called with the arguments that are not flags.
        known: Its flags. They are reset to their defaults before they are read.
        argv: Arguments without the program's name; by default those of the process.
        takes_arguments: Whether arguments that are not flags are allowed.

    Raises:
        SystemExit: With status 1 and a message, for wrong flags and for errors that the
            user can fix; with status 0 after `--help`.
    """
    if argv is None:
        argv = sys.argv[1:]
        faulthandler.enable()
    if _HELP & set(argv):
        print(sys.modules[main.__module__].__doc__)
        print(known.get_help(include_special_flags=False))
        raise SystemExit(0)
    for name in known:
        known[name].unparse()
    try:
        _, *others = known([sys.argv[0], *separate_fields(argv)])
    except flags.Error as error:
        raise SystemExit(f"error: {error} (--help lists the flags)") from None
    if others and not takes_arguments:
        raise SystemExit(f"error: unexpected arguments: {' '.join(others)}")
    with errors_as_messages():
        main(*others)


@contextlib.contextmanager
def errors_as_messages():
    """Ends the process with a message for an error that the user can fix."""
    try:
        yield
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
