"""Keras models from trained weights of any of the formats in `formats`."""

from pathlib import Path

from tf_pretrain.data import tokenization
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.interchange.formats import read
from tf_pretrain.interchange.pretrained import (
    InterchangeError,
    describe_missing,
)
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.training.trainer import Trainer


def load_pretrainer(path, initialize_missing=False) -> Trainer:
    """Generator and discriminator, or encoder with its heads, ready to `compile`.

    Args:
        path: A pretraining workdir, an original TF1 checkpoint, a Hugging Face folder
            or a keras-hub preset; the kind is found by looking.
        initialize_missing: Start what the source lacks (heads, ELECTRA's generator)
            at fresh values instead of refusing.

    Raises:
        InterchangeError: If it cannot be read, or lacks weights.
        CheckpointError: If a workdir holds no readable checkpoint.
    """
    return Trainer(read(path).build(initialize_missing))


def load_encoder(path) -> Encoder:
    """The encoder that is kept after pretraining: ELECTRA's discriminator, say.

    Heads and a generator may be missing. A fine-tuning workdir gives the encoder of
    its classifier. Arguments and errors otherwise as for `load_pretrainer`.
    """
    if finetuning_workdir.is_finetuned(path):
        return finetuning_workdir.load_classifier(path).classifier.encoder
    return _encoder(read(path))


def load_encoder_and_tokenizer(path) -> tuple[Encoder, Tokenizer]:
    """Both, read once; prints what had to be assumed of them.

    Raises:
        UserError: As `load_encoder` and `load_tokenizer`.
    """
    if finetuning_workdir.is_finetuned(path):
        tuned = finetuning_workdir.load_classifier(path)
        return tuned.classifier.encoder, tuned.tokenizer
    pretrained = read(path)
    tokenizer = _tokenizer(pretrained, path)
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
    """The tokenizer of a vocabulary file, or the one beside trained weights.

    Args:
        path: `vocab.txt`, a SentencePiece model, or a path as for `load_pretrainer`.
        lower_case, strip_accents: For a vocabulary file, which does not say.

    Raises:
        VocabularyError: If there is none, or it cannot be used.
    """
    if Path(path).is_file() or tokenization.is_tokenizer_folder(path):
        return tokenization.load_tokenizer(path, lower_case, strip_accents)
    return _tokenizer(read(path), path)


def _tokenizer(pretrained, path):
    if pretrained.tokenizer is None:
        reasons = "".join(f"; {note}" for note in pretrained.notes)
        raise tokenization.VocabularyError(
            f"{path} has no vocabulary beside it{reasons}"
        )
    return pretrained.tokenizer
