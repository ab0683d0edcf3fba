"""Questions with options as ids; also for `TextMultipleChoice`."""

import dataclasses
import typing

import numpy as np

from tf_pretrain.tasks.examples import padded_inputs, padded_values
from tf_pretrain.tasks.multiple_choice.features import encode_choices


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
    pads_fully: typing.ClassVar[bool] = False

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


def encode(questions, model, tokenizer) -> ChoiceExamples:
    """The inputs of questions.

    Args:
        questions: ChoiceQuestions with the same number of options.
        model: A MultipleChoiceConfig.
        tokenizer: The encoder's.
    """
    rows, segments = encode_choices(
        tokenizer, questions, model.max_seq_length, model.max_choice_length
    )
    labels = np.array([question.answer or 0 for question in questions], np.int32)
    return ChoiceExamples(rows, segments, labels)
