"""Loads Keras models from trained weights of any format."""

import dataclasses

from tf_pretrain.config import PretrainConfig
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.interchange import finetuning_workdir, vocabularies
from tf_pretrain.interchange.formats import read, read_encoder
from tf_pretrain.interchange.pretrained import (
    TOKEN_COUNTS,
    InterchangeError,
    Pretrained,
    describe_missing,
)
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.training.trainer import Trainer

# Fields of ObjectiveConfig that the weights determine. The run sets the others.
_GENERATOR_FIELDS = ("generator_hidden_size", "generator_layers", "weight_tying")


def load_pretrainer(path, initialize_missing=False) -> Trainer:
    """Loads a model for more pretraining, ready to `compile`.

    It has a generator and a discriminator, or an encoder with its heads.

    Args:
        path: A pretraining workdir, an original TF1 checkpoint, a Hugging Face folder
            or a keras-hub preset. The format is detected.
        initialize_missing: Whether parts that the source lacks (heads, ELECTRA's
            generator) get new random weights instead of an error.

    Raises:
        InterchangeError: If it cannot be read, or lacks weights.
        CheckpointError: If a workdir holds no readable checkpoint.
    """
    return Trainer(read(path).build(initialize_missing))


def load_encoder(path) -> Encoder:
    """Loads the encoder that is kept after pretraining, for example the discriminator.

    Heads and a generator may be missing. From a fine-tuning workdir it loads the
    encoder of the classifier. Otherwise the argument and the errors are those of
    `load_pretrainer`.
    """
    if finetuning_workdir.is_finetuned(path):
        return finetuning_workdir.load_finetuned(path).network.encoder
    return _encoder(read_encoder(path))


def load_encoder_and_tokenizer(path) -> tuple[Encoder, Tokenizer]:
    """Loads both at once, and prints what had to be assumed.

    Raises:
        UserError: As for `load_encoder` and `load_tokenizer`.
    """
    if finetuning_workdir.is_finetuned(path):
        tuned = finetuning_workdir.load_finetuned(path)
        return tuned.network.encoder, tuned.tokenizer
    pretrained = read_encoder(path)
    tokenizer = vocabularies.usable(pretrained.tokenizer, path, pretrained.notes)
    for note in pretrained.notes:
        print(f"{pretrained.source}: {note}", flush=True)
    return _encoder(pretrained), tokenizer


def _encoder(pretrained):
    own = ("generator/", "masked_lm_head/", "replaced_token_head/", "sentence_head/")
    missing = [name for name in pretrained.missing() if not name.startswith(own)]
    if missing:
        raise InterchangeError(describe_missing(pretrained, missing))
    return pretrained.build(initialize_missing=True).encoder


def load_tokenizer(path, lower_case=True, strip_accents=True) -> Tokenizer:
    """Loads the tokenizer of a vocabulary file, or the one beside trained weights.

    Args:
        path: `vocab.txt`, a SentencePiece model, or a path as for `load_pretrainer`.
        lower_case, strip_accents: Used if no file beside the vocabulary says.

    Raises:
        VocabularyError: If there is none, or it cannot be used.
    """
    return vocabularies.load(path, lower_case, strip_accents)


def sections_from_weights(pretrained: Pretrained) -> dict:
    """The fields of a run's config that its initial weights determine.

    Returns:
        Nested dict: the whole `model`, and the fields of `objective` that the weights
            show.
    """
    objective = pretrained.config.objective
    fields = {"name": objective.name}
    if pretrained.has_generator or objective.weight_tying == "all":
        fields |= {name: getattr(objective, name) for name in _GENERATOR_FIELDS}
    if "sentence_head/dense/kernel" in pretrained.weights:
        fields["sentence_objective"] = objective.sentence_objective
    return {"model": dataclasses.asdict(pretrained.config.model), "objective": fields}


def check_fits(
    pretrained: Pretrained,
    config: PretrainConfig,
    initialize_missing: bool,
    restore_optimizer: bool,
) -> None:
    """Checks whether a new run of `config` can start from trained weights.

    Arguments are those of `initialize`, which checks it, too.

    Raises:
        InterchangeError: If weights or moments are missing, or do not fit `config`.
    """
    pretrained = dataclasses.replace(pretrained, config=config)
    pretrained.check()
    # A unigram generator counts the new run's text.
    missing = [path for path in pretrained.missing() if path != TOKEN_COUNTS]
    if missing and not initialize_missing:
        raise InterchangeError(describe_missing(pretrained, missing))
    if restore_optimizer and not pretrained.moments:
        raise InterchangeError(
            f"{pretrained.source} holds no optimizer moments; leave out "
            "--restore_optimizer"
        )


def initialize(
    trainer: Trainer,
    pretrained: Pretrained,
    config: PretrainConfig,
    initialize_missing: bool,
    restore_optimizer: bool,
) -> int:
    """Puts trained weights into the trainer of a new run.

    Args:
        trainer: Compiled, with the objective of `config`.
        restore_optimizer: Whether to restore the moments too and to continue at the
            step of the source. Otherwise the moments are zero and the schedule starts
            at 0.

    Returns:
        The step to start from.

    Raises:
        InterchangeError: If weights or moments are missing, or do not fit `config`.
    """
    check_fits(pretrained, config, initialize_missing, restore_optimizer)
    if restore_optimizer:
        _check_moments(pretrained, trainer.trainable_variables)
    for variable in trainer.network.trainable_variables:
        if variable.path in pretrained.weights:
            variable.assign(pretrained.weights[variable.path])
    if not restore_optimizer:
        return 0
    trainer.optimizer.set_moments(trainer.trainable_variables, pretrained.moments)
    trainer.optimizer.iterations.assign(pretrained.step)
    return pretrained.step


def _check_moments(pretrained, variables):
    lacking = [v.path for v in variables if v.path not in pretrained.moments["m"]]
    if lacking:
        raise InterchangeError(
            f"{pretrained.source} holds no optimizer moments of {lacking[0]} and "
            f"{len(lacking) - 1} more; leave out --restore_optimizer"
        )
