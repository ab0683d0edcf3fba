"""Questions with options, prepared for an encoder."""

from pathlib import Path

import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange.finetuned_networks import MultipleChoiceConfig
from tf_pretrain.models.classifier import check_head
from tf_pretrain.tasks.multiple_choice import codec
from tf_pretrain.tasks.problem import Problem

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


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
        return codec.encode(self.task.splits[split], self.model, self.tokenizer)

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
