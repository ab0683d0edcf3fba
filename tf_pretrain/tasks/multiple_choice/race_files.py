"""Questions about an article, each with several options, as RACE has them.

RACE: Lai et al. (2017).
"""

import dataclasses
import gzip
import json
from pathlib import Path

from tf_pretrain.tasks.task import TaskError

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FIELDS = ("article", "questions", "options", "answers")
LEVELS = ("middle", "high")


@dataclasses.dataclass(frozen=True)
class ChoiceQuestion:
    """A question.

    Attributes:
        id: The article's id and the question's number in it.
        article: The text.
        question: The question; a "_" in it stands for the option.
        options: The options.
        answer: Number of the right one; None if it is not known.
        level: "middle", "high", or "" where the file does not tell.
    """

    id: str
    article: str
    question: str
    options: tuple[str, ...]
    answer: int | None
    level: str = ""


def read_race(path) -> list[ChoiceQuestion]:
    """All questions of a file of JSON lines, one article a line (plain or .gz).

    Raises:
        TaskError: If a line is not such an article, with the line's number.
    """
    path = Path(path)
    level = next((name for name in LEVELS if name in str(path).lower()), "")
    opened = gzip.open if path.suffix == ".gz" else open
    questions, num_options = [], None
    with opened(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            found = _questions(line, where, level)
            for question in found:
                num_options = num_options or len(question.options)
                if len(question.options) != num_options:
                    raise TaskError(
                        f"{where}: question {question.id} has {len(question.options)} "
                        f"options; expected {num_options}, as those before it"
                    )
            questions += found
    if not questions:
        raise TaskError(f"{path} holds no question")
    return questions


def _questions(line, where, level):
    try:
        values = json.loads(line)
    except ValueError as error:
        raise TaskError(f"{where} is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise TaskError(f"{where} is not an object; expected {', '.join(_FIELDS)}")
    missing = [name for name in _FIELDS[:3] if name not in values]
    if missing:
        raise TaskError(f"{where} has no {missing[0]!r}; expected {', '.join(_FIELDS)}")
    count = len(values["questions"])
    answers = values.get("answers", [None] * count)
    if not len(values["options"]) == len(answers) == count:
        raise TaskError(
            f"{where}: {count} questions, {len(values['options'])} lists of options "
            f"and {len(answers)} answers; expected as many of each"
        )
    article_id = str(values.get("id", where))
    rows = zip(values["questions"], values["options"], answers, strict=True)
    return [
        ChoiceQuestion(
            f"{article_id}-{i}",
            values["article"],
            question,
            tuple(options),
            _answer(answer, len(options), where),
            level,
        )
        for i, (question, options, answer) in enumerate(rows)
    ]


def _answer(letter, num_options, where):
    if letter is None:
        return None
    letters = _LETTERS[:num_options]
    if num_options < 2 or letter not in tuple(letters):
        raise TaskError(
            f"{where}: the answer {letter!r} names none of {num_options} options; "
            f"expected one of {', '.join(letters)}"
        )
    return letters.index(letter)
