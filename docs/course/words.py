"""The chapter's words: every drawn or generated text in both languages."""

from docs.course.applied_words import APPLIED
from docs.course.captions import LANGUAGES
from docs.course.chart_words import CHARTS
from docs.course.drawn_words import DRAWN
from docs.course.table_words import IN_TABLES
from docs.course.text_words import IN_CELLS


def of(language: str) -> dict[str, str]:
    """{name: text} in one of LANGUAGES; texts may have {names} to fill in."""
    place = LANGUAGES.index(language)
    pairs = DRAWN | IN_TABLES | IN_CELLS | APPLIED | CHARTS
    return {name: texts[place] for name, texts in pairs.items()}


def row_name(name: str, words: dict[str, str]) -> str:
    """A row of our tables, for example "BERT, 1/2" or "no pretraining, ALBERT"."""
    parts = (words.get(f"row_{part}", part) for part in name.split(", "))
    return words["comma"].join(parts)


def model_name(name: str, words: dict[str, str]) -> str:
    """A model of a paper: "ELECTRA-Small 50% trained" or "BERT (ours)"."""
    model, _, share = name.removesuffix("% trained").partition(" ")
    if share == "(ours)":
        return words["their_own"].format(model=model)
    if name.endswith("% trained"):
        return words["part_trained"].format(model=model, share=share)
    return name
