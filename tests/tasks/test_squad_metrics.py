"""SQuAD's scores of 1,000 made-up predictions, against their published definitions.

The reference is written another way on purpose: characters one by one, words crossed
off a list, and all thresholds at once (Rajpurkar et al., 2016, sec. 6.1, and 2018,
sec. 5; the order of the steps is that of the official scripts).
"""

import random

import numpy as np
import pytest

from tf_pretrain.tasks.question_answering import squad_metrics
from tf_pretrain.tasks.question_answering.squad_files import Answer, Question

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
WORDS = (
    "The a an The of in 1911 Zürich café Corvin's U.S. A-B (x) “quoted” – ½ 日本語 "
    "theatre an, THE. anna a.m. ... ' Stone Bridge"
).split()


def reference_words(text):
    kept = [char for char in text.lower() if char not in PUNCTUATION]
    # An article is one between characters that are no letters, digits or "_".
    runs, run = [], ""
    for char in [*kept, " "]:
        if char.isalnum() or char == "_":
            run += char
            continue
        runs += ["" if run in ("a", "an", "the") else run, char]
        if run in ("a", "an", "the"):
            runs.insert(-1, " ")
        run = ""
    return "".join(runs).split()


def reference_f1(gold, predicted, empty_matches):
    gold, predicted = reference_words(gold), reference_words(predicted)
    if empty_matches and (not gold or not predicted):
        return float(gold == predicted)
    rest, common = list(gold), 0
    for word in predicted:
        if word in rest:
            rest.remove(word)
            common += 1
    return 2 * common / (len(gold) + len(predicted)) if common else 0.0


def reference_exact(gold, predicted):
    return float(reference_words(gold) == reference_words(predicted))


def made_up(draw, may_be_unanswerable):
    """Questions, predictions and odds; a part of each is odd or equal to another."""

    def phrase(least=0):
        return draw.choice([" ", "  ", "\u00a0"]).join(
            draw.choices(WORDS, k=draw.randint(least, 4))
        )

    questions, predictions, odds = [], {}, {}
    for number in range(1000):
        name, has_answer = str(number), True
        if may_be_unanswerable:
            has_answer = draw.random() < 0.5
        golds = [phrase(1) for _ in range(draw.randint(1, 3))] if has_answer else []
        answers = tuple(Answer(gold, 0) for gold in golds)
        questions.append(Question(name, "?", "", answers, not has_answer))
        near = draw.choice(golds).swapcase() if golds else ""
        predictions[name] = draw.choice([near, phrase(), phrase(), f"{near} the", ""])
        odds[name] = round(draw.gauss(0.0 if has_answer else 1.0, 2.0), 1)
    return questions, predictions, odds


def test_version_1_scores_a_thousand_predictions():
    questions, predictions, _ = made_up(random.Random(1), False)
    for name in ("3", "5"):
        del predictions[name]
    exact = f1 = 0.0
    for question in questions:
        if question.id in predictions:
            said, golds = predictions[question.id], [a.text for a in question.answers]
            exact += max(reference_exact(gold, said) for gold in golds)
            f1 += max(reference_f1(gold, said, False) for gold in golds)
    got = squad_metrics.score_v1(questions, predictions)
    assert got == pytest.approx({"exact_match": exact / 10, "f1": f1 / 10}, abs=1e-9)
    assert all(10 < value < 90 for value in got.values())


@pytest.mark.parametrize("threshold", [-2.75, 0.0, 1.0])
def test_version_2_scores_a_thousand_predictions(threshold):
    questions, predictions, odds = made_up(random.Random(2), True)
    exact, f1 = np.zeros(1000), np.zeros(1000)
    for row, question in enumerate(questions):
        said = predictions[question.id]
        golds = [a.text for a in question.answers if reference_words(a.text)] or [""]
        exact[row] = max(reference_exact(gold, said) for gold in golds)
        f1[row] = max(reference_f1(gold, said, True) for gold in golds)
    has = np.array([bool(question.answers) for question in questions])
    values = np.array([odds[question.id] for question in questions])
    got = squad_metrics.score_v2(questions, predictions, odds, threshold)
    for name, scores in (("exact", exact), ("f1", f1)):
        counted = 100 * np.where(values > threshold, ~has, scores)
        expected = {
            name: counted.mean(),
            f"HasAns_{name}": counted[has].mean(),
            f"NoAns_{name}": counted[~has].mean(),
        }
        # Answering the next question by rising odds wins its score, or loses the point
        # of a question without answer, if something is said.
        says = np.array([bool(predictions[question.id]) for question in questions])
        order = np.argsort(values, kind="stable")
        gains = np.where(has, scores, -says.astype(float))[order]
        totals = (~has).sum() + np.concatenate([[0.0], np.cumsum(gains)])
        best = totals.argmax()
        expected[f"best_{name}"] = totals[best] / 10
        expected[f"best_{name}_thresh"] = 0.0 if best == 0 else values[order][best - 1]
        assert {key: got[key] for key in expected} == pytest.approx(expected, abs=1e-9)
