"""Paragraphs as pieces, and the way from pieces back to the text.

ELECTRA's program splits a paragraph into words and each word into pieces; an answer in
pieces is found again among the words. ALBERT's program cuts the whole paragraph into
pieces and aligns their characters with the text. Both classes have one interface:

    document.piece_ids                  int32 [n]
    document.answer_pieces(answer)      (first, last) piece, or None if it does not fit
    document.span_text(first, last)     the text of a range of pieces
    document.span(first, last)          its characters' place, (start, end)

`serving.question_answering.documents` does the same in an exported graph.
"""

import re

import numpy as np

from tf_pretrain.data import alignment, plain_normalization
from tf_pretrain.data.characters import SQUAD_SPACE

_WORD = re.compile(f"[^{SQUAD_SPACE}]+")


class WordDocument:
    """A paragraph as ELECTRA's program reads it, for WordPiece.

    Args:
        context: The paragraph.
        tokenizer: A WordPieceTokenizer.

    Attributes:
        piece_ids: int32 [n], of all words one after another.
        piece_words: int32 [n], the word of each piece.
    """

    # A training set has tens of thousands of paragraphs, so what is kept of each is
    # small: the text, which the question has, too, and arrays of its words and pieces.
    def __init__(self, context, tokenizer):
        self._context, self._tokenizer = context, tokenizer
        spans = [word.span() for word in _WORD.finditer(context)]
        self._starts, self._ends = np.array(spans, np.int32).reshape(-1, 2).T
        self.piece_ids, splits = tokenizer.plain.tokenize(self.words)
        self._splits = splits.astype(np.int32)
        numbers = np.arange(len(spans), dtype=np.int32)
        self.piece_words = np.repeat(numbers, np.diff(self._splits))

    @property
    def words(self) -> list[str]:
        """The words of the paragraph."""
        return _WORD.findall(self._context)

    def answer_words(self, answer):
        """The first and last word of an answer; None if the text is not there.

        The original drops such a question from training: the answer's last character
        lies outside of the text, or the answer is not among the words, whatever the
        case, with single spaces.
        """
        last = answer.start + len(answer.text) - 1
        if not (0 <= answer.start <= last < len(self._context)):
            return None
        # White space belongs to the word in front, and to word -1 before the first.
        places = np.searchsorted(self._starts, [answer.start, last], side="right")
        start_word, end_word = (places - 1).tolist()
        words = self._joined(start_word, end_word + 1).lower()
        is_there = " ".join(answer.text.split()).lower() in words
        if not (is_there and len(self._starts)):
            return None
        return max(start_word, 0), max(end_word, 0)

    def answer_pieces(self, answer):
        words = self.answer_words(answer)
        if words is None:
            return None
        first = int(self._splits[words[0]])
        last = int(self._splits[words[1] + 1]) - 1
        # A word may be more than the answer: "(1895" or "1895-1943".
        wanted, _ = self._tokenizer.plain.tokenize([answer.text])
        for start in range(first, last + 1):
            end = start + len(wanted) - 1
            if end <= last and np.array_equal(self.piece_ids[start : end + 1], wanted):
                return start, end
        return first, last

    def span_text(self, first, last):
        return self.recover_text(*self._pieces_and_words(first, last))

    def span(self, first, last):
        piece_text, words = self._pieces_and_words(first, last)
        found = self._find(piece_text, words)
        start, end = found or (0, len(words) - 1)
        first_word = self.piece_words[first]
        return self._place(first_word, start), self._place(first_word, end) + 1

    def _place(self, first_word, index):
        """Where a character of words that are joined by spaces stands in the text.

        Args:
            first_word: The first of these words.
            index: The place of the character among them; it is not a space.
        """
        lengths = self._ends[first_word:] - self._starts[first_word:]
        joined = np.cumsum(lengths + 1) - lengths - 1  # each word's first character
        word = np.searchsorted(joined, index, side="right") - 1
        return int(self._starts[first_word + word] + index - joined[word])

    def _joined(self, start, end):
        """The words from `start` to before `end`, joined by spaces, as of a list."""
        chosen = range(len(self._starts))[start:end]
        return " ".join(self._context[self._starts[i] : self._ends[i]] for i in chosen)

    def _pieces_and_words(self, first, last):
        """The text of some pieces, and the words that they lie in."""
        pieces = [self._tokenizer.pieces[i] for i in self.piece_ids[first : last + 1]]
        text = " ".join(pieces).replace(" ##", "").replace("##", "")
        start, end = self.piece_words[first], self.piece_words[last] + 1
        return " ".join(text.split()), self._joined(start, end)

    def recover_text(self, piece_text, words):
        """The part of the words, as they are written, that some pieces came from.

        Args:
            piece_text: The pieces, joined.
            words: The words they lie in, joined by spaces.
        """
        found = self._find(piece_text, words)
        return words if found is None else words[found[0] : found[1] + 1]

    def _find(self, piece_text, words):
        """The first and last character of that part; None for all of the words.

        The pieces lack capitals and accents. They are looked up in the words after the
        same clean-up; what is found there is carried back by its place among all
        characters that are not spaces. Where the clean-up changes how many of them
        there are, or the pieces are not found, all the words are the answer.
        """
        settings = (self._tokenizer.lower_case, self._tokenizer.strip_accents)
        cleaned = " ".join(plain_normalization.words_for_wordpiece(words, *settings))
        start = cleaned.find(piece_text)
        if start < 0:
            return None
        places = [i for i, char in enumerate(words) if char != " "]
        cleaned_places = [i for i, char in enumerate(cleaned) if char != " "]
        if len(places) != len(cleaned_places):
            return None
        index_of = {place: i for i, place in enumerate(cleaned_places)}
        end = start + len(piece_text) - 1
        if start not in index_of or end not in index_of:
            return None
        return places[index_of[start]], places[index_of[end]]


