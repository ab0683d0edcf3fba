"""Exports a trained model for serving.

    python -m tf_pretrain.export --checkpoint=PATH --output=DIR/1 --to=saved_model

PATH is a fine-tuning workdir of any kind of task (strings in; class names, answers,
choices or tags out) or a pretrained model (strings in, embeddings out): a pretraining
workdir, an original TF1 checkpoint, a Hugging Face folder or a keras-hub preset.
TensorFlow Serving wants the version number as the last part of DIR.
"""

from absl import flags

from tf_pretrain import commands

FLAGS = flags.FlagValues()
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint",
    None,
    "Fine-tuning workdir or pretrained model.",
    required=True,
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "New folder.",
    required=True,
    flag_values=FLAGS,
)
_TO = flags.DEFINE_enum(
    "to",
    "saved_model",
    ["saved_model"],
    "Format of --output.",
    flag_values=FLAGS,
)
_MAX_SEQ_LENGTH = flags.DEFINE_integer(
    "max_seq_length",
    None,
    "Most pieces of a text or pair, special tokens included; default: as in "
    "fine-tuning, or all positions of a pretrained encoder.",
    lower_bound=5,
    flag_values=FLAGS,
)


def _main():
    # TensorFlow takes seconds to import: wrong flags are reported before.
    from tf_pretrain.training.trainer import require_tensorflow

    require_tensorflow()
    from tf_pretrain.serving.saved_model import export

    model = export(_CHECKPOINT.value, _OUTPUT.value, _MAX_SEQ_LENGTH.value)
    print(f"written to {_OUTPUT.value}; it takes {', '.join(model.inputs)}")


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
