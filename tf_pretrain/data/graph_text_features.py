"""Strings -> features as graph operations, for serving and for Keras models on strings.

The ids and segments are those of `text_features.encode_pairs`, padded to the longest
text of the batch.
"""

import tensorflow as tf

from tf_pretrain.data.text_features import arrange, characters_read
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

    def __call__(self, *texts):
        """Features of texts, or of pairs.

        Args:
            texts: String tensors [B]: the texts; or the first and the second ones.

        Returns:
            `input_ids`, `input_mask` and `segment_ids`, int32 [B, S].
        """
        tokenizer = self.tokenizer
        pieces = [self._tokenize(column) for column in texts]
        positions, segment_ids, lengths = arrange(
            [ragged.row_splits for ragged in pieces], self.max_seq_length, tf
        )
        special = tf.constant([tokenizer.cls_id, tokenizer.sep_id])
        source = tf.concat([special, *(ragged.values for ragged in pieces)], axis=0)
        segment_ids = tf.cast(segment_ids, tf.int32)
        return {
            "input_ids": _padded(
                tf.gather(source, positions), lengths, tokenizer.pad_id
            ),
            "input_mask": _padded(tf.ones_like(segment_ids), lengths),
            "segment_ids": _padded(segment_ids, lengths),
        }

    def _tokenize(self, texts):
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        limit = characters_read(self.tokenizer, self.max_seq_length)
        if limit is not None:
            texts = tf.strings.strip(texts)
            texts = tf.strings.substr(texts, 0, limit, unit="UTF8_CHAR")
        return self.graph.tokenize_tensor(texts)


def _padded(values, lengths, padding=0):
    """Rows of such lengths, one after another -> [B, S], each filled up to S."""
    ragged = tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
    return ragged.to_tensor(padding)
