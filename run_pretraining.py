"""Pretrains an ELECTRA, ALBERT or BERT encoder from raw text or TFRecords.

    python run_pretraining.py                          # the quickstart, nothing to set
    python run_pretraining.py --config=configs/electra_small.py --input='text/*.txt'
    python run_pretraining.py --init_checkpoint=PATH --input='medical/*.txt'

The same command continues a run that was stopped.
"""

import functools
import os
from pathlib import Path

from absl import flags

from tf_pretrain import commands
from tf_pretrain.config.flags import ConfigFlags
from tf_pretrain.errors import UserError
from tf_pretrain.keras_backend import check_keras_backend

FLAGS = flags.FlagValues()
_CONFIG = ConfigFlags(FLAGS, default="quickstart")
_INPUT = flags.DEFINE_string(
    "input",
    "docs",
    "Text: comma-separated globs of .txt and .txt.gz, tfds:NAME[/CONFIG][:SPLIT], or "
    "docs (the documentation of the installed Python packages).",
    flag_values=FLAGS,
)
_RECORDS = flags.DEFINE_string(
    "records",
    None,
    "Globs of TFRecords to train on, instead of --input.",
    flag_values=FLAGS,
)
_EVAL_RECORDS = flags.DEFINE_string(
    "eval_records",
    None,
    "Globs of held-out TFRecords; default: heldout-*.tfrecord beside the records.",
    flag_values=FLAGS,
)
_VOCAB = flags.DEFINE_string(
    "vocab",
    None,
    "vocab.txt, a SentencePiece .model or the folder of either; default: train one.",
    flag_values=FLAGS,
)
_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Folder for results; default: runs/ and the config file's name.",
    flag_values=FLAGS,
)
_NUM_WORKERS = flags.DEFINE_integer(
    "num_workers",
    os.cpu_count(),
    "Processes that build records.",
    lower_bound=1,
    flag_values=FLAGS,
)
_INIT_CHECKPOINT = flags.DEFINE_string(
    "init_checkpoint",
    None,
    "Trained weights to start from: a workdir, TF1 checkpoint, Hugging Face folder or "
    "keras-hub preset. The model's sizes are taken from it.",
    flag_values=FLAGS,
)
_INITIALIZE_MISSING = flags.DEFINE_bool(
    "initialize_missing",
    False,
    "Start what --init_checkpoint lacks (heads, a generator) at fresh values.",
    flag_values=FLAGS,
)
_RESTORE_OPTIMIZER = flags.DEFINE_bool(
    "restore_optimizer",
    False,
    "Take optimizer moments and step from --init_checkpoint too.",
    flag_values=FLAGS,
)
_DRY_RUN = flags.DEFINE_bool(
    "dry_run",
    False,
    "Print config, sizes, FLOPs and memory, and stop.",
    flag_values=FLAGS,
)


def _vocabulary_of(initial):
    """The tokenizer of the weights to start from; a new one would not fit them."""
    if initial.tokenizer is None:
        raise UserError(
            f"{initial.source} has no vocabulary beside it that can be used; give "
            "--vocab"
        )
    return initial.tokenizer


def _main():
    check_keras_backend()
    initial, sections = None, None
    for flag in (_INITIALIZE_MISSING, _RESTORE_OPTIMIZER):
        if flag.value and not _INIT_CHECKPOINT.value:
            raise UserError(f"--{flag.name} needs --init_checkpoint")
    if _INIT_CHECKPOINT.value:
        from tf_pretrain.interchange import loading

        initial = loading.read(_INIT_CHECKPOINT.value)
        print(initial.report(), flush=True)
        sections = loading.sections_from_weights(initial)
    config = _CONFIG.read(sections)
    if _DRY_RUN.value:
        from tf_pretrain.models.summary import describe

        print(describe(config))
        return
    # TensorFlow takes seconds to import: wrong flags are reported before.
    from tf_pretrain.inspection.heldout import show as show_example
    from tf_pretrain.runs.data import Sources
    from tf_pretrain.runs.pretrain import pretrain
    from tf_pretrain.runs.workdir import report

    sources = Sources(
        inputs=_INPUT.value,
        records=_RECORDS.value,
        eval_records=_EVAL_RECORDS.value,
        vocab=_VOCAB.value or (initial and _vocabulary_of(initial)),
        num_workers=_NUM_WORKERS.value,
    )
    workdir = _WORKDIR.value or Path("runs") / Path(_CONFIG.file).stem
    initialize = None
    if initial is not None:
        initialize = functools.partial(
            loading.initialize,
            pretrained=initial,
            config=config,
            initialize_missing=_INITIALIZE_MISSING.value,
            restore_optimizer=_RESTORE_OPTIMIZER.value,
        )
    print(report(pretrain(config, workdir, sources, initialize), workdir))
    show_example(workdir)


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
