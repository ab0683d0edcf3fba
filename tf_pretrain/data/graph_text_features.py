"""Strings -> features as graph operations, for serving and for Keras models on strings.

The ids and segments are those of `text_features.encode_pairs`, padded to the longest
text of the batch.
"""

import tensorflow as tf

from tf_pretrain.data.text_features import characters_read, kept_lengths
from tf_pretrain.data.tokenization import Tokenizer


class TextFeatures(tf.Module):
    """[CLS] A [SEP] or [CLS] A [SEP] B [SEP] for batches of one text or more.

    Bytes that are not UTF-8 become U+FFFD. If a text is too long for the encoder, its
    end is dropped. Of a pair, the end of the longer text is dropped.

    Args:
        tokenizer: The encoder's tokenizer.
        max_seq_length: Largest number of ids of an example, special tokens included.
    """

    def __init__(self, tokenizer: Tokenizer, max_seq_length: int):
        super().__init__(name="text_features")
        self.tokenizer = tokenizer
        self.graph = tokenizer.graph  # a tf.Module: an export finds it here
        self.max_seq_length = max_seq_length

    def __call__(self, text_a, text_b=None):
        """Strings [B], [B] -> input_ids, input_mask, segment_ids int32 [B, S]."""
        tokenizer = self.tokenizer
        ids_a = self._tokenize(text_a)
        if text_b is None:
            parts = [ids_a[:, : self.max_seq_length - 2]]
        else:
            parts = _cut_pair(ids_a, self._tokenize(text_b), self.max_seq_length - 3)
        batch = tf.shape(text_a)[0]
        first = tf.fill([batch, 1], tokenizer.cls_id)
        separator = tf.fill([batch, 1], tokenizer.sep_id)
        segments = [tf.concat([first, parts[0], separator], axis=1)]
        segments += [tf.concat([part, separator], axis=1) for part in parts[1:]]
        input_ids = tf.concat(segments, axis=1)
        numbers = [number * tf.ones_like(s) for number, s in enumerate(segments)]
        return {
            "input_ids": input_ids.to_tensor(tokenizer.pad_id),
            "input_mask": tf.ones_like(input_ids).to_tensor(),
            "segment_ids": tf.concat(numbers, axis=1).to_tensor(),
        }

    def _tokenize(self, texts):
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        limit = characters_read(self.tokenizer, self.max_seq_length)
        if limit is not None:
            texts = tf.strings.strip(texts)
            texts = tf.strings.substr(texts, 0, limit, unit="UTF8_CHAR")
        return self.graph.tokenize_tensor(texts)


def _cut_pair(ids_a, ids_b, room):
    """Drops pieces from the end of the longer text until `room` pieces are left."""
    keep_a, keep_b = kept_lengths(ids_a.row_lengths(), ids_b.row_lengths(), room, tf)
    return _first(ids_a, keep_a), _first(ids_b, keep_b)


def _first(ragged, lengths):
    """The first `lengths` [B] values of each row."""
    positions = tf.ragged.range(ragged.row_lengths()).values
    limits = tf.gather(lengths, ragged.value_rowids())
    kept = ragged.with_values(positions < tf.cast(limits, positions.dtype))
    return tf.ragged.boolean_mask(ragged, kept)
