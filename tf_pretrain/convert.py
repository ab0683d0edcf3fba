"""Converts trained weights between formats.

    python -m tf_pretrain.convert --input=PATH --output=DIR --to=huggingface

PATH is a pretraining workdir, an original TF1 checkpoint, a Hugging Face folder or a
keras-hub preset; the format is detected. `--to` is keras (our own format, which
run_pretraining.py and run_finetuning.py read), huggingface, tf1 or keras_hub. PATH may
also be a fine-tuning workdir, TF1 checkpoint or Hugging Face folder with a head for
questions, multiple choice or tags.

    python -m tf_pretrain.convert --input=BERT --output=DIR --as_electra

makes an ELECTRA of a BERT, for pretraining that goes on with replaced token detection.
"""

from pathlib import Path

from absl import flags

from tf_pretrain import commands

FLAGS = flags.FlagValues()
_INPUT = flags.DEFINE_string(
    "input",
    None,
    "Trained weights.",
    required=True,
    flag_values=FLAGS,
)
_GENERATOR = flags.DEFINE_string(
    "generator",
    None,
    "ELECTRA's generator, where it is not part of --input.",
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
    "keras",
    ["keras", "huggingface", "tf1", "keras_hub"],
    "Format of --output.",
    flag_values=FLAGS,
)
_AS_ELECTRA = flags.DEFINE_bool(
    "as_electra",
    False,
    "--input is a masked language model, say BERT: its encoder becomes an ELECTRA's "
    "discriminator, and --generator, another BERT or the same one, its generator.",
    flag_values=FLAGS,
)


def _main():
    # Importing TensorFlow takes seconds, so wrong flags are reported first.
    from tf_pretrain.interchange.formats import convert

    pretrained = convert(
        _INPUT.value,
        _OUTPUT.value,
        _TO.value,
        _GENERATOR.value,
        as_electra=_AS_ELECTRA.value,
    )
    print(pretrained.report())
    files = sorted(p for p in Path(_OUTPUT.value).rglob("*") if p.is_file())
    print(f"written to {_OUTPUT.value}:")
    for path in files:
        print(f"  {path.relative_to(_OUTPUT.value)}  {path.stat().st_size:,} bytes")


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
