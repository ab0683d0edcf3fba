"""Questions about paragraphs, read from files in SQuAD's JSON form (1.1 and 2.0)."""

import dataclasses
import gzip
import json
from pathlib import Path

from tf_pretrain.tasks.task import TaskError


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """An answer as annotators marked it.

    Attributes:
        text: The answer.
        start: Where its first character stands in the context.
    """

    text: str
    start: int


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A question about a context.

    Attributes:
        id: Unique in its file.
        text: The question.
        context: The paragraph that may hold the answer.
        answers: All annotated answers; none where the question has no answer.
        is_impossible: Whether the context holds no answer (SQuAD 2.0).
    """

    id: str
    text: str
    context: str
    answers: tuple[Answer, ...]
    is_impossible: bool = False


def read_questions(path) -> list[Question]:
    """All questions of a SQuAD file, in its order.

    Raises:
        TaskError: If the file is not JSON, or a field is missing or has another type;
            the message names the place in the file.
    """
    path = Path(path)
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            values = json.load(file)
    except ValueError as error:
        raise TaskError(f"{path} is not a JSON file: {error}") from None
    questions = parse_questions(values, str(path))
    if not questions:
        raise TaskError(f"{path} holds no question")
    return questions


def parse_questions(values, where) -> list[Question]:
    """The questions of a SQuAD file's JSON.

    Args:
        values: `{"data": [{"paragraphs": [{"context": ..., "qas": [...]}]}]}`.
        where: What messages call the file.

    Raises:
        TaskError: If a field is missing or has another type, or an id comes twice.
    """
    questions = []
    for i, article in enumerate(_get(values, "data", list, where)):
        article_place = f"{where}: data[{i}]"
        for j, paragraph in enumerate(_get(article, "paragraphs", list, article_place)):
            place = f"{article_place}.paragraphs[{j}]"
            context = _get(paragraph, "context", str, place)
            for k, qa in enumerate(_get(paragraph, "qas", list, place)):
                questions.append(_question(qa, context, f"{place}.qas[{k}]"))
    seen = set()
    for question in questions:
        if question.id in seen:
            raise TaskError(f"{where}: the id {question.id!r} occurs more than once")
        seen.add(question.id)
    return questions


def _question(qa, context, where):
    question_id = _get(qa, "id", str, where)
    text = _get(qa, "question", str, where)
    answers = []
    for i, answer in enumerate(_get(qa, "answers", list, where, default=[])):
        place = f"{where}.answers[{i}]"
        start = _get(answer, "answer_start", int, place)
        answers.append(Answer(_get(answer, "text", str, place), start))
    is_impossible = _get(qa, "is_impossible", bool, where, default=False)
    return Question(question_id, text, context, tuple(answers), is_impossible)


def _get(values, name, kind, where, default=None):
    """A field of a JSON object, checked."""
    if not isinstance(values, dict):
        raise TaskError(f"{where} is {_shown(values)}; expected an object")
    value = values.get(name, default)
    if value is None:
        known = ", ".join(sorted(values)) or "none"
        raise TaskError(f"{where} has no {name!r}; its fields are {known}")
    # A bool is an int to Python, but not to JSON.
    is_bool = isinstance(value, bool)
    if not isinstance(value, kind) or (is_bool and kind is not bool):
        raise TaskError(
            f"{where}: {name!r} is {_shown(value)}; expected {_JSON_NAMES[kind]}"
        )
    return value


_JSON_NAMES = {list: "a list", str: "a string", int: "a whole number", bool: "a bool"}


def _shown(value):
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
