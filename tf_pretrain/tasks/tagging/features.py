"""Words -> pieces, with the place of each word's first piece.

The input is [CLS] words [SEP]; the tag of a word is predicted at its first piece
(Devlin et al., 2019, sec. 5.3; `finetune/tagging/tagging_tasks.py` of ELECTRA's code).
"""

import dataclasses

import numpy as np

from tf_pretrain.data.plain_tokenization import WordPiece


@dataclasses.dataclass(frozen=True)
class TaggedInput:
    """One sentence as the model reads it.

    Attributes:
        input_ids: int32 [length], without padding.
        positions: int32 [words], the input position of the first piece of each word
            that fits; words behind the cut have none.
    """

    input_ids: np.ndarray
    positions: np.ndarray


def encode_sentences(tokenizer, sentences, max_seq_length, legacy=False):
    """Inputs of many sentences.

    Args:
        tokenizer: A tf_pretrain.data.tokenization.Tokenizer.
        sentences: Lists of words.
        max_seq_length: Most ids of an input; a longer sentence is cut between words.
        legacy: Encode as ELECTRA's program does (WordPiece only). It does not split
            Chinese characters, and it stops before a word as soon as the number of
            words (with [CLS] and [SEP]), the length so far and one exceed
            `max_seq_length`. So a sentence of n words is cut when it holds
            max_seq_length - n - 2 pieces, and may lose even [CLS].

    Returns:
        A list of TaggedInput. A word without pieces, such as one control character,
        has the position of what comes next.
    """
    words = [word for sentence in sentences for word in sentence]
    plain = WordPiece(tokenizer, splits_chinese=False) if legacy else tokenizer.plain
    ids, splits = plain.tokenize(words)
    inputs, first = [], 0
    for sentence in sentences:
        borders = splits[first : first + len(sentence) + 1]
        first += len(sentence)
        inputs.append(_encode(tokenizer, ids, borders, max_seq_length, legacy))
    return inputs


def encode_parts(tokenizer, sentences, max_seq_length):
    """Inputs of all words, several for a sentence that does not fit into one.

    Each input takes as many whole words as fit. A word that fits into none loses its
    end.

    Returns:
        A list of TaggedInput, those of a sentence one after another.
    """
    words = [word for sentence in sentences for word in sentence]
    ids, splits = tokenizer.plain.tokenize(words)
    room = max_seq_length - 2
    rows = [row[:room] for row in np.split(ids, splits[1:-1])] if words else []
    inputs, first = [], 0
    for sentence in sentences:
        last = first + len(sentence)
        while first < last:
            ends = np.cumsum([len(row) for row in rows[first:last]])
            count = int(np.searchsorted(ends, room, side="right"))
            positions = 1 + np.concatenate([[0], ends[: count - 1]])
            pieces = np.concatenate(rows[first : first + count])
            inputs.append(_input(tokenizer, [tokenizer.cls_id], pieces, positions))
            first += count
    return inputs


def _encode(tokenizer, ids, borders, max_seq_length, legacy):
    """The input of the words whose pieces lie between the borders."""
    starts = borders[:-1] - borders[0] + 1  # behind [CLS]
    ends = borders[1:] - borders[0] + 1
    if legacy:
        return _cut_as_electra(tokenizer, ids, borders, starts, max_seq_length)
    num_words = int(np.searchsorted(ends, max_seq_length - 1, side="right"))
    pieces = ids[borders[0] : borders[num_words]]
    return _input(tokenizer, [tokenizer.cls_id], pieces, starts[:num_words])


def _cut_as_electra(tokenizer, ids, borders, starts, max_seq_length):
    num_tokens = len(starts) + 2  # with [CLS] and [SEP], which count as words here
    if num_tokens + 1 > max_seq_length:
        return _input(tokenizer, [], ids[:0], starts[:0])
    fits = num_tokens + starts + 1 <= max_seq_length
    num_words = len(starts) if fits.all() else int(np.argmin(fits))
    pieces = ids[borders[0] : borders[num_words]]
    return _input(tokenizer, [tokenizer.cls_id], pieces, starts[:num_words])


def _input(tokenizer, first, pieces, positions):
    ids = np.concatenate([first, pieces, [tokenizer.sep_id]]).astype(np.int32)
    return TaggedInput(ids, positions.astype(np.int32))
