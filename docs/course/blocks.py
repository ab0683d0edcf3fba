"""All generated blocks of the chapter by their ids.

A block is a function of the language, "en" or "zh", that returns Markdown without the
caption. `render` puts the caption above it, if the block has one.
"""

from collections.abc import Callable

from docs.course import (
    albert_tables,
    applied_tables,
    comparison_tables,
    concept_tables,
    electra_design,
    electra_tables,
    figure_blocks,
    gains_tables,
    listings,
    settings_tables,
)
from docs.course.captions import CAPTIONS, LANGUAGES

BLOCKS: dict[str, Callable[[str], str]] = {
    "f1": figure_blocks.block(1),
    "t1": concept_tables.t1,
    "f2": figure_blocks.block(2),
    "t2": gains_tables.t2,
    "f3": figure_blocks.block(3),
    "t3": electra_tables.t3,
    "f4": figure_blocks.block(4),
    "t4": electra_design.t4,
    "f5": figure_blocks.block(5),
    "t5": electra_tables.t5,
    "f6": figure_blocks.block(6),
    "t6": albert_tables.t6,
    "f7": figure_blocks.block(7),
    "t7": albert_tables.t7,
    "f8": figure_blocks.block(8),
    "t8": albert_tables.t8,
    "f9": figure_blocks.block(9),
    "t9": comparison_tables.t9,
    "f10": figure_blocks.block(10),
    "t10": comparison_tables.t10,
    "f11": figure_blocks.block(11),
    "t11": applied_tables.t11,
    "f12": figure_blocks.block(12),
    "t12": applied_tables.t12,
    "f13": listings.f13,
    "f14": listings.f14,
    "t13": listings.t13,
    "library": listings.library,
    "t14": settings_tables.t14,
    "f15": listings.f15,
    "t15": listings.t15,
}


def render(name: str, language: str) -> str:
    """The Markdown of a block with its caption, without a newline at the end."""
    text = BLOCKS[name](language).strip()
    if name not in CAPTIONS:
        return text
    return f"**{CAPTIONS[name][LANGUAGES.index(language)]}**\n\n{text}"
