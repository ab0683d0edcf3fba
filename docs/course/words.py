"""The chapter's words: every drawn or generated text in both languages."""

from docs.course.captions import LANGUAGES
from docs.course.drawn_words import DRAWN
from docs.course.table_words import IN_TABLES


def of(language: str) -> dict[str, str]:
    """{name: text} in one of LANGUAGES; texts may have {names} to fill in."""
    place = LANGUAGES.index(language)
    return {name: texts[place] for name, texts in (DRAWN | IN_TABLES).items()}
