"""Words of texts and the places of their characters, as graph operations."""

import dataclasses
import functools

import tensorflow as tf


@functools.cache
def white_space() -> str:
    """The characters at which Python's `str.split` divides a text."""
    return "".join(chr(i) for i in range(0x3001) if chr(i).isspace())


@dataclasses.dataclass(frozen=True)
class Words:
    """The words of B texts, one text after another; places are those in their text.

    Attributes:
        texts: string [W].
        starts, ends: int32 [W], the place of each word: from its first character to
            before the one behind its last.
        row_splits: int64 [B + 1], the words of each text.
        char_places: int32 [C], of all characters of all words.
        first_chars: int64 [W], each word's first one among these.
    """

    texts: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor
    row_splits: tf.Tensor
    char_places: tf.Tensor
    first_chars: tf.Tensor

    @property
    def lengths(self):
        """int32 [W], in characters."""
        return self.ends - self.starts


def find_words(texts, spaces: str) -> Words:
    """Divides texts at white space.

    Args:
        texts: string [B], valid UTF-8.
        spaces: The characters that separate words.
    """
    chars = tf.strings.unicode_decode(texts, "UTF-8")
    codes = tf.constant([ord(char) for char in spaces])
    is_space = tf.reduce_any(chars.values[:, None] == codes, axis=1)
    # A row begins where the one before ends, and a word where no other goes on.
    begins_row = tf.scatter_nd(
        chars.row_splits[:-1, None],
        tf.ones_like(chars.row_splits[:-1], tf.int32),
        tf.shape(is_space, tf.int64) + 1,
    )[:-1]
    is_solid = ~is_space
    behind_space = tf.concat([[True], is_space[:-1]], axis=0) | (begins_row > 0)
    before_space = tf.concat([behind_space[1:], [True]], axis=0)
    before_space |= tf.concat([is_space[1:], [True]], axis=0)
    firsts = tf.where(is_solid & behind_space)[:, 0]
    lasts = tf.where(is_solid & before_space)[:, 0]
    rows = chars.value_rowids()
    places = tf.cast(
        tf.range(tf.size(rows, tf.int64)) - tf.gather(chars.row_splits, rows), tf.int32
    )
    rank = tf.cumsum(tf.cast(is_solid, tf.int64)) - 1
    counts = tf.math.bincount(
        tf.cast(tf.gather(rows, firsts), tf.int32),
        minlength=tf.size(texts),
        maxlength=tf.size(texts),
        dtype=tf.int64,
    )
    return Words(
        texts=_split(texts, spaces),
        starts=tf.gather(places, firsts),
        ends=tf.gather(places, lasts) + 1,
        row_splits=tf.concat([[0], tf.cumsum(counts)], axis=0),
        char_places=tf.boolean_mask(places, is_solid),
        first_chars=tf.gather(rank, firsts),
    )


def _split(texts, spaces):
    """All words of string [B]: string [W]."""
    words = tf.strings.split(one_blank(texts, spaces), " ").values
    return tf.boolean_mask(words, words != "")


def one_blank(texts, spaces):
    """Runs of separating characters become one blank: string [...] -> string [...]."""
    expression = "".join(f"\\x{{{ord(char):X}}}" for char in spaces)
    return tf.strings.regex_replace(texts, f"[{expression}]+", " ")
