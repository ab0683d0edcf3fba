"""Builds TFRecord shards from text.

python -m tf_pretrain.build_records --input='text/*.txt' --vocab=vocab.txt \
    --output=records --config=configs/quickstart.py --num_workers=4
"""

import concurrent.futures
import multiprocessing
import os
from pathlib import Path

from absl import app, flags

from tf_pretrain import config_flags
from tf_pretrain.config import ConfigError
from tf_pretrain.data import build_records, text

_INPUT = flags.DEFINE_string(
    "input", None, "Text: globs, tfds:NAME[/CONFIG][:SPLIT] or docs, with commas."
)
_VOCAB = flags.DEFINE_string(
    "vocab",
    None,
    "vocab.txt, a SentencePiece model or a tokenizer folder; if omitted, a vocabulary "
    "of model.vocab_size pieces is trained on the text, into OUTPUT/tokenizer.",
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the records.")
_WORKERS = flags.DEFINE_integer(
    "num_workers", os.cpu_count(), "Processes; the bytes do not depend on it.", 1
)


def main(argv):
    if len(argv) > 1:
        raise SystemExit(f"error: unexpected argument {argv[1]!r}")
    try:
        config = config_flags.config_from_flags()
        build_records.build_records(
            _INPUT.value,
            _VOCAB.value or _trained_vocabulary(config),
            _OUTPUT.value,
            config.data,
            config.seed,
            _WORKERS.value,
        )
    except (ConfigError, build_records.BuildError, text.TextError, OSError) as error:
        raise SystemExit(f"error: {error}") from error


def _trained_vocabulary(config):
    """The tokenizer folder in the output folder; made if it is not there."""
    folder = Path(_OUTPUT.value, "tokenizer")
    if not (folder / "tokenizer.json").exists():
        build_records.print_line(f"training a vocabulary into {folder}")
        # In a process of its own, whose memory is free again when records are built.
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, spawn) as executor:
            executor.submit(_train_vocabulary, _INPUT.value, config, folder).result()
    return folder


def _train_vocabulary(inputs, config, folder):
    from tf_pretrain.data import vocabulary  # imports tensorflow; see `data`

    data = config.data
    vocabulary.train_vocabulary(
        text.iter_documents(inputs, data.errors),
        data.tokenizer,
        config.model.vocab_size,
        folder,
        data.lower_case,
        data.strip_accents,
        config.seed,
    )


if __name__ == "__main__":
    flags.mark_flags_as_required(["input", "output"])
    app.run(main, flags_parser=config_flags.parse_flags)
