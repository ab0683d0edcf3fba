"""Converts trained weights between formats.

    python -m tf_pretrain.convert --input=PATH --output=DIR --to=huggingface

PATH is a pretraining workdir, an original TF1 checkpoint, a Hugging Face folder or a
keras-hub preset; the format is detected. `--to` is keras (our own format, which
run_pretraining.py and run_finetuning.py read), huggingface, tf1 or keras_hub.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags

from tf_pretrain.errors import UserError

_INPUT = flags.DEFINE_string("input", None, "Trained weights.", required=True)
_GENERATOR = flags.DEFINE_string(
    "generator", None, "ELECTRA's generator, where it is not part of --input."
)
_OUTPUT = flags.DEFINE_string("output", None, "New folder.", required=True)
_TO = flags.DEFINE_enum(
    "to",
    "keras",
    ["keras", "huggingface", "tf1", "keras_hub"],
    "Format of --output.",
)


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    # Importing TensorFlow takes seconds, so wrong flags are reported first.
    from tf_pretrain.interchange.formats import convert

    try:
        pretrained = convert(_INPUT.value, _OUTPUT.value, _TO.value, _GENERATOR.value)
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    print(pretrained.report())
    files = sorted(p for p in Path(_OUTPUT.value).rglob("*") if p.is_file())
    print(f"written to {_OUTPUT.value}:")
    for path in files:
        print(f"  {path.relative_to(_OUTPUT.value)}  {path.stat().st_size:,} bytes")


def run():
    """The command, from the shell or as a console script."""
    app.run(main)


if __name__ == "__main__":
    run()
