"""Writes text with one sentence a line, as ALBERT and BERT need it.

python -m tf_pretrain.split_sentences --input='text/*.txt' --output=sentences \
    --language=de
"""

import os

from absl import app, flags

from tf_pretrain.data import sentences
from tf_pretrain.errors import UserError

_INPUT = flags.DEFINE_string(
    "input", None, "Text: globs, tfds:NAME[/CONFIG][:SPLIT] or docs, with commas."
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the files of sentences.")
_LANGUAGE = flags.DEFINE_string(
    "language", None, "ISO 639 code of the text's language: en, de, zh, ..."
)
_ENCODING = flags.DEFINE_string(
    "encoding", "utf-8", "Of files that do not show theirs by a byte-order mark."
)
_ERRORS = flags.DEFINE_enum(
    "errors", "strict", ["strict", "replace"], "replace reads bad bytes as U+FFFD."
)
_WORKERS = flags.DEFINE_integer(
    "num_workers", os.cpu_count(), "Processes; each splits a file at a time.", 1
)


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    try:
        counts = sentences.split_sentences(
            _INPUT.value,
            _OUTPUT.value,
            _LANGUAGE.value,
            _ENCODING.value,
            _ERRORS.value,
            _WORKERS.value,
        )
    except (UserError, OSError, LookupError) as error:
        raise SystemExit(f"error: {error}") from None
    print(
        f"{counts['files']} files, {counts['documents']} documents, "
        f"{counts['lines']} lines: {counts['sentences']} sentences in {_OUTPUT.value}"
    )


def run():
    """The command, from the shell or as a console script."""
    flags.mark_flags_as_required(["input", "output", "language"])
    app.run(main)


if __name__ == "__main__":
    run()
