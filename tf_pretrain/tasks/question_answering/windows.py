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


@dataclasses.dataclass(frozen=True)
class Window:
    """One input of the model.

    Attributes:
        doc_start: The first piece of the paragraph that lies in this window.
        doc_length: How many of its pieces do.
        text_start: Position of the first of them in the input.
        input_ids: int32 [length]: [CLS] question [SEP] text [SEP], without padding.
        segment_ids: int32 [length]: 1 for the text and the last [SEP].
        is_max_context: bool [doc_length]: whether this window counts for the piece.
        start_position, end_position: The answer's first and last position in the input,
            0 where the window does not hold all of it; None without labels.
        holds_answer: Whether the whole answer lies in this window; None without labels.
    """

    doc_start: int
    doc_length: int
    text_start: int
    input_ids: np.ndarray
    segment_ids: np.ndarray
    is_max_context: np.ndarray
    start_position: int | None = None
    end_position: int | None = None
    holds_answer: bool | None = None


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
    first = np.concatenate([[tokenizer.cls_id], question_ids, [tokenizer.sep_id]])
    last = [tokenizer.sep_id]
    spans = list(_spans(len(text_ids), room, settings.doc_stride))
    windows = []
    for (start, length), is_max in zip(
        spans, _max_context(spans, len(text_ids)), strict=True
    ):
        ids = np.concatenate([first, text_ids[start : start + length], last])
        segments = np.repeat([0, 1], [len(first), length + 1])
        labels = {}
        if labelled:
            labels = _labels(answer, start, length, len(first))
        windows.append(
            Window(
                start,
                length,
                len(first),
                ids.astype(np.int32),
                segments.astype(np.int32),
                is_max,
                **labels,
            )
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
    """bool [length] for each span: whether it gives a piece the most context.

    That is the smaller of the numbers of pieces at its left and right, and a hundredth
    of the length. The first of several equal windows counts.
    """
    best = np.full(num_pieces, -1.0)
    owner = np.zeros(num_pieces, np.int32)
    for index, (start, length) in enumerate(spans):
        left = np.arange(length)
        score = np.minimum(left, left[::-1]) + 0.01 * length
        here = slice(start, start + length)
        owner[here] = np.where(score > best[here], index, owner[here])
        best[here] = np.maximum(score, best[here])
    return [
        owner[start : start + length] == index
        for index, (start, length) in enumerate(spans)
    ]


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
