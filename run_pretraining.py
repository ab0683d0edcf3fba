"""Pretrains an ELECTRA, ALBERT or BERT encoder from raw text or TFRecords.

    python run_pretraining.py                          # the quickstart, nothing to set
    python run_pretraining.py --config=configs/electra_small.py --input='text/*.txt'

The same command continues a run that was stopped.
"""

import os
from pathlib import Path

# Before TensorFlow is imported: its start-up notices would bury ours.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags

from tf_pretrain import config_flags
from tf_pretrain.config import UserError

_INPUT = flags.DEFINE_string(
    "input",
    "docs",
    "Text: comma-separated globs of .txt and .txt.gz, tfds:NAME[/CONFIG][:SPLIT], or "
    "docs (the documentation of the installed Python packages).",
)
_RECORDS = flags.DEFINE_string(
    "records", None, "Globs of TFRecords to train on, instead of --input."
)
_EVAL_RECORDS = flags.DEFINE_string(
    "eval_records",
    None,
    "Globs of held-out TFRecords; default: heldout-*.tfrecord beside the records.",
)
_VOCAB = flags.DEFINE_string(
    "vocab",
    None,
    "vocab.txt, a SentencePiece .model or a folder with one; default: train one.",
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder for results; default: runs/ and the config file's name."
)
_NUM_WORKERS = flags.DEFINE_integer(
    "num_workers", os.cpu_count(), "Processes that build records.", lower_bound=1
)
_DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Print config, sizes, FLOPs and memory, and stop."
)


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unexpected arguments: {argv[1:]}")
    try:
        config = config_flags.config_from_flags()
        if _DRY_RUN.value:
            from tf_pretrain.models.summary import describe

            print(describe(config))
            return
        # TensorFlow takes seconds to import: wrong flags are reported before.
        from tf_pretrain.training.pretrain import Sources, pretrain, report

        sources = Sources(
            inputs=_INPUT.value,
            records=_RECORDS.value,
            eval_records=_EVAL_RECORDS.value,
            vocab=_VOCAB.value,
            num_workers=_NUM_WORKERS.value,
        )
        workdir = _WORKDIR.value or Path("runs") / Path(config_flags.CONFIG.value).stem
        print(report(pretrain(config, workdir, sources), workdir))
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    app.run(main, flags_parser=config_flags.parse_flags)
