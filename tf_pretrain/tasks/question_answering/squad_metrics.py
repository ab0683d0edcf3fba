"""SQuAD's scores: exact match and F1, equal to the official scripts' (1.1 and 2.0).

Both scripts normalise a text in the same way and take the best score over all annotated
answers (Rajpurkar et al., 2016, sec. 6.1). They differ where a text has no words left,
and 2.0 counts a question as unanswered when its null odds are above a threshold
(Rajpurkar et al., 2018, sec. 5). All scores are percentages.
"""

import collections
import re
import string

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize(text: str) -> str:
    """Lower case without ASCII punctuation, articles and needless white space."""
    text = text.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def exact_match(gold: str, predicted: str) -> float:
    """1.0 if both texts are the same after normalising, else 0.0."""
    return float(normalize(gold) == normalize(predicted))


def f1(gold: str, predicted: str, empty_matches: bool) -> float:
    """F1 of the two multisets of words.

    Args:
        gold: An annotated answer.
        predicted: The answer that was given.
        empty_matches: Whether two texts without words agree (2.0) or not (1.1).
    """
    gold_words, words = normalize(gold).split(), normalize(predicted).split()
    if empty_matches and not (gold_words and words):
        return float(gold_words == words)
    common = sum(
        (collections.Counter(gold_words) & collections.Counter(words)).values()
    )
    if common == 0:
        return 0.0
    precision, recall = common / len(words), common / len(gold_words)
    return 2 * precision * recall / (precision + recall)


def score_v1(questions, predictions) -> dict[str, float]:
    """The scores of SQuAD 1.1.

    Args:
        questions: Questions with answers.
        predictions: {question's id: text}. A question without one scores 0.

    Returns:
        {"exact_match", "f1"}.
    """
    exact = total_f1 = 0.0
    for question in questions:
        if question.id not in predictions:
            continue
        predicted = predictions[question.id]
        golds = [answer.text for answer in question.answers]
        exact += max(exact_match(gold, predicted) for gold in golds)
        total_f1 += max(f1(gold, predicted, empty_matches=False) for gold in golds)
    count = len(questions)
    return {"exact_match": 100 * exact / count, "f1": 100 * total_f1 / count}


def question_scores_v2(questions, predictions):
    """The scores of each question of SQuAD 2.0, as if every prediction counted.

    Args:
        questions: Questions; those without answers are to be answered by "".
        predictions: {question's id: text}. A question without one is left out.

    Returns:
        ({id: 0.0 or 1.0}, {id: F1 in 0..1}).
    """
    exact, f1s = {}, {}
    for question in questions:
        if question.id not in predictions:
            continue
        predicted = predictions[question.id]
        # Answers that normalising empties are no answers.
        golds = [a.text for a in question.answers if normalize(a.text)] or [""]
        exact[question.id] = max(exact_match(gold, predicted) for gold in golds)
        f1s[question.id] = max(f1(gold, predicted, True) for gold in golds)
    return exact, f1s


def score_v2(questions, predictions, null_odds, threshold) -> dict[str, float]:
    """The scores of SQuAD 2.0.

    Args:
        questions: Questions, with and without answers.
        predictions: {question's id: text}. A question without one is left out.
        null_odds: {question's id: number}; the higher, the likelier has the question
            no answer.
        threshold: Questions with odds above it count as unanswered.

    Returns:
        {"exact", "f1", "total"} over all questions, the same with "HasAns_" and
        "NoAns_" for those with and without answers (if there are any), and
        "best_exact", "best_exact_thresh", "best_f1", "best_f1_thresh" of the threshold
        that is best on these very questions.
    """
    has_answer = {question.id: bool(question.answers) for question in questions}
    raw_exact, raw_f1 = question_scores_v2(questions, predictions)
    counted = [
        {
            name: float(not has_answer[name]) if null_odds[name] > threshold else score
            for name, score in scores.items()
        }
        for scores in (raw_exact, raw_f1)
    ]
    results = _means(*counted, list(raw_exact))
    for prefix, wanted in (("HasAns", True), ("NoAns", False)):
        ids = [name for name in raw_exact if has_answer[name] is wanted]
        if ids:
            part = _means(*counted, ids)
            results |= {f"{prefix}_{name}": value for name, value in part.items()}
    for name, scores in (("exact", raw_exact), ("f1", raw_f1)):
        best, best_threshold = best_threshold_of(
            scores, predictions, null_odds, has_answer
        )
        results |= {f"best_{name}": best, f"best_{name}_thresh": best_threshold}
    return results


def best_threshold_of(scores, predictions, null_odds, has_answer):
    """The threshold with the highest mean score, and this score in percent.

    Questions are answered one after another, by rising odds. As in the official script,
    questions with the same odds are not taken together.

    Args:
        scores: {question's id: score in 0..1 of its prediction}.
        predictions: {question's id: text}.
        null_odds: {question's id: number}.
        has_answer: {question's id: whether it has an answer}.
    """
    # At first no question is answered.
    total = best = sum(not answerable for answerable in has_answer.values())
    best_threshold = 0.0
    for name in sorted(null_odds, key=null_odds.get):
        if name not in scores:
            continue
        if has_answer[name]:
            total += scores[name]
        elif predictions[name]:
            total -= 1
        if total > best:
            best, best_threshold = total, null_odds[name]
    return 100.0 * best / len(scores), best_threshold


def _means(exact, f1s, ids):
    return {
        "exact": 100.0 * sum(exact[name] for name in ids) / len(ids),
        "f1": 100.0 * sum(f1s[name] for name in ids) / len(ids),
        "total": len(ids),
    }
