"""Questions with options, prepared for an encoder."""

import dataclasses
import typing
from pathlib import Path

import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange.finetuned_networks import MultipleChoiceConfig
from tf_pretrain.models.classifier import check_head
from tf_pretrain.tasks.examples import padded_inputs, padded_values
from tf_pretrain.tasks.multiple_choice.features import encode_choices
from tf_pretrain.tasks.problem import Problem

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclasses.dataclass(frozen=True)
class ChoiceExamples:
    """A split as ids.

    Attributes:
        rows: For each of N questions the ids of its options, int32 arrays.
        segments: Their segments.
        labels: int32 [N]; zeros if the split has none.
    """

    rows: list[list[np.ndarray]]
    segments: list[list[np.ndarray]]
    labels: np.ndarray

    evaluation_rows: typing.ClassVar[int] = 16  # of four inputs each

    def __len__(self):
        return len(self.rows)

    @property
    def input_ids(self):
        return [ids for options in self.rows for ids in options]

    @property
    def lengths(self) -> np.ndarray:
        return np.array([max(map(len, options)) for options in self.rows])

    def features(self, indices, length, rows) -> dict[str, np.ndarray]:
        """See `examples.Examples.features`; inputs are [rows, options, length]."""
        number = len(self.rows[0])
        flat = padded_inputs(
            [ids for index in indices for ids in self.rows[index]],
            [ids for index in indices for ids in self.segments[index]],
            length,
            rows * number,
        )
        features = {
            name: values.reshape(rows, number, length) for name, values in flat.items()
        }
        features["labels"] = padded_values(self.labels[indices], rows)
        return features


class ChoiceProblem(Problem):
    """The problem of a `ChoiceTask`, as in ALBERT's program for RACE."""

    def describe_network(self, encoder):
        settings, questions = self.config.finetune, self.config.questions
        check_head(settings.head, encoder)
        if len(self.task.splits["train"][0].options) > len(_LETTERS):
            raise ConfigError(f"{self.task.name} has more than {len(_LETTERS)} options")
        return MultipleChoiceConfig(
            task=self.task.name,
            encoder=encoder,
            head=settings.head,
            loss_reduction=settings.loss_reduction,
            dropout=settings.classifier_dropout,
            max_choice_length=questions.max_choice_length,
            max_seq_length=settings.max_seq_length,
            vocabulary=self.tokenizer.fingerprint,
        )

    def encode(self, split):
        questions = self.task.splits[split]
        rows, segments = encode_choices(
            self.tokenizer,
            questions,
            self.model.max_seq_length,
            self.model.max_choice_length,
        )
        labels = np.array([question.answer or 0 for question in questions], np.int32)
        return ChoiceExamples(rows, segments, labels)

    def outputs(self, network, features):
        return {"logits": network(features, training=False)}

    def predictions(self, split, outputs):
        """Numbers of options int [N]."""
        return np.stack([row["logits"] for row in outputs]).argmax(axis=1)

    def scores(self, split, predictions):
        questions = self.task.splits[split]
        right = predictions == [question.answer for question in questions]
        levels = np.array([question.level for question in questions])
        scores = {"accuracy": float(np.mean(right))}
        for level in self.task.metrics[1:]:
            chosen = right[levels == level]
            scores[level] = float(np.mean(chosen)) if len(chosen) else float("nan")
        return scores

    def write(self, folder, predictions):
        """`dev.tsv`: the id of each question and the letter of the chosen option."""
        folder, paths = Path(folder), {}
        folder.mkdir(parents=True, exist_ok=True)
        for split, numbers in predictions.items():
            rows = zip(self.task.splits[split], numbers, strict=True)
            lines = [f"{question.id}\t{_LETTERS[n]}\n" for question, n in rows]
            paths[split] = folder / f"{split}.tsv"
            with atomic_files.replacing(paths[split]) as temporary:
                text = "id\tprediction\n" + "".join(lines)
                temporary.write_text(text, encoding="utf-8", newline="\n")
        return paths
