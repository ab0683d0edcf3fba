"""Cleans text as the released code does, in plain Python.

The steps are those of `normalization`. Its graph operations give the same text, except
for characters that only one of TensorFlow and the Python interpreter knows.
"""

import unicodedata

from tf_pretrain.data.characters import (
    MAX_WORD_LENGTH,
    UNKNOWN_CHAR,
    is_control,
    is_punctuation,
    stands_alone,
)


class _Table(dict):
    """A table for `str.translate` that computes each character when it first occurs.

    Args:
        function: Returns the replacement of a character.
    """

    def __init__(self, function):
        super().__init__()
        self._function = function

    def __missing__(self, code_point):
        text = self[code_point] = self._function(chr(code_point))
        return text


def words_for_wordpiece(
    text: str, lower_case: bool, strip_accents: bool, splits_chinese: bool = True
) -> list[str]:
    """The words that ELECTRA's tokenizer looks up in its vocabulary.

    Control characters are dropped, and so are accents if `strip_accents` is set. Each
    punctuation mark is a word of its own, and with `splits_chinese` each Chinese
    character is, too. Words of more than MAX_WORD_LENGTH characters are still included.
    """
    is_plain = text.isascii() and text.isprintable()
    if not is_plain:
        text = text.translate(_CLEANED)
    if lower_case:
        text = text.lower()
        if strip_accents and not is_plain:
            text = unicodedata.normalize("NFD", text).translate(_WITHOUT_MARKS)
    return text.translate(_SPACED if splits_chinese else _PUNCTUATION_SPACED).split()


def normalize_for_wordpiece(text: str, lower_case: bool, strip_accents: bool) -> str:
    """The same words as one line; too long ones become an unknown character."""
    words = words_for_wordpiece(text, lower_case, strip_accents)
    return " ".join(w if len(w) <= MAX_WORD_LENGTH else UNKNOWN_CHAR for w in words)


def normalize_for_sentencepiece(
    text: str, lower_case: bool, strip_accents: bool
) -> str:
    """ALBERT's `preprocess_text`."""
    text = " ".join(text.split())
    if strip_accents and not text.isascii():
        text = unicodedata.normalize("NFKD", text).translate(_WITHOUT_COMBINING)
    return text.lower() if lower_case else text


def _cleaned(char):
    """BERT's `_clean_text`: white space becomes a blank, control characters vanish."""
    if char in "\t\n\r" or unicodedata.category(char)[0] == "Z":
        return " "
    return "" if is_control(char) else char


_CLEANED = _Table(_cleaned)
_SPACED = _Table(lambda c: f" {c} " if stands_alone(c) else c)
_PUNCTUATION_SPACED = _Table(lambda c: f" {c} " if is_punctuation(c) else c)
_WITHOUT_MARKS = _Table(lambda c: "" if unicodedata.category(c) == "Mn" else c)
_WITHOUT_COMBINING = _Table(lambda c: "" if unicodedata.combining(c) else c)
