"""Shows what a pretrained model makes of a sentence.

    python -m tf_pretrain.inspect --checkpoint=runs/quickstart "Returns a new array."
    python -m tf_pretrain.inspect --checkpoint=PATH "Returns a new [MASK]."
    python -m tf_pretrain.inspect --checkpoint=PATH "First sentence." "Second sentence."

Masked words are filled in, words that look replaced are marked, and the order of two
sentences is scored, as far as the model has the heads for it. PATH is a pretraining
workdir, an original TF1 checkpoint, a Hugging Face folder or a keras-hub preset.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags

from tf_pretrain.errors import UserError

_CHECKPOINT = flags.DEFINE_string(
    "checkpoint", None, "A pretrained model.", required=True
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Which words are masked, and what is drawn for them.", lower_bound=0
)
_IMAGE = flags.DEFINE_string("image", None, "Also draw it: a new PNG file.")


def main(argv):
    if len(argv) < 2:
        raise app.UsageError('give a sentence in quotation marks: "Returns a [MASK]."')
    try:
        _show(argv[1:])
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None


def _show(sentences):
    # TensorFlow takes seconds to import: wrong flags are reported before.
    from rich.console import Console

    from tf_pretrain.inspection import picture
    from tf_pretrain.inspection.inspector import inspect_text

    found = inspect_text(_CHECKPOINT.value, *sentences, seed=_SEED.value)
    Console().print(found)
    if _IMAGE.value:
        picture.save(found.masked or found.written, found.source, _IMAGE.value)
        print(f"\nwritten to {_IMAGE.value}")


def run():
    """The command, from the shell or as a console script."""
    app.run(main)


if __name__ == "__main__":
    run()
