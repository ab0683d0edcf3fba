"""Fine-tunes a pretrained encoder on GLUE or on your own texts.

    python run_finetuning.py                           # a first run, nothing to set
    python run_finetuning.py --task=CoLA --data_dir=glue --init_checkpoint=PATH
    python run_finetuning.py --task=my_folder --init_checkpoint=PATH
    python run_finetuning.py --task=my.csv --text_column=Review --label_column=Stars

Trials that are finished are not run again by the same command.
"""

import difflib
from pathlib import Path

from absl import flags

from tf_pretrain import commands
from tf_pretrain.config.flags import ConfigFlags
from tf_pretrain.errors import UserError
from tf_pretrain.keras_backend import check_keras_backend

_QUICKSTART = "runs/quickstart"
FLAGS = flags.FlagValues()
_CONFIG = ConfigFlags(FLAGS)
_TASK = flags.DEFINE_string(
    "task",
    "docs",
    "A GLUE task (CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI, AX), all of "
    "them (all), your own folder or file of texts with labels (docs/own_tasks.md), or "
    "docs: which installed package a passage documents.",
    flag_values=FLAGS,
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Folder with GLUE's official folders; default: tensorflow-datasets.",
    flag_values=FLAGS,
)
_INIT_CHECKPOINT = flags.DEFINE_string(
    "init_checkpoint",
    None,
    "A pretrained encoder, or the workdir of an earlier fine-tuning; default: "
    f"{_QUICKSTART}, which run_pretraining.py makes.",
    flag_values=FLAGS,
)
_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Folder for results; default: runs/finetune- and the task.",
    flag_values=FLAGS,
)
_FROM_SCRATCH = flags.DEFINE_bool(
    "from_scratch",
    False,
    "Take only sizes and vocabulary from --init_checkpoint, and random weights.",
    flag_values=FLAGS,
)
_TEXT_COLUMN = flags.DEFINE_string(
    "text_column",
    None,
    "Your own task's column of texts: a name, or a number from 1.",
    flag_values=FLAGS,
)
_PAIR_COLUMN = flags.DEFINE_string(
    "pair_column",
    None,
    "The column of second texts, if your texts are pairs.",
    flag_values=FLAGS,
)
_LABEL_COLUMN = flags.DEFINE_string(
    "label_column",
    None,
    "The column of labels: class names, numbers or scores.",
    flag_values=FLAGS,
)
_ENCODING = flags.DEFINE_string(
    "encoding",
    "utf-8",
    "How your own task's files are encoded: latin-1, gb18030, ...",
    flag_values=FLAGS,
)


def _main():
    check_keras_backend()
    # Wrong flags are reported before TensorFlow is imported, which takes seconds.
    _config("CoLA" if _TASK.value == "all" else _TASK.value)
    _check_task_name(_TASK.value)
    checkpoint = _checkpoint()
    task = None if _TASK.value == "all" else _load_task(_TASK.value)
    default = _TASK.value if task is None else task.name
    workdir = Path(_WORKDIR.value or f"runs/finetune-{default}")
    if task is None:
        _run_suite(checkpoint, workdir)
    elif _TASK.value == "docs" and not _FROM_SCRATCH.value:
        _compare_with_scratch(task, checkpoint, workdir)
    else:
        _run(task, checkpoint, workdir, _FROM_SCRATCH.value)


def _config(task_name):
    from tf_pretrain.config import FinetuneConfig

    name = "quickstart" if _TASK.value == "docs" else "electra"
    return _CONFIG.read(cls=FinetuneConfig, task=task_name, file=f"finetune_{name}")


def _check_task_name(name):
    from tf_pretrain.tasks import glue

    known = (*glue.NAMES, "all", "docs")
    if name in known:
        own = ("text_column", "pair_column", "label_column")
        given = [f"--{flag}" for flag in own if FLAGS[flag].value is not None]
        if FLAGS["encoding"].present:
            given.append("--encoding")
        if given:
            raise UserError(f"{given[0]} is for your own files; --task is {name}")
        return
    if Path(name).exists():
        return
    proper_names = {known_name.lower(): known_name for known_name in known}
    near = difflib.get_close_matches(name.lower(), proper_names, n=1)
    hint = f"; did you mean {proper_names[near[0]]!r}?" if near else ""
    raise UserError(
        f"{name!r} is neither a task nor a folder or file{hint} (tasks: "
        f"{', '.join(known)})"
    )


def _load_task(name):
    from tf_pretrain.tasks import docs_task, glue, own_task
    from tf_pretrain.tasks.columns import Columns

    if name == "docs":
        return docs_task.load()
    if name in glue.NAMES:
        return glue.load(name, _DATA_DIR.value, _config(name).finetune.subsets)
    wanted = Columns(_TEXT_COLUMN.value, _PAIR_COLUMN.value, _LABEL_COLUMN.value)
    return own_task.load(name, wanted, _ENCODING.value, _config(name).seed)


def _checkpoint():
    if _INIT_CHECKPOINT.value is not None:
        return _INIT_CHECKPOINT.value
    if not Path(_QUICKSTART, "results.json").is_file():
        raise UserError(
            f"there is no --init_checkpoint, and {_QUICKSTART} holds no finished "
            "pretraining; run `python run_pretraining.py` first (five minutes)"
        )
    return _QUICKSTART


def _run(task, checkpoint, workdir, from_scratch):
    from tf_pretrain.tasks.finetune import finetune, load_initial, report

    initial = load_initial(checkpoint, from_scratch)
    results = finetune(task, _config(task.name), initial, workdir)
    print(report(results))
    print(f"\nresults.json, predictions and plots are in {workdir}", flush=True)
    return results


def _compare_with_scratch(task, checkpoint, workdir):
    """Pretrained and random weights on the same data, both printed."""
    results = {
        "pretrained": _run(task, checkpoint, workdir / "pretrained", False),
        "from scratch": _run(task, checkpoint, workdir / "from_scratch", True),
    }
    print(
        f"\n{'dev ' + task.metrics[0]:<20}{'median':>10}{'lowest':>10}{'highest':>10}"
    )
    for name, values in results.items():
        cells = "".join(
            f"{100 * values[key]:>10.2f}" for key in ("median", "min", "max")
        )
        print(f"{name:<20}{cells}")
    chance = 100 / len(task.class_names)
    print(f"{'guessing':<20}{chance:>10.2f}")


def _run_suite(checkpoint, workdir):
    from tf_pretrain import atomic_files
    from tf_pretrain.tasks import suite
    from tf_pretrain.tasks.finetune import finetune, load_initial, report

    initial = load_initial(checkpoint, _FROM_SCRATCH.value)
    subsets = _config("CoLA").finetune.subsets
    available, missing = suite.available_tasks(_DATA_DIR.value, subsets)
    if not available:
        raise UserError("\n".join(missing.values()))
    for reason in missing.values():
        print(f"left out: {reason}", flush=True)
    results = {}
    for name in available:
        config = _config(name)
        results[name] = finetune(_load_task(name), config, initial, workdir / name)
        print(report(results[name]), flush=True)
    summary = suite.summarize(results, initial.encoder_config)
    atomic_files.write_json(workdir / "results.json", summary)
    folder = suite.collect_submission(workdir, results)
    print(suite.report(summary, missing))
    print(f"\nresults.json is in {workdir}, files for the leaderboard in {folder}")


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
