"""A task that is prepared for an encoder: what a trial trains on, predicts and scores.

`trial` and `finetune` use a task only through `Problem`. There is one class for each
kind: texts with labels, questions about texts, multiple choice, tags of words.
"""

import dataclasses
import functools

from tf_pretrain.config import FinetuneConfig
from tf_pretrain.errors import ConfigError
from tf_pretrain.tasks import examples as examples_lib
from tf_pretrain.tasks import plots


class Problem:
    """Base class of all kinds of tasks.

    Args:
        task: A task of the kind's class. All of these classes have `name`, `metrics`,
            `splits`, `scored_splits`, `notes`, `describe()` and `data_sha256()`.
        config: Its FinetuneConfig.
        encoder_config: EncoderConfig of the encoder that it starts from.
        tokenizer: The encoder's.

    Attributes:
        model: What describes the network, see interchange/finetuned_networks.py.

    Raises:
        ConfigError: If encoder, vocabulary and config do not fit.
    """

    def __init__(self, task, config: FinetuneConfig, encoder_config, tokenizer):
        check_fit(config.finetune, encoder_config, tokenizer)
        self.task, self.config, self.tokenizer = task, config, tokenizer
        settings = config.finetune
        encoder = dataclasses.replace(
            encoder_config,
            hidden_dropout_prob=settings.encoder_dropout,
            attention_probs_dropout_prob=settings.encoder_dropout,
        )
        self.model = self.describe_network(encoder)

    def describe_network(self, encoder):
        """The network on an encoder of this EncoderConfig."""
        raise NotImplementedError

    @functools.cached_property
    def examples(self) -> dict:
        """{split: examples from which batches are made}, see `examples.Examples`."""
        return {name: self.encode(name) for name in self.task.splits}

    def encode(self, split):
        """The examples of a split."""
        raise NotImplementedError

    @property
    def num_training_examples(self) -> int:
        """The size of an epoch. ALBERT's program counts questions, not inputs."""
        return len(self.examples["train"])

    def describe_examples(self) -> str:
        """Lengths, truncation and the share of unknown pieces, for display."""
        length = self.config.finetune.max_seq_length
        return examples_lib.describe(self.examples, self.tokenizer, length)

    def outputs(self, network, features) -> dict:
        """The network's outputs for a batch: {name: tensor [B, ...]}."""
        raise NotImplementedError

    def predictions(self, split, outputs):
        """The predictions of a split.

        Args:
            outputs: For each example {name: array}.
        """
        raise NotImplementedError

    def scores(self, split, predictions) -> dict[str, float]:
        """{metric: value} of a labelled split."""
        raise NotImplementedError

    def write(self, folder, predictions) -> dict:
        """Writes {split: predictions} into a folder; returns {split: path}."""
        raise NotImplementedError

    def plot(self, workdir, results) -> None:
        """Draws the contents of `results.json` and the predictions."""
        plots.plot_history(workdir, self.task, results)


def check_fit(settings, encoder_config, tokenizer) -> None:
    """Raises ConfigError unless encoder, vocabulary and settings fit."""
    if tokenizer.vocab_size > encoder_config.vocab_size:
        raise ConfigError(
            f"the vocabulary has {tokenizer.vocab_size} pieces, but the encoder "
            f"{encoder_config.vocab_size}: it belongs to another checkpoint"
        )
    if settings.max_seq_length > encoder_config.max_position_embeddings:
        raise ConfigError(
            f"finetune.max_seq_length is {settings.max_seq_length}, but the encoder "
            f"has {encoder_config.max_position_embeddings} positions; set --config."
            f"finetune.max_seq_length={encoder_config.max_position_embeddings}"
        )
    if settings.layerwise_decay < 1 and encoder_config.parameter_sharing != "none":
        raise ConfigError(
            "finetune.layerwise_decay needs layers with their own weights, but the "
            f"encoder shares {encoder_config.parameter_sharing!r}; set --config."
            "finetune.layerwise_decay=1, or take --config=configs/finetune_albert.py"
        )
    if settings.layerwise_decay < 1 and encoder_config.inner_group_num > 1:
        raise ConfigError(
            "finetune.layerwise_decay needs layers of one block, but the encoder's "
            f"have {encoder_config.inner_group_num}; set --config.finetune."
            "layerwise_decay=1"
        )
