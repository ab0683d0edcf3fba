"""Windows: the parts of a paragraph that the model reads, each with the question.

A paragraph that is too long for one input is cut into windows that overlap (Devlin et
al., 2019; `featurize` of both released programs). A piece that lies in several windows
counts in the one where it has most context on both sides.
"""

import dataclasses

import numpy as np

from tf_pretrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class WindowSettings:
    """How paragraphs are cut.

    Attributes:
        max_seq_length: Most ids of an input.
        doc_stride: Pieces from the beginning of a window to that of the next.
        max_query_length: Most pieces of a question; it loses its end.
    """

    max_seq_length: int
    doc_stride: int
    max_query_length: int


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One input of the model.

    It keeps no ids of its own: the windows of a question share the question's, and
    those of a paragraph the text's.

    Attributes:
        beginning: int32 [text_start]: [CLS] question [SEP].
        text_ids: int32 [n]: the pieces of the whole paragraph.
        sep_id: The id of [SEP].
        doc_start: The first piece of the paragraph that lies in this window.
        doc_length: How many of its pieces do.
        max_context: The first piece of the paragraph for which this window counts, and
            the one behind the last.
        start_position, end_position: The answer's first and last position in the input,
            0 where the window does not hold all of it; None without labels.
        holds_answer: Whether the whole answer lies in this window; None without labels.
    """

    beginning: np.ndarray
    text_ids: np.ndarray
    sep_id: int
    doc_start: int
    doc_length: int
    max_context: tuple[int, int]
    start_position: int | None = None
    end_position: int | None = None
    holds_answer: bool | None = None

    def __len__(self):
        return len(self.beginning) + self.doc_length + 1

    @property
    def text_start(self) -> int:
        """Position of the first piece of the text in the input."""
        return len(self.beginning)

    @property
    def input_ids(self) -> np.ndarray:
        """int32 [length]: [CLS] question [SEP] text [SEP], without padding."""
        ids = np.full(len(self), self.sep_id, np.int32)
        ids[: self.text_start] = self.beginning
        ids[self.text_start : -1] = self.text_ids[self.doc_start :][: self.doc_length]
        return ids

    @property
    def segment_ids(self) -> np.ndarray:
        """int32 [length]: 1 for the text and the last [SEP]."""
        segments = np.ones(len(self), np.int32)
        segments[: self.text_start] = 0
        return segments

    def counts_for(self, pieces) -> np.ndarray:
        """Whether this window has the most context for pieces of the paragraph."""
        first, end = self.max_context
        return (first <= pieces) & (pieces < end)


def cut_windows(
    tokenizer, question_ids, text_ids, settings, answer=None, labelled=False
):
    """All windows of a question and its paragraph.

    Args:
        tokenizer: Gives the special ids.
        question_ids: int [q].
        text_ids: int [n]; without pieces there is no window.
        settings: WindowSettings.
        answer: The answer's first and last piece (both of 0..n-1), or None.
        labelled: Whether the windows get labels; without an answer they are 0, 0.

    Raises:
        UserError: If the question leaves no room for the text.
    """
    question_ids = question_ids[: settings.max_query_length]
    room = settings.max_seq_length - len(question_ids) - 3
    if room < 1:
        raise UserError(
            f"a question of {len(question_ids)} pieces leaves no room for its text in "
            f"{settings.max_seq_length} positions; raise finetune.max_seq_length, or "
            "lower finetune.max_query_length"
        )
    beginning = np.empty(len(question_ids) + 2, np.int32)
    beginning[0], beginning[-1] = tokenizer.cls_id, tokenizer.sep_id
    beginning[1:-1] = question_ids
    spans = list(_spans(len(text_ids), room, settings.doc_stride))
    windows = []
    for span, counted in zip(spans, _max_context(spans, len(text_ids)), strict=True):
        labels = _labels(answer, *span, len(beginning)) if labelled else {}
        windows.append(
            Window(beginning, text_ids, tokenizer.sep_id, *span, counted, **labels)
        )
    return windows


def _spans(num_pieces, room, stride):
    """(start, length) of each window's part of the text."""
    start = 0
    while start < num_pieces:
        length = min(num_pieces - start, room)
        yield start, length
        if start + length == num_pieces:
            return
        start += min(length, stride)


def _max_context(spans, num_pieces):
    """(first, end) for each span: the pieces to which it gives the most context.

    That is the smaller of the numbers of pieces at its left and right, and a hundredth
    of the length. The first of several equal windows counts. Both ends of the spans
    rise, so the pieces of each span follow one another.
    """
    if len(spans) == 1:
        return [(0, num_pieces)]
    best = np.full(num_pieces, -1.0)
    owner = np.zeros(num_pieces, np.int32)
    for index, (start, length) in enumerate(spans):
        left = np.arange(length)
        score = np.minimum(left, left[::-1]) + 0.01 * length
        here = slice(start, start + length)
        owner[here] = np.where(score > best[here], index, owner[here])
        best[here] = np.maximum(score, best[here])
    numbers = np.arange(len(spans))
    firsts = np.searchsorted(owner, numbers, side="left")
    ends = np.searchsorted(owner, numbers, side="right")
    return list(zip(firsts.tolist(), ends.tolist(), strict=True))


def _labels(answer, start, length, text_start):
    holds = answer is not None and start <= answer[0] and answer[1] < start + length
    if not holds:
        return {"start_position": 0, "end_position": 0, "holds_answer": False}
    shift = text_start - start
    return {
        "start_position": int(answer[0] + shift),
        "end_position": int(answer[1] + shift),
        "holds_answer": True,
    }
