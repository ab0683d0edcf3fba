"""The network that a fine-tuning puts on an encoder, and whether the two fit."""

import dataclasses

from tf_pretrain.config import EncoderConfig, FinetuneConfig
from tf_pretrain.data.text_features import check_room
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange.finetuning_workdir import ClassifierConfig
from tf_pretrain.models.classifier import check_head
from tf_pretrain.tasks.task import Task


def describe_model(
    task: Task, config: FinetuneConfig, encoder_config: EncoderConfig, tokenizer
) -> ClassifierConfig:
    """The network that `config` puts on an encoder.

    Raises:
        ConfigError: If encoder, vocabulary and config do not fit.
    """
    settings = config.finetune
    _check_fit(task, settings, encoder_config, tokenizer)
    return ClassifierConfig(
        task=task.name,
        encoder=dataclasses.replace(
            encoder_config,
            hidden_dropout_prob=settings.encoder_dropout,
            attention_probs_dropout_prob=settings.encoder_dropout,
        ),
        num_outputs=task.num_outputs,
        head=settings.head,
        loss_reduction=settings.loss_reduction,
        dropout=settings.classifier_dropout,
        class_names=task.class_names,
        target_scale=task.target_scale if settings.scale_targets else 1.0,
        is_pair=task.is_pair,
        max_seq_length=settings.max_seq_length,
        vocabulary=tokenizer.fingerprint,
    )


def _check_fit(task, settings, encoder_config, tokenizer):
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
    check_room(settings.max_seq_length, 1 + task.is_pair)
    check_head(settings.head, encoder_config)
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
