"""From the network's outputs to answers: the best spans of all windows, as text.

Both released programs gather candidates from every window, throw out what can be no
answer, sort by the sum of start and end score, and keep the best distinct texts
(`qa_metrics.py` of ELECTRA's, `squad_utils.py` of ALBERT's).
"""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Spans of one window, in the order in which they were found.

    Attributes:
        starts, ends: int [n], first and last position in the window's input.
        start_scores, end_scores: float32 [n], logits or log probabilities.
    """

    starts: np.ndarray
    ends: np.ndarray
    start_scores: np.ndarray
    end_scores: np.ndarray


@dataclasses.dataclass(frozen=True)
class Answer:
    """One of the best answers to a question.

    Attributes:
        text: The answer, from the paragraph.
        probability: Among the answers kept, in 0..1.
        start_score, end_score: Logits or log probabilities.
        pieces: First and last piece in the paragraph.
        start, end: Its characters in the paragraph, which are those from `start` to
            before `end`; they are the text but for white space.
    """

    text: str
    probability: float
    start_score: float
    end_score: float
    pieces: tuple[int, int]
    start: int
    end: int


def candidates_of_beams(start_scores, start_positions, end_scores, end_positions):
    """The candidates of a head that predicts the end from the start.

    Args:
        start_scores, start_positions: [K], the best starts of the window.
        end_scores, end_positions: [K, M], the best ends for each of them.
    """
    width = end_positions.shape[1]
    return Candidates(
        np.repeat(start_positions, width),
        end_positions.ravel(),
        np.repeat(start_scores, width),
        end_scores.ravel(),
    )


def candidates_of_logits(start_logits, end_logits, n_best_size):
    """The candidates of a head that predicts start and end independently.

    Args:
        start_logits, end_logits: float32 [length].
        n_best_size: How many of the best starts and ends are paired.
    """
    starts = np.argsort(-start_logits, kind="stable")[:n_best_size]
    ends = np.argsort(-end_logits, kind="stable")[:n_best_size]
    return Candidates(
        np.repeat(starts, len(ends)),
        np.tile(ends, len(starts)),
        np.repeat(start_logits[starts], len(ends)),
        np.tile(end_logits[ends], len(starts)),
    )


def best_answers(example, candidates, n_best_size, max_answer_length):
    """The best answers to a question, each text once.

    Args:
        example: An Example.
        candidates: Candidates of each of its windows.
        n_best_size: Most answers.
        max_answer_length: Most pieces of an answer.

    Returns:
        A list of Answer, the best first; empty if no candidate can be an answer.
    """
    firsts, lasts, start_scores, end_scores = _possible(
        example.windows, candidates, max_answer_length
    )
    order = np.argsort(-(start_scores + end_scores), kind="stable")
    kept, seen = [], set()
    for i in order:
        pieces = int(firsts[i]), int(lasts[i])
        text = example.document.span_text(*pieces)
        if text in seen:
            continue
        seen.add(text)
        kept.append((text, float(start_scores[i]), float(end_scores[i]), pieces))
        if len(kept) == n_best_size:
            break
    probabilities = _softmax([start + end for _, start, end, _ in kept])
    return [
        Answer(text, probability, start, end, pieces, *example.document.span(*pieces))
        for (text, start, end, pieces), probability in zip(
            kept, probabilities, strict=True
        )
    ]


def _possible(windows, candidates, max_answer_length):
    """First and last pieces in the paragraph and the scores of possible answers.

    Start and end lie in the text of the window, which has the most context for the
    start (the end is not asked), the end is not before the start, and the length is
    within the limit.
    """
    parts = [(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0))]
    for window, found in zip(windows, candidates, strict=True):
        first, last = found.starts - window.text_start, found.ends - window.text_start
        inside = (first >= 0) & (last < window.doc_length) & (first <= last)
        inside &= last - first < max_answer_length
        shift = window.doc_start
        inside &= window.counts_for(first + shift)
        scores = found.start_scores[inside], found.end_scores[inside]
        parts.append((first[inside] + shift, last[inside] + shift, *scores))
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _softmax(scores):
    if not scores:
        return []
    exponentials = [math.exp(score - max(scores)) for score in scores]
    total = sum(exponentials)
    return [value / total for value in exponentials]


def predicted_text(answers, nothing="") -> str:
    """The best answer that has a text, or `nothing`."""
    return next((answer.text for answer in answers if answer.text), nothing)


def null_odds_of_logits(answers, first_logits) -> float:
    """How much likelier no answer is than the best one, from the logits of [CLS].

    For heads without an answerability logit (Devlin et al., 2019, sec. 4.3).

    Args:
        answers: The question's best answers; without any, the best one scores 0.
        first_logits: (start logit, end logit) of position 0 in each window.
    """
    best = answers[0].start_score + answers[0].end_score if answers else 0.0
    return min(start + end for start, end in first_logits) - best


def answered_below(predictions, null_odds, threshold) -> dict[str, str]:
    """{question's id: its text, or "" unless its odds are below the threshold}."""
    return {
        name: text if null_odds[name] < threshold else ""
        for name, text in predictions.items()
    }
