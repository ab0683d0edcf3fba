"""Both tokenizers as TensorFlow graph operations, for `tf.data` and SavedModels.

tensorflow_text's own BERT tokenizers lower-case by NFKC case folding and split words at
control characters, which changes the ids of about 1 % of ordinary lines. Here the text
is normalised step by step as in the released code (`model/tokenization.py` of ELECTRA,
`tokenization.py` of ALBERT; see `normalization`), and only then given to the fast
encoder.

Known differences from the released code:

* Unicode tables are those of the installed TensorFlow (ICU and RE2), not of the Python
  interpreter. They differ in characters that one of the two does not know yet.
* If two segmentations of a word have the same score ("666" as "66" "6" or "6" "66"),
  the SentencePiece inside tensorflow_text may choose another one than the Python
  package: 2 of 12,000 Wikipedia paragraphs.
* SentencePiece vocabularies without a "," piece: an unknown piece that ends in a digit
  and a comma stays one unknown piece. The original splits it in two.
"""

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from tf_pretrain.data.characters import MAX_WORD_LENGTH
from tf_pretrain.data.normalization import (
    normalize_for_sentencepiece,
    normalize_for_wordpiece,
)


def make(tokenizer) -> "_GraphTokenizer":
    """Makes the graph operations of a `tokenization.Tokenizer`."""
    classes = {"wordpiece": _WordPiece, "sentencepiece": _SentencePiece}
    # The first use may be inside a graph, which must not own what is created here.
    with tf.init_scope():
        return classes[tokenizer.kind](tokenizer)


class _GraphTokenizer(tf.Module):
    """The common part of both kinds. An exported module keeps it as an attribute."""

    def __init__(self, tokenizer):
        super().__init__(name=tokenizer.kind)
        self._settings = (tokenizer.lower_case, tokenizer.strip_accents)

    def tokenize_tensor(self, strings) -> tf.RaggedTensor:
        """See `Tokenizer.tokenize_tensor`."""
        raise NotImplementedError

    def tokenize(self, lines) -> tuple[np.ndarray, np.ndarray]:
        """See `Tokenizer.tokenize`."""
        ragged = self.tokenize_tensor(tf.constant(lines, tf.string, [len(lines)]))
        return ragged.values.numpy(), ragged.row_splits.numpy()


class _WordPiece(_GraphTokenizer):
    """Normalisation, then the longest match by tensorflow_text."""

    def __init__(self, tokenizer):
        super().__init__(tokenizer)
        self._encoder = tf_text.FastWordpieceTokenizer(
            list(tokenizer.pieces),
            token_out_type=tf.int32,
            # This limit is in bytes; the limit in characters is set in `normalization`.
            max_bytes_per_word=4 * MAX_WORD_LENGTH,
        )

    def tokenize_tensor(self, strings):
        return self._encoder.tokenize(normalize_for_wordpiece(strings, *self._settings))


class _SentencePiece(_GraphTokenizer):
    """Normalisation, the unigram model, and the rule of digits and commas."""

    def __init__(self, tokenizer):
        super().__init__(tokenizer)
        content = tokenizer.content

        # The operation that holds the model is created inside a graph. One that is
        # created eagerly would be lost when TensorFlow's seed is set or Keras' session
        # is cleared.
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def encode(strings):
            encoder = tf_text.SentencepieceTokenizer(content, out_type=tf.int32)
            return encoder.tokenize(strings)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def split(strings):
            return tf_text.SentencepieceTokenizer(content, tf.string).tokenize(strings)

        self._encode, self._split = encode, split
        self._pieces = tf.constant(tokenizer.pieces)
        self._unknown = tokenizer.unk_id
        rows = tokenizer.replacements
        self._has_replacements = bool(rows)
        table = tf.ragged.constant(
            [rows.get(i, [i]) for i in range(tokenizer.vocab_size)], dtype=tf.int32
        )
        self._replacement_values = table.values
        self._replacement_splits = table.row_splits

    def tokenize_tensor(self, strings):
        pieces = self._encode(normalize_for_sentencepiece(strings, *self._settings))
        return self._replace(pieces) if self._has_replacements else pieces

    def tokenize_with_text(self, strings):
        """The pieces of each string, and the normalised text that each stands for.

        That text is the piece itself, unless the vocabulary does not know it.

        Returns:
            Two tf.RaggedTensor [B, (pieces)], int32 and string.
        """
        strings = normalize_for_sentencepiece(strings, *self._settings)
        ids = self._encode(strings)
        texts, is_unknown = self._split(strings).values, ids.values == self._unknown
        if self._has_replacements:
            splits = self._replacement_splits
            counts = tf.gather(splits[1:] - splits[:-1], ids.values)
            texts, is_unknown = tf.repeat(texts, counts), tf.repeat(is_unknown, counts)
            ids = self._replace(ids)
        known = tf.gather(self._pieces, ids.values)
        return ids, ids.with_values(tf.where(is_unknown, texts, known))

    def _replace(self, pieces):
        table = tf.RaggedTensor.from_row_splits(
            self._replacement_values, self._replacement_splits, validate=False
        )
        replaced = tf.gather(table, pieces.values)  # [N, (1 or more)]
        splits = tf.gather(replaced.row_splits, pieces.row_splits)
        return tf.RaggedTensor.from_row_splits(replaced.values, splits, validate=False)
