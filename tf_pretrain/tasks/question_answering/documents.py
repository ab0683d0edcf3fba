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

import numpy as np

from tf_pretrain.data import alignment, plain_normalization
from tf_pretrain.data.characters import SQUAD_SPACE


class WordDocument:
    """A paragraph as ELECTRA's program reads it, for WordPiece.

    Args:
        context: The paragraph.
        tokenizer: A WordPieceTokenizer.

    Attributes:
        words: Its words.
        piece_ids: int32 [n], of all words one after another.
        piece_words: int [n], the word of each piece.
    """

    def __init__(self, context, tokenizer):
        self._tokenizer = tokenizer
        self.words, self._word_of_char = _split_words(context)
        # Where the characters of the words stand, and each word's first one.
        self._places = [i for i, char in enumerate(context) if char not in SQUAD_SPACE]
        self._first_chars = np.cumsum([0, *map(len, self.words)])
        self.piece_ids, self._splits = tokenizer.plain.tokenize(self.words)
        counts = np.diff(self._splits)
        self.piece_words = np.repeat(np.arange(len(self.words)), counts)

    def answer_words(self, answer):
        """The first and last word of an answer; None if the text is not there.

        The original drops such a question from training: the answer's last character
        lies outside of the text, or the answer is not among the words, whatever the
        case, with single spaces.
        """
        last = answer.start + len(answer.text) - 1
        if not (0 <= answer.start <= last < len(self._word_of_char)):
            return None
        start_word = self._word_of_char[answer.start]
        end_word = self._word_of_char[last]
        words = " ".join(self.words[start_word : end_word + 1]).lower()
        if " ".join(answer.text.split()).lower() not in words:
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
        shift = self._first_chars[self.piece_words[first]]
        first_place = self._places[shift + start - words.count(" ", 0, start)]
        last_place = self._places[shift + end - words.count(" ", 0, end)]
        return first_place, last_place + 1

    def _pieces_and_words(self, first, last):
        """The text of some pieces, and the words that they lie in."""
        pieces = [self._tokenizer.pieces[i] for i in self.piece_ids[first : last + 1]]
        text = " ".join(pieces).replace(" ##", "").replace("##", "")
        start, end = self.piece_words[first], self.piece_words[last] + 1
        return " ".join(text.split()), " ".join(self.words[start:end])

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
        self._piece_of_glued = np.repeat(np.arange(len(pieces)), lengths)
        glued = "".join(pieces).replace("\u2581", " ")
        settings = (tokenizer.lower_case, tokenizer.strip_accents)
        pairs = alignment.align(context, glued, lambda char: _cleaned(char, *settings))
        self.is_aligned = pairs is not None
        if not self.is_aligned:
            return
        text_of_glued = alignment.PartialMap(len(glued), pairs[:, ::-1])
        self._glued_of_text = alignment.PartialMap(len(context), pairs)
        self.starts = [text_of_glued.start(i, len(context)) for i in starts]
        self.ends = [text_of_glued.end(i, len(context)) for i in ends]

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
        start = self.starts[first]
        text = self._context[start : self.ends[last] + 1]
        start += len(text) - len(text.lstrip())
        return start, start + len(text.strip())


def _split_words(context):
    """Words, and for each character its word; white space belongs to the one before."""
    words, word_of_char, is_inside = [], [], False
    for char in context:
        if char in SQUAD_SPACE:
            is_inside = False
        elif is_inside:
            words[-1] += char
        else:
            words.append(char)
            is_inside = True
        word_of_char.append(len(words) - 1)
    return words, word_of_char


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
