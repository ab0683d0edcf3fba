"""The numbers in the chapter's sentences. In a page each stands in two comments:

    ELECTRA-Small has a mean of <!--value:electra-small-->79.9<!--/-->.

So no result is typed by hand, and `python -m docs.course` writes them all again. The
comments have no spaces, and a line must not begin with one (a test says so): Markdown
would take it for a block of HTML.
"""

import re

from docs.course import answers, size_values, source_values
from tf_pretrain.errors import UserError, nearest_name

_VALUE = re.compile(r"<!--value:([\w-]*)-->(.*?)<!--/-->", re.S)


def made() -> dict[str, str]:
    """{name: text} of all values; the texts are the same in both languages."""
    return source_values.values() | size_values.values() | answers.values()


def filled(text: str) -> str:
    """A page with its values as the code makes them now.

    Raises:
        UserError: For an unknown name, or a comment without its counterpart.
    """
    found = made()

    def replace(match):
        if match[1] not in found:
            hint = nearest_name(match[1], found)
            raise UserError(f"no value {match[1]!r}{hint} in docs/course/values.py")
        return f"<!--value:{match[1]}-->{found[match[1]]}<!--/-->"

    count = len(_VALUE.findall(text))
    for comment in ("<!--value:", "<!--/-->"):
        if text.count(comment) != count:
            raise UserError(
                f"the page has {text.count(comment)} times {comment!r} and {count} "
                "values; every value needs its two comments"
            )
    return _VALUE.sub(replace, text)


def names(text: str) -> list[str]:
    """The names of a text's values, in order."""
    return [match[1] for match in _VALUE.finditer(text)]


def without(text: str) -> str:
    """The text with names instead of values, so that it stays when they change."""
    return _VALUE.sub(r"{\1}", text)
