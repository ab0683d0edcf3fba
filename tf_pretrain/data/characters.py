"""Character classes of the tokenizers, and regular expressions for them.

The expressions are for RE2, TensorFlow's library, and for Hugging Face's tokenizers.
"""

import functools
import sys
import unicodedata

MAX_WORD_LENGTH = 200  # characters; longer words become [UNK] (ELECTRA, not BERT: 100)
# Private use: no cleaned text and no vocabulary made from such text contains it.
UNKNOWN_CHAR = "\ue000"

# What separates words for ELECTRA's program for SQuAD. Other white space, such as a
# no-break space, stays inside a word.
SQUAD_SPACE = " \t\r\n\u202f"

# RE2 knows no \p{Cn}, so "category C" is written as "none of the others".
CONTROL = r"[^\p{L}\p{M}\p{N}\p{P}\p{S}\p{Z}\t\n\r]|\x{FFFD}"
_CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
STANDS_ALONE = (  # punctuation and Chinese characters
    r"[\p{P}!-/:-@\[-`{-~"
    + "".join(f"\\x{{{first:X}}}-\\x{{{last:X}}}" for first, last in _CHINESE)
    + "]"
)


def is_control(char: str) -> bool:
    """Whether BERT's clean-up drops a character (white space is not dropped)."""
    return unicodedata.category(char)[0] == "C" or char == "\ufffd"


def stands_alone(char: str) -> bool:
    """Whether WordPiece treats this character as a word of its own."""
    is_chinese = any(first <= ord(char) <= last for first, last in _CHINESE)
    return is_chinese or is_punctuation(char)


def is_punctuation(char: str) -> bool:
    """Whether BERT treats a character as punctuation (in ASCII also "$" and "^")."""
    is_ascii_mark = char.isascii() and char.isprintable() and not char.isalnum()
    return (unicodedata.category(char)[0] == "P" or is_ascii_mark) and char != " "


@functools.cache
def combining_marks() -> str:
    """RE2 class of all characters with a combining class, for which RE2 has no name."""
    marks = [i for i in range(sys.maxunicode + 1) if unicodedata.combining(chr(i))]
    return "[" + "".join(f"\\x{{{mark:X}}}" for mark in marks) + "]"
