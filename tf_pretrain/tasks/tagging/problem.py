"""Tags of words, prepared for an encoder."""

import dataclasses
import typing
from pathlib import Path

import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain.interchange.finetuned_networks import TaggerConfig
from tf_pretrain.tasks.examples import padded_inputs
from tf_pretrain.tasks.problem import Problem
from tf_pretrain.tasks.tagging.features import encode_sentences
from tf_pretrain.tasks.tagging.spans import bioes_tags, span_scores, spans_of_tags


@dataclasses.dataclass(frozen=True)
class TaggedExamples:
    """A split as ids.

    Attributes:
        inputs: N TaggedInputs.
        labels: For each the numbers of its words' tags, int32 arrays; words behind the
            cut have none.
    """

    inputs: list
    labels: list[np.ndarray]

    evaluation_rows: typing.ClassVar[int] = 64

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

        There are as many places for words as for pieces; all segments are 1, as in
        ELECTRA's program.
        """
        chosen = [self.inputs[index] for index in indices]
        ids = [each.input_ids for each in chosen]
        features = padded_inputs(ids, [np.ones_like(x) for x in ids], length, rows)
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


class TaggingProblem(Problem):
    """The problem of a `TaggingTask`, with tags that mark all borders (BIOES)."""

    def describe_network(self, encoder):
        settings = self.config.finetune
        tags = {
            tag
            for sentences in self.task.splits.values()
            for sentence in sentences
            for tag in self._bioes(sentence.tags)
        }
        return TaggerConfig(
            task=self.task.name,
            encoder=encoder,
            class_names=tuple(sorted(tags)),
            loss_reduction=settings.loss_reduction,
            max_seq_length=settings.max_seq_length,
            vocabulary=self.tokenizer.fingerprint,
        )

    def _spans(self, tags):
        return spans_of_tags(tags, self.config.tagging.span_rule)

    def _bioes(self, tags):
        return bioes_tags(self._spans(tags), len(tags))

    def encode(self, split):
        sentences = self.task.splits[split]
        inputs = encode_sentences(
            self.tokenizer,
            [sentence.words for sentence in sentences],
            self.model.max_seq_length,
            self.config.tagging.legacy_inputs,
        )
        numbers = {tag: i for i, tag in enumerate(self.model.class_names)}
        labels = [
            np.array([numbers[tag] for tag in self._bioes(sentence.tags)], np.int32)
            for sentence in sentences
        ]
        cut = [
            row[: len(each.positions)] for row, each in zip(labels, inputs, strict=True)
        ]
        return TaggedExamples(inputs, cut)

    def outputs(self, network, features):
        return {"logits": network(features, training=False)}

    def predictions(self, split, outputs):
        """A list of tags for each sentence; "O" for words behind the cut."""
        names, predicted = self.model.class_names, []
        rows = zip(
            self.task.splits[split], self.examples[split].inputs, outputs, strict=True
        )
        for sentence, each, row in rows:
            count = len(each.positions)
            numbers = row["logits"][:count].argmax(axis=-1)
            tags = [names[number] for number in numbers]
            predicted.append(tags + ["O"] * (len(sentence.words) - count))
        return predicted

    def scores(self, split, predictions):
        """Scores over all words. Words after the end of the input count as missed."""
        sentences = self.task.splits[split]
        gold = [self._spans(sentence.tags) for sentence in sentences]
        scores = span_scores(gold, [self._spans(tags) for tags in predictions])
        right = sum(
            a == b
            for sentence, tags in zip(sentences, predictions, strict=True)
            for a, b in zip(self._bioes(sentence.tags), tags, strict=True)
        )
        words = sum(len(sentence.words) for sentence in sentences)
        scores = {name: value / 100 for name, value in scores.items()}
        return {**scores, "accuracy": right / words}

    def write(self, folder, predictions):
        """`dev.txt`: word, true tag and predicted tag, as `conlleval` reads them."""
        folder, paths = Path(folder), {}
        folder.mkdir(parents=True, exist_ok=True)
        for split, all_tags in predictions.items():
            blocks = []
            for sentence, tags in zip(self.task.splits[split], all_tags, strict=True):
                gold = self._bioes(sentence.tags)
                rows = zip(sentence.words, gold, tags, strict=True)
                blocks.append("".join(f"{word} {a} {b}\n" for word, a, b in rows))
            paths[split] = folder / f"{split}.txt"
            with atomic_files.replacing(paths[split]) as temporary:
                text = "\n".join(blocks)
                temporary.write_text(text, encoding="utf-8", newline="\n")
        return paths
