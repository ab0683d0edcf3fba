"""Sentences as ids, and the network's outputs as tags; also for `TextTagger`."""

import dataclasses
import typing

import numpy as np

from tf_pretrain.tasks.examples import padded_inputs
from tf_pretrain.tasks.tagging.features import encode_sentences


@dataclasses.dataclass(frozen=True)
class TaggedExamples:
    """A split as ids.

    Attributes:
        inputs: N TaggedInputs.
        labels: For each the numbers of its words' tags, int32 arrays; words behind the
            cut have none.
        segment_id: The segment of all pieces.
    """

    inputs: list
    labels: list[np.ndarray]
    segment_id: int = 1

    evaluation_rows: typing.ClassVar[int] = 64
    pads_fully: typing.ClassVar[bool] = False

    def __len__(self):
        return len(self.inputs)

    @property
    def input_ids(self):
        return [each.input_ids for each in self.inputs]

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(each.input_ids) for each in self.inputs])

    def features(self, indices, length, rows) -> dict[str, np.ndarray]:
        """See `examples.Examples.features`.

        There are as many places for words as for pieces.
        """
        chosen = [self.inputs[index] for index in indices]
        ids = [each.input_ids for each in chosen]
        segments = [np.full_like(x, self.segment_id) for x in ids]
        features = padded_inputs(ids, segments, length, rows)
        positions = np.zeros((rows, length), np.int32)
        labels = np.zeros((rows, length), np.int32)
        mask = np.zeros((rows, length), np.float32)
        for row, (each, index) in enumerate(zip(chosen, indices, strict=True)):
            count = len(each.positions)
            positions[row, :count] = each.positions
            labels[row, :count] = self.labels[index]
            mask[row, :count] = 1.0
        return {
            **features,
            "labeled_positions": positions,
            "labels": labels,
            "labels_mask": mask,
        }


def encode(sentences, tags, model, tokenizer, legacy=False) -> TaggedExamples:
    """The inputs of sentences.

    Args:
        sentences: For each its words.
        tags: For each the tags of its words, in BIOES; None without labels.
        model: A TaggerConfig.
        tokenizer: The encoder's.
        legacy: See `encode_sentences`.
    """
    inputs = encode_sentences(tokenizer, sentences, model.max_seq_length, legacy)
    numbers = {tag: i for i, tag in enumerate(model.class_names)}
    labels = []
    for number, each in enumerate(inputs):
        count = len(each.positions)
        row = [0] * count if tags is None else [numbers[t] for t in tags[number]]
        labels.append(np.array(row[:count], np.int32))
    return TaggedExamples(inputs, labels, model.segment_id)


def decode(sentences, examples, outputs, model) -> list[list[str]]:
    """A list of tags for each sentence; "O" for words behind the cut."""
    predicted = []
    for words, each, row in zip(sentences, examples.inputs, outputs, strict=True):
        count = len(each.positions)
        numbers = row["logits"][:count].argmax(axis=-1)
        tags = [model.class_names[number] for number in numbers]
        predicted.append(tags + ["O"] * (len(words) - count))
    return predicted
