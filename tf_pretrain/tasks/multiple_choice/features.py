"""An article, a question and an option -> [CLS] article [SEP] question option [SEP].

As ALBERT's program for RACE does it (`race_utils.py` of the released code). Its option
takes the place of each "_" of the question; without any it stands behind the question.
Of question and option the last pieces stay, of the article the first.
"""

import numpy as np

from tf_pretrain.errors import UserError


def question_with_option(question: str, option: str) -> str:
    """The question with the option in it, or behind it."""
    if "_" in question:
        return question.replace("_", option)
    return f"{question} {option}"


def encode_choices(tokenizer, questions, max_seq_length, max_qa_length):
    """Ids and segments of all options of many questions, without padding.

    Args:
        tokenizer: A tf_pretrain.data.tokenization.Tokenizer.
        questions: ChoiceQuestions, N of them.
        max_seq_length: Most ids of an input.
        max_qa_length: Most pieces of a question with its option.

    Returns:
        Two lists of N lists: for each option int32 [length] of ids, and of segments,
        which are 1 for question, option and the last [SEP].

    Raises:
        UserError: If these lengths leave no room for the article.
    """
    if max_qa_length > max_seq_length - 4:
        raise UserError(
            f"questions.max_choice_length is {max_qa_length}, which leaves no room for "
            f"a text in {max_seq_length} positions; expected {max_seq_length - 4} or "
            "less"
        )
    articles = list(dict.fromkeys(question.article for question in questions))
    article_ids = _tokenize(tokenizer, articles)
    by_article = dict(zip(articles, article_ids, strict=True))
    texts = [
        question_with_option(question.question, option)
        for question in questions
        for option in question.options
    ]
    endings = iter(_tokenize(tokenizer, texts))
    input_ids, segment_ids = [], []
    for question in questions:
        article = by_article[question.article]
        rows = [
            _encode(tokenizer, article, next(endings), max_seq_length, max_qa_length)
            for _ in question.options
        ]
        input_ids.append([ids for ids, _ in rows])
        segment_ids.append([segments for _, segments in rows])
    return input_ids, segment_ids


def _tokenize(tokenizer, texts):
    ids, splits = tokenizer.tokenize(texts)
    return np.split(ids, splits[1:-1])


def _encode(tokenizer, article, ending, max_seq_length, max_qa_length):
    ending = ending[-max_qa_length:]
    article = article[: max_seq_length - 3 - len(ending)]
    separator = [tokenizer.sep_id]
    ids = np.concatenate([[tokenizer.cls_id], article, separator, ending, separator])
    segments = np.repeat([0, 1], [len(article) + 2, len(ending) + 1])
    return ids.astype(np.int32), segments.astype(np.int32)
