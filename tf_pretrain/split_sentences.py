"""Writes text with one sentence a line, as ALBERT and BERT need it.

python -m tf_pretrain.split_sentences --input='text/*.txt' --output=sentences \
    --language=de
"""

import os

from absl import flags

from tf_pretrain import commands
from tf_pretrain.config.checks import require_encoding
from tf_pretrain.data import sentences

FLAGS = flags.FlagValues()
_INPUT = flags.DEFINE_string(
    "input",
    None,
    "Text: globs, tfds:NAME[/CONFIG][:SPLIT] or docs, with commas.",
    required=True,
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Folder for the files of sentences.",
    required=True,
    flag_values=FLAGS,
)
_LANGUAGE = flags.DEFINE_string(
    "language",
    None,
    "ISO 639 code of the text's language: en, de, zh, ...",
    required=True,
    flag_values=FLAGS,
)
_ENCODING = flags.DEFINE_string(
    "encoding",
    "utf-8",
    "Of files that do not show theirs by a byte-order mark.",
    flag_values=FLAGS,
)
_ERRORS = flags.DEFINE_enum(
    "errors",
    "strict",
    ["strict", "replace"],
    "replace reads bad bytes as U+FFFD.",
    flag_values=FLAGS,
)
_WORKERS = flags.DEFINE_integer(
    "num_workers",
    os.cpu_count(),
    "Processes; each splits a file at a time.",
    1,
    flag_values=FLAGS,
)


def _main():
    require_encoding("--encoding", _ENCODING.value)
    counts = sentences.split_sentences(
        _INPUT.value,
        _OUTPUT.value,
        _LANGUAGE.value,
        _ENCODING.value,
        _ERRORS.value,
        _WORKERS.value,
    )
    print(
        f"{counts['files']} files, {counts['documents']} documents, "
        f"{counts['lines']} lines: {counts['sentences']} sentences in {_OUTPUT.value}"
    )


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
