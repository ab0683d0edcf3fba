"""Questions about texts, prepared for an encoder."""

import dataclasses
import typing
from pathlib import Path

import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain.interchange.finetuned_networks import QuestionAnswererConfig
from tf_pretrain.tasks.examples import padded_inputs, padded_values
from tf_pretrain.tasks.problem import Problem
from tf_pretrain.tasks.question_answering import answers as answers_lib
from tf_pretrain.tasks.question_answering import squad_metrics
from tf_pretrain.tasks.question_answering.examples import read_examples
from tf_pretrain.tasks.question_answering.windows import WindowSettings
from tf_pretrain.tasks.task import TaskError


@dataclasses.dataclass(frozen=True)
class WindowExamples:
    """The windows of a split's questions.

    Attributes:
        questions: The Examples with their windows.
        windows: All windows, one question's after another's.
        is_impossible: int32 [windows], what the answerability classifier learns.
    """

    questions: list
    windows: list
    is_impossible: np.ndarray

    evaluation_rows: typing.ClassVar[int] = 32

    def __len__(self):
        return len(self.windows)

    @property
    def input_ids(self):
        return [window.input_ids for window in self.windows]

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(window.input_ids) for window in self.windows])

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


class SpanProblem(Problem):
    """The problem of a `QuestionTask`, as in either released program."""

    def describe_network(self, encoder):
        settings, questions = self.config.finetune, self.config.questions
        may_be_unanswerable = self.task.may_be_unanswerable
        has_answerability = questions.has_answerability
        if questions.head == "albert":
            has_answerability = may_be_unanswerable
        return QuestionAnswererConfig(
            task=self.task.name,
            encoder=encoder,
            head=questions.head,
            may_be_unanswerable=may_be_unanswerable,
            has_answerability=has_answerability,
            beam_size=questions.beam_size,
            dropout=settings.classifier_dropout,
            loss_reduction=settings.loss_reduction,
            answerability_weight=questions.answerability_weight,
            doc_stride=questions.doc_stride,
            max_query_length=questions.max_query_length,
            max_answer_length=questions.max_answer_length,
            n_best_size=questions.n_best_size,
            null_threshold=questions.null_threshold,
            max_seq_length=settings.max_seq_length,
            vocabulary=self.tokenizer.fingerprint,
        )

    def encode(self, split):
        model = self.model
        settings = WindowSettings(
            model.max_seq_length, model.doc_stride, model.max_query_length
        )
        is_train = split == "train"
        questions = self.task.splits[split]
        examples = list(read_examples(questions, self.tokenizer, settings, is_train))
        if is_train:
            kept = [example for example in examples if example.is_kept]
            if len(kept) < len(examples):
                print(
                    f"  {split}: {len(examples) - len(kept)} of {len(examples)} "
                    "questions are left out, whose answer does not stand where the "
                    "file says"
                )
            if not any(example.windows for example in kept):
                raise TaskError(f"no question of {split} can be trained on")
            examples = kept
        windows = [window for example in examples for window in example.windows]
        is_impossible = [
            self._is_impossible(example, window)
            for example in examples
            for window in example.windows
        ]
        return WindowExamples(examples, windows, np.array(is_impossible, np.int32))

    def _is_impossible(self, example, window):
        """The answerability label, by the window (ALBERT) or the question (ELECTRA)."""
        if not self.task.may_be_unanswerable:
            return False
        if self.model.head == "albert":
            return not window.holds_answer
        return example.question.is_impossible

    @property
    def num_training_examples(self):
        if self.model.head == "albert":
            return len(self.examples["train"].questions)
        return len(self.examples["train"])

    def outputs(self, network, features):
        return network(features, training=False)

    def predictions(self, split, outputs):
        """{question's id: Prediction}."""
        predicted, rows = {}, iter(outputs)
        for example in self.examples[split].questions:
            found = [next(rows) for _ in example.windows]
            predicted[example.question.id] = self._predict(example, found)
        return predicted

    def _predict(self, example, outputs):
        model = self.model
        found = answers_lib.best_answers(
            example,
            [self._candidates(row) for row in outputs],
            model.n_best_size,
            model.max_answer_length,
        )
        null_odds = None
        if self.task.may_be_unanswerable:
            null_odds = _null_odds(outputs, found)
        return Prediction(answers_lib.predicted_text(found), null_odds, found)

    def _candidates(self, row):
        if "start_logits" in row:
            return answers_lib.candidates_of_logits(
                row["start_logits"], row["end_logits"], self.model.n_best_size
            )
        return answers_lib.candidates_of_beams(
            row["start_scores"],
            row["start_positions"],
            row["end_scores"],
            row["end_positions"],
        )

    def scores(self, split, predictions):
        questions = self.task.splits[split]
        texts = {name: found.text for name, found in predictions.items()}
        if self.task.may_be_unanswerable:
            odds = {name: found.null_odds for name, found in predictions.items()}
            threshold = self.model.null_threshold
            scores = squad_metrics.score_v2(questions, texts, odds, threshold)
        else:
            scores = squad_metrics.score_v1(questions, texts)
        return {
            name: value if "thresh" in name else value / 100
            for name, value in scores.items()
            if not name.endswith("total")
        }

    def write(self, folder, predictions):
        """`dev.json` as the official script and the leaderboard take it.

        Beside it `dev_null_odds.json`, where questions may have no answer, and
        `dev_nbest.json`, the best answers with their probabilities.
        """
        folder, paths = Path(folder), {}
        folder.mkdir(parents=True, exist_ok=True)
        for split, found in predictions.items():
            paths[split] = folder / f"{split}.json"
            atomic_files.write_json(paths[split], self._final_texts(found))
            if self.task.may_be_unanswerable:
                odds = {name: value.null_odds for name, value in found.items()}
                atomic_files.write_json(folder / f"{split}_null_odds.json", odds)
            nbest = {
                name: [dataclasses.asdict(answer) for answer in value.answers]
                for name, value in found.items()
            }
            atomic_files.write_json(folder / f"{split}_nbest.json", nbest)
        return paths

    def _final_texts(self, predictions):
        return {
            name: found.text
            if found.null_odds is None or found.null_odds <= self.model.null_threshold
            else ""
            for name, found in predictions.items()
        }


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
