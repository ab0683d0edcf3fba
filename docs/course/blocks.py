"""All generated blocks of the chapter by their ids.

A block is a function of the language, "en" or "zh", that returns Markdown without the
caption. `render` puts the caption above a table or a listing and below a picture.
"""

from collections.abc import Callable

from docs.course.captions import CAPTIONS, LANGUAGES

BLOCKS: dict[str, Callable[[str], str]] = {}


def render(name: str, language: str) -> str:
    """The Markdown of a block with its caption, without a newline at the end."""
    caption = f"**{CAPTIONS[name][LANGUAGES.index(language)]}**"
    return f"{caption}\n\n{BLOCKS[name](language).strip()}"
