"""Builds TFRecord shards from text.

python -m tf_pretrain.build_records --input='text/*.txt' --vocab=vocab.txt \
    --output=records --config=configs/quickstart.py --num_workers=4

The same on Apache Beam, whose options come after `--` (see docs/scale.md):

python -m tf_pretrain.build_records --engine=beam --runner=FlinkRunner \
    --input='s3://bucket/text/*.txt' --vocab=vocab.txt --output=s3://bucket/records \
    --config=configs/quickstart.py -- --flink_master=localhost:8081
"""

import concurrent.futures
import functools
import logging
import multiprocessing
import os

from absl import flags

from tf_pretrain import commands
from tf_pretrain.config.flags import ConfigFlags
from tf_pretrain.data import build_records
from tf_pretrain.errors import ConfigError

FLAGS = flags.FlagValues()
_CONFIG = ConfigFlags(FLAGS, default="quickstart")
_INPUT = flags.DEFINE_string(
    "input",
    None,
    "Text: globs, tfds:NAME[/CONFIG][:SPLIT] or docs, with commas.",
    required=True,
    flag_values=FLAGS,
)
_VOCAB = flags.DEFINE_string(
    "vocab",
    None,
    "vocab.txt, a SentencePiece model or a tokenizer folder; if omitted, a vocabulary "
    "of model.vocab_size pieces is trained on the text.",
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Folder for the records and their tokenizer.",
    required=True,
    flag_values=FLAGS,
)
_WORKERS = flags.DEFINE_integer(
    "num_workers",
    os.cpu_count(),
    "Processes; the bytes do not depend on it.",
    1,
    flag_values=FLAGS,
)
_ENGINE = flags.DEFINE_enum(
    "engine",
    "local",
    ["local", "beam"],
    "Runs the workers: processes of this machine, or Apache Beam. The bytes are equal.",
    flag_values=FLAGS,
)
_RUNNER = flags.DEFINE_string(
    "runner",
    "DirectRunner",
    "Runner of --engine=beam. Its options follow after --.",
    flag_values=FLAGS,
)


def _main(*arguments):
    config = _CONFIG.read()
    engine = _engine(arguments)
    # In its own process, so that its memory is freed before records are built.
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


def _engine(arguments):
    """The function that builds all tasks; None for the processes of this machine."""
    if _ENGINE.value == "local":
        if arguments:
            raise ConfigError(f"unexpected arguments: {' '.join(arguments)}")
        return None
    from tf_pretrain.data import beam_engine  # optional, and takes seconds to import

    logging.basicConfig(level=logging.INFO)  # the runner reports the progress there
    return functools.partial(beam_engine.run, [f"--runner={_RUNNER.value}", *arguments])


def _prepare_tokenizer(config, inputs, vocab, folder):
    from tf_pretrain.data import vocabulary  # imports tensorflow
    from tf_pretrain.interchange import vocabularies

    if vocab is not None:
        vocab = vocabularies.load_for_run(vocab, config.data)
    vocabulary.prepare_tokenizer(config, inputs, vocab, folder)


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv, takes_arguments=True)


if __name__ == "__main__":
    main()