class AlignedDocument:
    """A paragraph as ALBERT's program reads it, for SentencePiece.

    Args:
        context: The paragraph.
        tokenizer: A SentencePieceTokenizer.

    Attributes:
        piece_ids: int32 [n].
        starts, ends: int [n], the first and last character of each piece in the text.
        is_aligned: Whether more than 0.8 of the text's characters were found among the
            pieces. The original gives such a paragraph no windows at all.
    """

    def __init__(self, context, tokenizer):
        self._context = context
        pieces, ids = _pieces_with_text(context, tokenizer)
        self.piece_ids = np.array(ids, np.int32)
        lengths = [len(piece) for piece in pieces]
        ends = np.cumsum(lengths, dtype=np.int64) - 1
        starts = ends - lengths + 1
        numbers = np.arange(len(pieces), dtype=np.int32)
        self._piece_of_glued = np.repeat(numbers, lengths)
        glued = "".join(pieces).replace("\u2581", " ")
        settings = (tokenizer.lower_case, tokenizer.strip_accents)
        pairs = alignment.align(context, glued, lambda char: _cleaned(char, *settings))
        self.is_aligned = pairs is not None
        if not self.is_aligned:
            return
        text_of_glued = alignment.PartialMap(len(glued), pairs[:, ::-1])
        self._glued_of_text = alignment.PartialMap(len(context), pairs)
        size = len(context)
        self.starts = np.array([text_of_glued.start(i, size) for i in starts], np.int32)
        self.ends = np.array([text_of_glued.end(i, size) for i in ends], np.int32)

    def answer_pieces(self, answer):
        last = answer.start + len(answer.text) - 1
        if not (self.is_aligned and 0 <= answer.start <= last < len(self._context)):
            return None
        first = self._glued_of_text.start(answer.start)
        last = self._glued_of_text.end(last)
        return int(self._piece_of_glued[first]), int(self._piece_of_glued[last])

    def span_text(self, first, last):
        return self._context[slice(*self.span(first, last))]

    def span(self, first, last):
        start = int(self.starts[first])
        text = self._context[start : self.ends[last] + 1]
        start += len(text) - len(text.lstrip())
        return start, start + len(text.strip())


def _pieces_with_text(context, tokenizer):
    """SentencePiece's pieces with the characters they stand for, and their ids."""
    text = plain_normalization.normalize_for_sentencepiece(
        context, tokenizer.lower_case, tokenizer.strip_accents
    )
    surfaces = tokenizer.processor.encode(text, out_type=str)
    ids = tokenizer.processor.encode(text, out_type=int)
    pieces, piece_ids = [], []
    for surface, piece_id in zip(surfaces, ids, strict=True):
        replacement = tokenizer.replacements.get(piece_id)
        if replacement is None:
            pieces.append(surface)
            piece_ids.append(piece_id)
        else:
            pieces += [tokenizer.pieces[i] for i in replacement]
            piece_ids += replacement
    return pieces, piece_ids


def _cleaned(char, lower_case, strip_accents):
    """A character after ALBERT's clean-up; white space stays as it is."""
    if char.isspace():
        return char
    return plain_normalization.normalize_for_sentencepiece(
        char, lower_case, strip_accents
    )
