"""Cleans text before it is split into pieces, as the released code does.

These are graph operations on string [B], each a loop in C++. Lines of printable ASCII,
which are most lines of English text, need only lower-casing and skip the other steps.
`plain_normalization` has the same steps in plain Python.
"""

import tensorflow as tf
import tensorflow_text as tf_text

from tf_pretrain.data.characters import (
    CONTROL,
    MAX_WORD_LENGTH,
    STANDS_ALONE,
    UNKNOWN_CHAR,
    combining_marks,
)

# White space except U+0020; a search that stops at every blank would be slow.
_BERT_SPACE = r"[\t\n\r]|[^\P{Z} ]"
_PYTHON_SPACE = r"[\t\n\v\f\r\x1c-\x1f\x{85}]|[^\P{Z} ]"  # as in str.split()


def normalize_for_wordpiece(strings, lower_case, strip_accents):
    """ELECTRA's cleaning of text before words are split: string [B] -> string [B].

    Control characters are dropped and white space becomes U+0020. Words that are too
    long become one character that no vocabulary contains.
    """

    def normalize(strings):
        strings = _clean_for_wordpiece(strings, lower_case, strip_accents)
        is_short = _has_short_words_of(strings, "[^ ]")
        return _update_rows(strings, ~is_short, _hide_long_words)

    is_plain = _has_short_words_of(strings, "[!-~]")
    if lower_case:
        strings = tf.strings.lower(strings)
    return _update_rows(strings, ~is_plain, normalize)


def words_for_wordpiece(strings, lower_case, strip_accents):
    """The words that WordPiece looks up, with one blank between them.

    As `plain_normalization.words_for_wordpiece`: string [B] -> string [B]. Long words
    are still included.
    """
    strings = _clean_for_wordpiece(strings, lower_case, strip_accents)
    strings = tf.strings.regex_replace(strings, STANDS_ALONE, r" \0 ")
    return tf.strings.strip(tf.strings.regex_replace(strings, "  +", " "))


def _clean_for_wordpiece(strings, lower_case, strip_accents):
    replace = tf.strings.regex_replace
    strings = replace(strings, CONTROL, "")
    strings = replace(strings, _BERT_SPACE, " ")
    if lower_case:
        strings = tf.strings.lower(strings, encoding="utf-8")
        if strip_accents:
            strings = tf_text.normalize_utf8(strings, "NFD")
            strings = replace(strings, r"\p{Mn}", "")
    return strings


def normalize_for_sentencepiece(strings, lower_case, strip_accents):
    """ALBERT's `preprocess_text`: string [B] -> string [B]."""

    def normalize(strings):
        replace = tf.strings.regex_replace
        # No TensorFlow operation keeps NUL. SentencePiece knows neither character, and
        # makes one piece of a run of them.
        strings = replace(strings, r"\x00+", UNKNOWN_CHAR)
        strings = replace(strings, _PYTHON_SPACE, " ")
        strings = tf.strings.strip(replace(strings, "  +", " "))
        if strip_accents:
            strings = tf_text.normalize_utf8(strings, "NFKD")
            strings = replace(strings, combining_marks(), "")
        if lower_case:
            strings = tf.strings.lower(strings, encoding="utf-8")
        return strings

    is_plain = tf.strings.regex_full_match(strings, r"(?:[!-~]+ )*[!-~]+")
    if lower_case:
        strings = tf.strings.lower(strings)
    return _update_rows(strings, ~is_plain, normalize)


def _update_rows(strings, is_chosen, function):
    """Applies `function` to the chosen rows of string [B]; is_chosen: bool [B]."""
    rows = tf.where(is_chosen)
    return tf.tensor_scatter_nd_update(
        strings, rows, function(tf.gather_nd(strings, rows))
    )


def _has_short_words_of(strings, char):
    """Whether strings [B] are short words of one class of characters: bool [B]."""
    word = f"{char}{{0,{MAX_WORD_LENGTH}}}"
    return tf.strings.regex_full_match(strings, f"(?:{word} )*{word}")


def _hide_long_words(strings):
    """Replaces each word of over MAX_WORD_LENGTH characters by an unknown character."""
    words = tf.strings.split(tf.strings.regex_replace(strings, STANDS_ALONE, r" \0 "))
    is_long = tf.strings.length(words.values, unit="UTF8_CHAR") > MAX_WORD_LENGTH
    words = words.with_values(tf.where(is_long, UNKNOWN_CHAR, words.values))
    return tf.strings.reduce_join(words, axis=1, separator=" ")
