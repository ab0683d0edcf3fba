"""Cleaning of text as the released code does it, in plain Python.

The steps of `normalization`, whose graph ops give the same text, but for characters
that the Unicode tables of TensorFlow and of the Python interpreter do not both know.
"""

import unicodedata

MAX_WORD_LENGTH = 200  # characters; longer words become [UNK] (ELECTRA, not BERT: 100)
_CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class _Table(dict):
    """A table for `str.translate` that works out each character when it first comes.

    Args:
        function: From a character to the string that takes its place.
    """

    def __init__(self, function):
        super().__init__()
        self._function = function

    def __missing__(self, code_point):
        text = self[code_point] = self._function(chr(code_point))
        return text


def words_for_wordpiece(text: str, lower_case: bool, strip_accents: bool) -> list[str]:
    """The words that ELECTRA's tokenizer looks up in its vocabulary.

    Control characters are dropped and accents, if asked for; punctuation marks and
    Chinese characters are words of their own. Words of over MAX_WORD_LENGTH characters
    are still among them.
    """
    is_plain = text.isascii() and text.isprintable()
    if not is_plain:
        text = text.translate(_CLEANED)
    if lower_case:
        text = text.lower()
        if strip_accents and not is_plain:
            text = unicodedata.normalize("NFD", text).translate(_WITHOUT_MARKS)
    return text.translate(_SPACED).split()


def normalize_for_sentencepiece(
    text: str, lower_case: bool, strip_accents: bool
) -> str:
    """ALBERT's `preprocess_text`."""
    text = " ".join(text.split())
    if strip_accents and not text.isascii():
        text = unicodedata.normalize("NFKD", text).translate(_WITHOUT_COMBINING)
    return text.lower() if lower_case else text


def _cleaned(char):
    """BERT's `_clean_text`: white space becomes a blank, control characters go."""
    category = unicodedata.category(char)[0]
    if char in "\t\n\r" or category == "Z":
        return " "
    return "" if category == "C" or char == "\ufffd" else char


def _spaced(char):
    """A blank on either side of what is a word of its own."""
    is_alone = (
        unicodedata.category(char)[0] == "P"
        # BERT takes all marks of ASCII for punctuation, "$" and "^" too.
        or (char.isascii() and char.isprintable() and not char.isalnum())
        or any(first <= ord(char) <= last for first, last in _CHINESE)
    )
    return f" {char} " if is_alone else char


_CLEANED = _Table(_cleaned)
_SPACED = _Table(_spaced)
_WITHOUT_MARKS = _Table(lambda c: "" if unicodedata.category(c) == "Mn" else c)
_WITHOUT_COMBINING = _Table(lambda c: "" if unicodedata.combining(c) else c)
