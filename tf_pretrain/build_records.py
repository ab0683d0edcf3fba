"""Builds TFRecord shards from text.

python -m tf_pretrain.build_records --input='text/*.txt' --vocab=vocab.txt \
    --output=records --config=configs/quickstart.py --num_workers=4

The same on Apache Beam, whose options come after `--` (docs/scale.md):

python -m tf_pretrain.build_records --engine=beam --runner=FlinkRunner \
    --input='s3://bucket/text/*.txt' --vocab=vocab.txt --output=s3://bucket/records \
    --config=configs/quickstart.py -- --flink_master=localhost:8081
"""

import concurrent.futures
import functools
import multiprocessing
import os

from absl import app, flags

from tf_pretrain.config import flags as config_flags
from tf_pretrain.data import build_records
from tf_pretrain.errors import UserError

_INPUT = flags.DEFINE_string(
    "input", None, "Text: globs, tfds:NAME[/CONFIG][:SPLIT] or docs, with commas."
)
_VOCAB = flags.DEFINE_string(
    "vocab",
    None,
    "vocab.txt, a SentencePiece model or a tokenizer folder; if omitted, a vocabulary "
    "of model.vocab_size pieces is trained on the text.",
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the records and their tokenizer."
)
_WORKERS = flags.DEFINE_integer(
    "num_workers", os.cpu_count(), "Processes; the bytes do not depend on it.", 1
)


_ENGINE = flags.DEFINE_enum(
    "engine", "local", ["local", "beam"], "What runs the workers; the bytes are equal."
)
_RUNNER = flags.DEFINE_string(
    "runner", "DirectRunner", "Of --engine=beam; its options follow after --."
)


def main(argv):
    if len(argv) > 1 and _ENGINE.value == "local":
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    try:
        config = config_flags.config_from_flags()
        engine = None
        if _ENGINE.value == "beam":
            from tf_pretrain.data import beam_engine  # optional, and takes seconds

            arguments = [f"--runner={_RUNNER.value}", *argv[1:]]
            engine = functools.partial(beam_engine.run, arguments)
        # In a process of its own, whose memory is free again when records are built.
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, spawn) as executor:
            executor.submit(
                _prepare_tokenizer, config, _INPUT.value, _VOCAB.value, _OUTPUT.value
            ).result()
        build_records.build_records(
            _INPUT.value,
            _OUTPUT.value,
            _OUTPUT.value,
            config.data,
            config.seed,
            _WORKERS.value,
            engine=engine,
        )
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None


def _prepare_tokenizer(*arguments):
    from tf_pretrain.data import vocabulary  # imports tensorflow

    vocabulary.prepare_tokenizer(*arguments)


def run():
    """The command, from the shell or as a console script."""
    flags.mark_flags_as_required(["input", "output"])
    app.run(main, flags_parser=config_flags.parse_flags)


if __name__ == "__main__":
    run()
