"""Both tokenizers without TensorFlow, for Keras on JAX and PyTorch.

The ids are those of `graph_tokenization`, with two exceptions. Characters that only one
of TensorFlow and the Python interpreter knows, because their Unicode versions differ,
may be split differently. And if two segmentations of a word have the same score ("666"
as "66" "6" or "6" "66"), the SentencePiece inside tensorflow_text may choose another
one than the `sentencepiece` package, which the released code uses and which is used
here.
"""

import array

import numpy as np

from tf_pretrain.data.characters import MAX_WORD_LENGTH
from tf_pretrain.data.plain_normalization import (
    normalize_for_sentencepiece,
    words_for_wordpiece,
)

_MAX_CACHED_WORDS = 200_000  # some 50 MB
_BATCH_LINES = 1000


def make(tokenizer) -> "WordPiece | _SentencePiece":
    """Makes the tokenizer functions of a `tokenization.Tokenizer`."""
    classes = {"wordpiece": WordPiece, "sentencepiece": _SentencePiece}
    return classes[tokenizer.kind](tokenizer)


class WordPiece:
    """Longest match in plain Python.

    Most words of a text have occurred before, so nearly all of the work is one look-up
    for each word. This takes a third of the time of the `tokenizers` package.

    Args:
        tokenizer: A WordPieceTokenizer.
        splits_chinese: Whether each Chinese character is a word.
    """

    def __init__(self, tokenizer, splits_chinese=True):
        self._settings = (tokenizer.lower_case, tokenizer.strip_accents, splits_chinese)
        self._words = _WordIds(tokenizer)

    def tokenize(self, lines) -> tuple[np.ndarray, np.ndarray]:
        """See `Tokenizer.tokenize`."""
        ids, row_splits = array.array("i"), [0]
        for line in lines:
            words = words_for_wordpiece(line, *self._settings)
            ids.fromlist([i for word in words for i in self._words[word]])
            row_splits.append(len(ids))
        return np.array(ids, np.int32), np.array(row_splits, np.int64)


class _WordIds(dict):
    """{word: its ids}; the ids are computed when a word first occurs."""

    def __init__(self, tokenizer):
        super().__init__()
        pieces = {piece: i for i, piece in enumerate(tokenizer.pieces)}
        self._starts = {p: i for p, i in pieces.items() if not p.startswith("##")}
        # No word of the text begins with "##", because "#" is a word of its own.
        self._rests = {p[2:]: i for p, i in pieces.items() if p.startswith("##")}
        self._unknown = [tokenizer.unk_id]
        self._longest = max(map(len, pieces))

    def __missing__(self, word):
        if len(self) >= _MAX_CACHED_WORDS:
            self.clear()
        ids = self[word] = self._find(word)
        return ids

    def _find(self, word):
        """Repeats the longest match, or returns the unknown piece for the word."""
        if len(word) > MAX_WORD_LENGTH:
            return self._unknown
        ids, start, pieces = [], 0, self._starts
        while start < len(word):
            end = min(len(word), start + self._longest)
            while end > start and word[start:end] not in pieces:
                end -= 1
            if end == start:
                return self._unknown
            ids.append(pieces[word[start:end]])
            start, pieces = end, self._rests
        return ids


class _SentencePiece:
    """Normalisation, the unigram model, and the rule of digits and commas."""

    def __init__(self, tokenizer):
        self._settings = (tokenizer.lower_case, tokenizer.strip_accents)
        self._processor = tokenizer.processor
        rows = [tokenizer.replacements.get(i, [i]) for i in range(tokenizer.vocab_size)]
        self._lengths = np.array([len(row) for row in rows])
        self._starts = _sums(self._lengths)
        self._values = np.array([i for row in rows for i in row], np.int32)

    def tokenize(self, lines) -> tuple[np.ndarray, np.ndarray]:
        """See `Tokenizer.tokenize`."""
        rows = []
        for start in range(0, len(lines), _BATCH_LINES):
            texts = [
                normalize_for_sentencepiece(line, *self._settings)
                for line in lines[start : start + _BATCH_LINES]
            ]
            found = self._processor.encode(texts, out_type=int)
            rows += [np.array(row, np.int32) for row in found]
        ids = np.concatenate([np.zeros(0, np.int32), *rows])
        return self._replace(ids, _sums([len(row) for row in rows]))

    def _replace(self, ids, row_splits):
        """Replaces each id by the ids of the table: [N], [B + 1] -> the same."""
        lengths = self._lengths[ids]
        ends = _sums(lengths)
        within = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
        replaced = self._values[np.repeat(self._starts[ids], lengths) + within]
        return replaced, ends[row_splits]


def _sums(lengths):
    """The starts of adjacent rows, and the last end: int [B] -> int64 [B + 1]."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
