"""Questions and their windows, in the form of either released program."""

import dataclasses

from tf_pretrain.tasks.question_answering.documents import (
    AlignedDocument,
    WordDocument,
)
from tf_pretrain.tasks.question_answering.squad_files import Question
from tf_pretrain.tasks.question_answering.windows import Window, cut_windows


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """A question with what the model reads.

    Attributes:
        question: The question.
        document: Its paragraph in pieces.
        windows: The windows; none if the paragraph has no piece, or (SentencePiece) its
            pieces could not be aligned with the text.
        is_kept: Whether it can be trained on: whether the answer that it is trained on
            was found where it should be.
    """

    question: Question
    document: WordDocument | AlignedDocument
    windows: list[Window]
    is_kept: bool


def read_examples(questions, tokenizer, settings, labelled):
    """Yields an Example for each question, in order.

    Args:
        questions: Questions; those of one paragraph should follow one another.
        tokenizer: Decides the form: WordPiece is ELECTRA's, SentencePiece ALBERT's.
        settings: WindowSettings.
        labelled: Whether the windows get labels, from each question's first answer.
    """
    make = AlignedDocument if tokenizer.kind == "sentencepiece" else WordDocument
    context, document = None, None
    for question in questions:
        if context is None or question.context != context:
            context, document = question.context, make(question.context, tokenizer)
        yield _example(question, document, tokenizer, settings, labelled)


def _example(question, document, tokenizer, settings, labelled):
    answer, is_kept = None, True
    if labelled and not question.is_impossible:
        if question.answers:
            answer = document.answer_pieces(question.answers[0])
        is_kept = answer is not None
    windows = []
    if getattr(document, "is_aligned", True):
        question_ids, _ = tokenizer.plain.tokenize([question.text])
        windows = cut_windows(
            tokenizer, question_ids, document.piece_ids, settings, answer, labelled
        )
    return Example(question, document, windows, is_kept)
