"""SentencePiece's normalization, in the elements of the `tokenizers` library.

The library's `Precompiled` step reads SentencePiece's table, but looks up one
character, or one cluster of a base and its marks of up to 5 bytes by its shortest
entry. SentencePiece takes the longest entry that begins at a character. They differ
wherever a character is written in several parts: Hangul in jamo, Indic vowel signs of
two parts, Vietnamese with its marks apart, half-width kana with a voicing mark.

Here `Precompiled` sees single characters, and Unicode's composition (NFC) puts the
parts together. Composition alone would do too much: it sorts marks, and it reaches over
a mark that stays to one that does not. SentencePiece does neither, so such marks are
kept apart while it works.
"""

import functools
import unicodedata
from collections import defaultdict

from tokenizers import Regex, normalizers

# The rules whose table holds Unicode's composition.
_COMPOSING_RULES = ("nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf")
# No characters: Unicode keeps them free for use inside programs.
_BARRIER, _WALL = "\ufdd0", "\ufdd1"
_HIGHEST = 0x30000  # above it are no letters
# Before what the library joins to the character before it: marks, joiners, half-width
# voicing marks, and the vowel "am" of Thai and Lao. Not where the text begins:
# tokenizers 0.23 cannot map what is inserted there back to the text, and panics.
_BEFORE_EXTENDING = r"(?!\A)(?=[\p{M}\x{200C}\x{200D}\x{FF9E}\x{FF9F}\x{E33}\x{EB3}])"
# Deprecated marks, which the table replaces by others that are not composed then.
_BEFORE_DEPRECATED = r"(?!\A)(?=[\x{340}\x{341}\x{343}\x{344}])"


def steps(normalizer_spec) -> list[normalizers.Normalizer]:
    """What a SentencePiece model does to text before it is cut into pieces.

    Args:
        normalizer_spec: The model's `NormalizerSpec` message.
    """
    table = normalizer_spec.precompiled_charsmap
    if not table:
        return []
    if normalizer_spec.name not in _COMPOSING_RULES:
        return [normalizers.Precompiled(table)]
    lift = normalizers.Replace(_BARRIER, "")
    return [
        normalizers.Replace(Regex(_BEFORE_DEPRECATED), _WALL),
        normalizers.Replace(Regex(_BEFORE_EXTENDING), _BARRIER),
        normalizers.Precompiled(table),
        lift,
        normalizers.Replace(Regex(_between_uncomposed()), _BARRIER),
        normalizers.NFC(),
        lift,
        normalizers.Replace(_WALL, ""),
    ]


@functools.cache
def _between_uncomposed():
    """The places between two marks that no composed character has in this order."""
    marks = {i for i in range(_HIGHEST) if unicodedata.combining(chr(i))}
    ending_with, followers = defaultdict(list), defaultdict(set)
    for i in range(_HIGHEST):
        parts = unicodedata.normalize("NFD", chr(i))
        if unicodedata.combining(parts[-1]):
            ending_with[parts[-1]].append(i)
        if unicodedata.normalize("NFC", parts) == chr(i):
            for first, second in zip(parts, parts[1:], strict=False):
                if unicodedata.combining(first):
                    followers[first].add(ord(second))
    groups = defaultdict(list)  # characters, by the marks that may follow them
    for mark, characters in ending_with.items():
        groups[frozenset(followers[mark])] += characters
    return "|".join(
        f"(?<={_class_of(characters)})(?={_class_of(marks - allowed)})"
        for allowed, characters in groups.items()
    )


def _class_of(code_points):
    """An expression for one of these characters."""
    ranges = []
    for i in sorted(code_points):
        if ranges and i == ranges[-1][1] + 1:
            ranges[-1][1] = i
        else:
            ranges.append([i, i])
    return "[" + "".join(f"\\x{{{a:X}}}-\\x{{{b:X}}}" for a, b in ranges) + "]"
