"""Makes the Problem of a task of any kind."""

from tf_pretrain.tasks.multiple_choice.problem import ChoiceProblem
from tf_pretrain.tasks.multiple_choice.task import ChoiceTask
from tf_pretrain.tasks.problem import Problem
from tf_pretrain.tasks.question_answering.problem import SpanProblem
from tf_pretrain.tasks.question_answering.task import QuestionTask
from tf_pretrain.tasks.tagging.problem import TaggingProblem
from tf_pretrain.tasks.tagging.task import TaggingTask
from tf_pretrain.tasks.task import Task
from tf_pretrain.tasks.text_problem import TextProblem

_PROBLEMS = {
    Task: TextProblem,
    QuestionTask: SpanProblem,
    ChoiceTask: ChoiceProblem,
    TaggingTask: TaggingProblem,
}


def make_problem(task, config, encoder_config, tokenizer) -> Problem:
    """The problem of a task; arguments as for `Problem`."""
    return _PROBLEMS[type(task)](task, config, encoder_config, tokenizer)
