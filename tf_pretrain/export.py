"""Exports a trained model for serving.

    python -m tf_pretrain.export --checkpoint=PATH --output=DIR/1 --to=saved_model

PATH is a fine-tuning workdir (strings in, class names and probabilities out) or a
pretrained model (strings in, embeddings out): a pretraining workdir, an original TF1
checkpoint, a Hugging Face folder or a keras-hub preset. TensorFlow Serving wants the
version number as the last part of DIR.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags

from tf_pretrain.config import UserError

_CHECKPOINT = flags.DEFINE_string(
    "checkpoint", None, "Fine-tuning workdir or pretrained model.", required=True
)
_OUTPUT = flags.DEFINE_string("output", None, "New folder.", required=True)
_TO = flags.DEFINE_enum("to", "saved_model", ["saved_model"], "Format of --output.")
_MAX_SEQ_LENGTH = flags.DEFINE_integer(
    "max_seq_length",
    None,
    "Most pieces of a text or pair, special tokens included; default: as in "
    "fine-tuning, or all positions of a pretrained encoder.",
    lower_bound=5,
)


def export(checkpoint, output, max_seq_length: int | None = None):
    """Writes a SavedModel with the signature "serving_default".

    Args:
        checkpoint, max_seq_length: As the flags.
        output: Folder that is made; it appears whole or not at all.

    Returns:
        The serving.EncoderModel or serving.ClassifierModel that was written.

    Raises:
        UserError: If the checkpoint cannot be read, has no vocabulary, or has fewer
            positions than `max_seq_length`.
    """
    from tf_pretrain import serving
    from tf_pretrain.data import atomic_files
    from tf_pretrain.interchange import finetuned, loading

    if finetuned.is_finetuned(checkpoint):
        tuned = finetuned.load_classifier(checkpoint)
        length = max_seq_length or tuned.model.max_seq_length
        _check_length(length, tuned.classifier.encoder)
        model = serving.ClassifierModel(
            tuned.classifier,
            tuned.tokenizer,
            length,
            tuned.model.class_names,
            tuned.model.is_pair,
            tuned.model.target_scale,
        )
    else:
        encoder = loading.load_encoder(checkpoint)
        length = max_seq_length or encoder.config.max_position_embeddings
        _check_length(length, encoder)
        tokenizer = loading.load_tokenizer(checkpoint)
        model = serving.EncoderModel(encoder, tokenizer, length)
    with atomic_files.new_folder(output) as folder:
        serving.save(model, folder)
    return model


def _check_length(length, encoder):
    positions = encoder.config.max_position_embeddings
    if length > positions:
        raise UserError(
            f"max_seq_length is {length}, but the encoder has {positions} positions"
        )


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    try:
        model = export(_CHECKPOINT.value, _OUTPUT.value, _MAX_SEQ_LENGTH.value)
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    print(f"written to {_OUTPUT.value}; it takes {', '.join(model.inputs)}")


if __name__ == "__main__":
    app.run(main)
