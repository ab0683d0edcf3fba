"""Fills the generated blocks of the chapter's pages, and checks its translation.

A block stands between two comments, so that a page is plain Markdown:

    <!-- block: t3 -->
    ...
    <!-- end -->

A section begins with a comment, too. In the Chinese page it carries the digest of the
English text that it was written from:

    <!-- sec: electra -->
    <!-- sec: electra of: 1a2b3c4d -->

The numbers in the sentences are filled, too (docs.course.values).
"""

import hashlib
import re
from pathlib import Path

from docs.course import blocks, values
from docs.course.captions import LANGUAGES
from tf_pretrain.errors import UserError, nearest_name

FOLDER = Path(__file__).parent
_BLOCK = re.compile(r"<!-- block: (\w+) -->\n(.*?)<!-- end -->", re.S)
_SECTION = re.compile(r"<!-- sec: ([\w-]+)(?: of: (\w*))? -->\n")


def path(language: str) -> Path:
    """The page in one of LANGUAGES."""
    return FOLDER / f"{language}.md"


def filled(text: str, language: str, only: list[str] | None = None) -> str:
    """The page with its blocks and values as the code makes them now.

    Args:
        only: Ids of the blocks to make; None for all blocks and all values.

    Raises:
        UserError: For an unknown id, or a comment without its counterpart.
    """

    def replace(match):
        name = match[1]
        if name not in blocks.BLOCKS:
            hint = nearest_name(name, blocks.BLOCKS)
            raise UserError(f"no block {name!r}{hint} in docs/course/blocks.py")
        if only is not None and name not in only:
            return match[0]
        return f"<!-- block: {name} -->\n{blocks.render(name, language)}\n<!-- end -->"

    found = _BLOCK.findall(text)
    for comment in ("<!-- block:", "<!-- end -->"):
        if text.count(comment) != len(found):
            raise UserError(
                f"{language}.md has {text.count(comment)} times {comment!r} and "
                f"{len(found)} blocks; every block needs its two comments"
            )
    text = _BLOCK.sub(replace, text)
    return text if only is not None else values.filled(text)


def sections(text: str) -> dict[str, str]:
    """{section id: its hand-written text}, without blocks, and with values' names."""
    parts = _SECTION.split(text)
    return {
        name: values.without(_BLOCK.sub("", body)).strip()
        for name, body in zip(parts[1::3], parts[3::3], strict=True)
    }


def digests(text: str) -> dict[str, str]:
    """{section id: digest of its hand-written text}; line breaks do not count."""
    return {
        name: hashlib.sha256(" ".join(body.split()).encode()).hexdigest()[:8]
        for name, body in sections(text).items()
    }


def stale_sections(english: str, translated: str) -> list[str]:
    """Sections whose translation was made from another English text, or is missing."""
    stamps = {match[1]: match[2] for match in _SECTION.finditer(translated)}
    return [n for n, digest in digests(english).items() if stamps.get(n) != digest]


def stamped(english: str, translated: str, names: list[str]) -> str:
    """The translated page whose named sections carry the English text's digests."""
    wanted = digests(english)
    for name in set(names) - wanted.keys():
        hint = nearest_name(name, wanted)
        raise UserError(f"no section {name!r}{hint} in en.md")

    def replace(match):
        if match[1] not in names:
            return match[0]
        return f"<!-- sec: {match[1]} of: {wanted[match[1]]} -->\n"

    return _SECTION.sub(replace, translated)


def read() -> dict[str, str]:
    """{language: text of its page}."""
    return {name: path(name).read_text(encoding="utf-8") for name in LANGUAGES}
