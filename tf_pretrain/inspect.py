"""Shows what a pretrained model does with a sentence.

    python -m tf_pretrain.inspect --checkpoint=runs/quickstart "Returns a new array."
    python -m tf_pretrain.inspect --checkpoint=PATH "Returns a new [MASK]."
    python -m tf_pretrain.inspect --checkpoint=PATH "First sentence." "Second sentence."

The command fills masked words, marks words that look replaced, and scores the order of
two sentences, if the model has the heads for it. PATH is a pretraining workdir, an
original TF1 checkpoint, a Hugging Face folder or a keras-hub preset.
"""

from absl import flags

from tf_pretrain import commands
from tf_pretrain.errors import UserError

FLAGS = flags.FlagValues()
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint",
    None,
    "A pretrained model.",
    required=True,
    flag_values=FLAGS,
)
_SEED = flags.DEFINE_integer(
    "seed",
    0,
    "Which words are masked, and what is drawn for them.",
    lower_bound=0,
    flag_values=FLAGS,
)
_IMAGE = flags.DEFINE_string(
    "image",
    None,
    "Also draw it: a new PNG file.",
    flag_values=FLAGS,
)


def _main(*sentences):
    if not sentences:
        raise UserError('give a sentence in quotation marks: "Returns a [MASK]."')
    # TensorFlow takes seconds to import: wrong flags are reported before.
    from rich.console import Console

    from tf_pretrain.inspection import picture
    from tf_pretrain.inspection.inspector import inspect_text

    found = inspect_text(_CHECKPOINT.value, *sentences, seed=_SEED.value)
    Console().print(found)
    if _IMAGE.value:
        picture.save(found.masked or found.written, found.source, _IMAGE.value)
        print(f"\nwritten to {_IMAGE.value}")


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv, takes_arguments=True)


if __name__ == "__main__":
    main()
