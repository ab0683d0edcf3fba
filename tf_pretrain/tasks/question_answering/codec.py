"""Questions as windows of ids, and the network's outputs as answers.

Training, `run_finetuning.py` and `TextQuestionAnswerer` read and answer questions here.
`serving.question_model` does the same inside an exported graph.
"""

import dataclasses
import typing

import numpy as np

from tf_pretrain.tasks.examples import padded_inputs, padded_values
from tf_pretrain.tasks.question_answering import answers as answers_lib
from tf_pretrain.tasks.question_answering.examples import read_examples
from tf_pretrain.tasks.question_answering.windows import WindowSettings


@dataclasses.dataclass(frozen=True)
class WindowExamples:
    """The windows of a split's questions.

    Attributes:
        questions: The Examples with their windows.
        windows: All windows, one question's after another's.
        is_impossible: int32 [windows], what the answerability classifier learns.
        pads_fully: Whether all windows are padded to the largest length.
    """

    questions: list
    windows: list
    is_impossible: np.ndarray
    pads_fully: bool = False

    evaluation_rows: typing.ClassVar[int] = 32

    def __len__(self):
        return len(self.windows)

    @property
    def input_ids(self):
        return [window.input_ids for window in self.windows]

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(window) for window in self.windows])

    def features(self, indices, length, rows) -> dict[str, np.ndarray]:
        """See `examples.Examples.features`."""
        windows = [self.windows[index] for index in indices]
        features = padded_inputs(
            [window.input_ids for window in windows],
            [window.segment_ids for window in windows],
            length,
            rows,
        )
        for name in ("start_position", "end_position"):
            values = [getattr(window, name) or 0 for window in windows]
            features[f"{name}s"] = padded_values(np.array(values, np.int32), rows)
        features["is_impossible"] = padded_values(self.is_impossible[indices], rows)
        return features


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The prediction for a question.

    Attributes:
        text: The best answer, whether or not the question counts as answered.
        null_odds: High if there is no answer; None if all questions have one.
        answers: The best answers.
    """

    text: str
    null_odds: float | None
    answers: list


def encode(questions, model, tokenizer, is_train) -> tuple[WindowExamples, int]:
    """The windows of questions.

    Args:
        questions: Questions.
        model: A QuestionAnswererConfig.
        tokenizer: The encoder's.
        is_train: Whether the windows get labels. Then questions are left out whose
            answer does not stand where it should.

    Returns:
        The windows, and the number of questions that were left out.
    """
    settings = WindowSettings(
        model.max_seq_length, model.doc_stride, model.max_query_length
    )
    examples = list(read_examples(questions, tokenizer, settings, is_train))
    kept = [example for example in examples if example.is_kept or not is_train]
    pairs = [(example, window) for example in kept for window in example.windows]
    is_impossible = [_is_impossible(model, *pair) for pair in pairs]
    windows = [window for _, window in pairs]
    labels = np.array(is_impossible, np.int32)
    encoded = WindowExamples(kept, windows, labels, model.reads_padding)
    return encoded, len(examples) - len(kept)


def _is_impossible(model, example, window):
    """The answerability label, by the window (ALBERT) or the question (ELECTRA)."""
    if not model.may_be_unanswerable:
        return False
    if model.head == "albert":
        return not window.holds_answer
    return example.question.is_impossible


def decode(examples, outputs, model) -> dict[str, Prediction]:
    """{question's id: Prediction}.

    Args:
        examples: WindowExamples.
        outputs: For each window what the head predicts, {name: array}.
        model: A QuestionAnswererConfig.
    """
    predicted, rows = {}, iter(outputs)
    for example in examples.questions:
        found = [next(rows) for _ in example.windows]
        predicted[example.question.id] = _predict(example, found, model)
    return predicted


def _predict(example, outputs, model):
    found = answers_lib.best_answers(
        example,
        [_candidates(row, model.n_best_size) for row in outputs],
        model.n_best_size,
        model.max_answer_length,
    )
    null_odds = None
    if model.may_be_unanswerable:
        null_odds = _null_odds(outputs, found)
    return Prediction(answers_lib.predicted_text(found), null_odds, found)


def _candidates(row, n_best_size):
    if "start_logits" in row:
        return answers_lib.candidates_of_logits(
            row["start_logits"], row["end_logits"], n_best_size
        )
    return answers_lib.candidates_of_beams(
        row["start_scores"],
        row["start_positions"],
        row["end_scores"],
        row["end_positions"],
    )


def _null_odds(outputs, answers):
    """The odds of the window with the most certain answer; 1e6 without windows."""
    if not outputs:
        return 1e6
    if "answerability_logits" in outputs[0]:
        return min(float(row["answerability_logits"]) for row in outputs)
    if "start_logits" not in outputs[0]:
        return 0.0
    first = [(row["start_logits"][0], row["end_logits"][0]) for row in outputs]
    return float(answers_lib.null_odds_of_logits(answers, first))
