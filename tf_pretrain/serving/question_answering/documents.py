"""`tasks.question_answering.documents` as graph operations, for B contexts at once.

The pieces of all contexts are numbered one after another. Both classes have

    read(contexts)              string [B] -> a tuple of tensors, which is given back as
                                `document`; its first two are `piece_ids` int32 [P] and
                                `row_splits` int64 [B + 1]
    span(document, context, first, last)
                                the text of a range of pieces of one context, and its
                                characters' place there: (string, start, end)
"""

import collections

import tensorflow as tf

from tf_pretrain.data.characters import SQUAD_SPACE
from tf_pretrain.data.normalization import (
    normalize_for_sentencepiece,
    words_for_wordpiece,
)
from tf_pretrain.data.tokenization import META_SYMBOL
from tf_pretrain.serving.graph_words import find_words, one_blank, white_space
from tf_pretrain.serving.question_answering.alignment import align, end_of, start_of

# The time of SentencePiece grows with the square of a run of characters that it does
# not know, and the alignment's with the length. What is behind is not read.
MAX_CHARACTERS = 200_000

_Words = collections.namedtuple(
    "_Words",
    "piece_ids row_splits piece_words texts cleaned lengths cleaned_lengths "
    "char_places first_chars",
)
_Aligned = collections.namedtuple("_Aligned", "piece_ids row_splits starts ends")


def make_documents(tokenizer):
    """The class for a tokenizer's kind."""
    classes = {"wordpiece": WordDocuments, "sentencepiece": AlignedDocuments}
    return classes[tokenizer.kind](tokenizer)


class WordDocuments:
    """Contexts as ELECTRA's program reads them, for WordPiece."""

    def __init__(self, tokenizer):
        self._graph = tokenizer.graph
        self._settings = (tokenizer.lower_case, tokenizer.strip_accents)
        self._pieces = tf.constant(tokenizer.pieces)

    def read(self, contexts):
        words = find_words(contexts, SQUAD_SPACE)
        pieces = self._graph.tokenize_tensor(words.texts)
        cleaned = words_for_wordpiece(words.texts, *self._settings)
        return _Words(
            pieces.values,
            tf.gather(pieces.row_splits, words.row_splits),
            pieces.value_rowids(),
            words.texts,
            cleaned,
            words.lengths,
            _solid_length(cleaned),
            words.char_places,
            words.first_chars,
        )

    def span(self, document, context, first, last):
        text = self._piece_text(document.piece_ids[first : last + 1])
        first_word = document.piece_words[first]
        words = slice(first_word, document.piece_words[last] + 1)
        cleaned = document.cleaned[words]
        cleaned = tf.strings.reduce_join(
            tf.boolean_mask(cleaned, cleaned != ""), separator=" "
        )
        # What stands before the first occurrence, and perhaps what stands behind it.
        parts = tf.strings.split(cleaned, text, maxsplit=1)
        length = tf.reduce_sum(document.lengths[words])
        is_found = tf.size(parts) > 1
        is_found &= length == tf.reduce_sum(document.cleaned_lengths[words])
        start = tf.where(is_found, _solid_length(parts[0]), 0)
        end = tf.where(is_found, start + _solid_length(text), length)
        shift = tf.cast(document.first_chars[first_word], tf.int32)
        start = document.char_places[shift + start]
        end = document.char_places[shift + end - 1] + 1
        answer = tf.strings.substr(context, start, end - start, unit="UTF8_CHAR")
        return one_blank(answer, SQUAD_SPACE), start, end

    def _piece_text(self, ids):
        text = tf.strings.reduce_join(tf.gather(self._pieces, ids), separator=" ")
        for mark in (" ##", "##"):
            text = tf.strings.regex_replace(text, mark, "")
        return text


class AlignedDocuments:
    """Contexts as ALBERT's program reads them, for SentencePiece.

    A context that cannot be aligned has no pieces.
    """

    def __init__(self, tokenizer):
        self._graph = tokenizer.graph
        self._settings = (tokenizer.lower_case, tokenizer.strip_accents)

    def read(self, contexts):
        contexts = tf.strings.substr(contexts, 0, MAX_CHARACTERS, unit="UTF8_CHAR")
        chars = tf.strings.unicode_decode(contexts, "UTF-8")
        wanted = chars.with_values(self._cleaned(chars.values))
        ids, texts = self._graph.tokenize_with_text(contexts)
        texts = texts.with_values(
            tf.strings.regex_replace(texts.values, META_SYMBOL, " ")
        )
        row = tf.RaggedTensorSpec([None], tf.int32, ragged_rank=0)
        starts, ends = tf.map_fn(
            lambda each: _places(*each),
            (chars, wanted, texts),
            fn_output_signature=(row, row),
        )
        # Both have a place for each piece, or none at all.
        is_aligned = starts.row_lengths() == ids.row_lengths()
        kept = tf.boolean_mask(ids.values, tf.repeat(is_aligned, ids.row_lengths()))
        return _Aligned(kept, starts.row_splits, starts.values, ends.values)

    def _cleaned(self, codes):
        """Each character after the clean-up, or -1 for none or several: int32 [n]."""
        different, index = tf.unique(codes)
        chars = tf.strings.unicode_encode(different[:, None], "UTF-8")
        cleaned = normalize_for_sentencepiece(chars, *self._settings)
        decoded = tf.strings.unicode_decode(cleaned, "UTF-8")
        is_one = decoded.row_lengths() == 1
        first = decoded[:, :1].to_tensor(-1, shape=[None, 1])[:, 0]
        values = tf.where(is_one, first, -1)
        values = tf.where(_is_space(different), different, values)
        return tf.gather(values, index)

    def span(self, document, context, first, last):
        start = document.starts[first]
        length = tf.maximum(document.ends[last] + 1 - start, 0)
        text = tf.strings.substr(context, start, length, unit="UTF8_CHAR")
        solid = tf.where(~_is_space(tf.strings.unicode_decode(text, "UTF-8")))[:, 0]
        solid = tf.cast(solid, tf.int32)
        bounds = tf.cond(
            tf.size(solid) > 0,
            lambda: (start + solid[0], start + solid[-1] + 1),
            lambda: (start, start),
        )
        size = bounds[1] - bounds[0]
        return tf.strings.substr(context, bounds[0], size, unit="UTF8_CHAR"), *bounds


def _places(chars, wanted, texts):
    """The first and last character of each piece of one context, or nothing."""
    glued = tf.strings.unicode_decode(tf.strings.reduce_join(texts), "UTF-8")
    pairs = align(wanted, glued)
    ends = tf.cumsum(tf.strings.length(texts, unit="UTF8_CHAR"))
    starts = ends - tf.strings.length(texts, unit="UTF8_CHAR")
    pairs, size = pairs[:, ::-1], tf.size(chars)
    return tf.cond(
        tf.shape(pairs)[0] > 0,
        lambda: (start_of(pairs, starts, size), end_of(pairs, ends - 1, size)),
        lambda: (tf.zeros([0], tf.int32), tf.zeros([0], tf.int32)),
    )


def _is_space(codes):
    spaces = tf.constant([ord(char) for char in white_space()])
    return tf.reduce_any(codes[..., None] == spaces, axis=-1)


def _solid_length(texts):
    """The number of characters that are not blanks: int32 [...]."""
    return tf.strings.length(tf.strings.regex_replace(texts, " ", ""), unit="UTF8_CHAR")
