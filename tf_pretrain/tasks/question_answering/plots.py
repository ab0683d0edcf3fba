"""Plots of answers: how good they are where there is one, and by their length."""

import json

import numpy as np

from tf_pretrain import plotting
from tf_pretrain.tasks import plots
from tf_pretrain.tasks.question_answering import squad_metrics

# Numbers of words of an answer; the last group has no end.
_LENGTHS = ((1, 1), (2, 2), (3, 4), (5, 8), (9, None))


def plot_answers(workdir, task, results) -> None:
    """Writes `dev_scores.png` and, of the kept trial on the dev set, `answers.png`.

    Its panels show F1 and exact match of the questions with and without an answer, and
    F1 by the length of the answer.
    """
    plots.plot_history(workdir, task, results)
    trial = plots.kept_trial(results)
    path = workdir / trial["predictions"]["dev"]
    scores = question_scores(task, json.loads(path.read_text(encoding="utf-8")))
    questions = task.splits["dev"]
    groups = {"all": questions}
    if task.may_be_unanswerable:
        groups["with answer"] = [q for q in questions if q.answers]
        groups["without"] = [q for q in questions if not q.answers]
    with (
        plots.plain_names(),
        plotting.saved(workdir / "answers.png", (4.6, 3.6), columns=2) as (_, panels),
    ):
        _bars(panels[0], groups, scores, {"F1": 1, "exact match": 0})
        panels[0].set_title(f"{task.name} dev, seed {trial['seed']}", fontsize=10)
        panels[0].set_ylabel("x 100")
        _bars(panels[1], by_length(questions), scores, {"F1": 1})
        panels[1].set_title("by the words of the answer", fontsize=10)


def question_scores(task, texts) -> dict[str, tuple[float, float]]:
    """{question's id: (exact match, F1)} of the dev set, each in 0..1.

    Args:
        texts: {question's id: text}, "" for no answer.
    """
    scores = {}
    for question in task.splits["dev"]:
        text = texts[question.id]
        golds = [answer.text for answer in question.answers] or [""]
        empty = task.may_be_unanswerable
        scores[question.id] = (
            max(squad_metrics.exact_match(gold, text) for gold in golds),
            max(squad_metrics.f1(gold, text, empty) for gold in golds),
        )
    return scores


def by_length(questions) -> dict[str, list]:
    """{words of the first answer: the questions}, of those that have one."""
    groups = {}
    for low, high in _LENGTHS:
        name = f"{low}" if low == high else f"{low} to {high}" if high else f"{low}+"
        groups[name] = [
            question
            for question in questions
            if question.answers
            and low <= len(question.answers[0].text.split()) <= (high or np.inf)
        ]
    return {name: group for name, group in groups.items() if group}


def _bars(axes, groups, scores, columns):
    """A bar for each group of questions and column of the scores."""
    groups = {name: group for name, group in groups.items() if group}
    positions, width = np.arange(len(groups)), 0.8 / len(columns)
    for number, (label, column) in enumerate(columns.items()):
        means = [
            100 * np.mean([scores[question.id][column] for question in group])
            for group in groups.values()
        ]
        shift = width * (number - (len(columns) - 1) / 2)
        axes.bar(positions + shift, means, width, label=label)
    ticks = [f"{name}\n({len(group):,})" for name, group in groups.items()]
    axes.set_xticks(positions, ticks, fontsize=8)
    axes.set_ylim(0, 105)
    axes.legend(fontsize=8)
    axes.grid(False, axis="x")
