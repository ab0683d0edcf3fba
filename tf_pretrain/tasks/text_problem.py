"""Texts, or pairs of texts, with one label each: classes or scores."""

import numpy as np

from tf_pretrain.data.text_features import check_room
from tf_pretrain.interchange.finetuned_networks import ClassifierConfig
from tf_pretrain.models.classifier import check_head
from tf_pretrain.tasks import plots, predictions
from tf_pretrain.tasks.examples import encode_split
from tf_pretrain.tasks.problem import Problem
from tf_pretrain.tasks.task import Split
from tf_pretrain.training import metrics


class TextProblem(Problem):
    """The problem of a `Task`, as both papers fine-tune it on GLUE."""

    def describe_network(self, encoder):
        task, settings = self.task, self.config.finetune
        check_room(settings.max_seq_length, 1 + task.is_pair)
        check_head(settings.head, encoder)
        return ClassifierConfig(
            task=task.name,
            encoder=encoder,
            num_outputs=task.num_outputs,
            head=settings.head,
            loss_reduction=settings.loss_reduction,
            dropout=settings.classifier_dropout,
            class_names=task.class_names,
            target_scale=task.target_scale if settings.scale_targets else 1.0,
            is_pair=task.is_pair,
            max_seq_length=settings.max_seq_length,
            vocabulary=self.tokenizer.fingerprint,
        )

    def encode(self, split):
        settings, texts = self.config.finetune, self.task.splits[split]
        is_doubled = settings.double_unordered and self.task.is_unordered
        if split == "train" and is_doubled:
            texts = _with_swapped(texts)
        return encode_split(texts, self.tokenizer, settings.max_seq_length)

    def outputs(self, network, features):
        logits = network(features, training=False)
        if self.task.is_regression:
            return {"scores": network.scores(logits)}
        return {"logits": logits}

    def predictions(self, split, outputs):
        """Class numbers int [N], or scores float32 [N] in the scale of the labels."""
        if self.task.is_regression:
            return np.array([row["scores"] for row in outputs], np.float32)
        return np.stack([row["logits"] for row in outputs]).argmax(axis=1)

    def scores(self, split, predictions):
        labels = self.task.splits[split].labels
        return {
            name: metrics.METRICS[name](labels, predictions)
            for name in self.task.metrics
        }

    def write(self, folder, predictions_by_split):
        return predictions.write(folder, self.task, predictions_by_split)

    def plot(self, workdir, results):
        plots.plot_trials(workdir, self.task, results)


def _with_swapped(split):
    """The pairs, and once more with their texts swapped (ELECTRA's code)."""
    return Split(
        split.texts_a + split.texts_b,
        split.texts_b + split.texts_a,
        np.concatenate([split.labels, split.labels]),
    )
