"""Fine-tunes a pretrained encoder on GLUE or on your own texts.

    python run_finetuning.py                           # a first run, nothing to set
    python run_finetuning.py --task=CoLA --data_dir=glue --init_checkpoint=PATH
    python run_finetuning.py --task=my_folder --init_checkpoint=PATH
    python run_finetuning.py --task=my.csv --text_column=Review --label_column=Stars

Trials that are finished are not run again by the same command.
"""

from pathlib import Path

from absl import flags

from tf_pretrain import commands
from tf_pretrain.config.flags import ConfigFlags
from tf_pretrain.errors import UserError, nearest_name
from tf_pretrain.keras_backend import check_keras_backend

_QUICKSTART = "runs/quickstart"
FLAGS = flags.FlagValues()
_CONFIG = ConfigFlags(FLAGS)
_TASK = flags.DEFINE_string(
    "task",
    "docs",
    "A GLUE task (CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI, AX), all of "
    "them (all), SQuAD1.1, SQuAD2.0, RACE, chunk, your own folder or file "
    "(docs/your_data.md, docs/more_tasks.md), or docs: which installed package a "
    "passage documents.",
    flag_values=FLAGS,
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Folder with the official files of a task that is named; GLUE's default is "
    "tensorflow-datasets.",
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
    if _TASK.value == "all":
        _run_suite(checkpoint, Path(_WORKDIR.value or "runs/finetune-all"))
        return
    task = _load_task(_TASK.value)
    workdir = Path(_WORKDIR.value or f"runs/finetune-{task.name}")
    if _TASK.value == "docs" and not _FROM_SCRATCH.value:
        _compare_with_scratch(task, checkpoint, workdir)
    else:
        _run(task, checkpoint, workdir, _FROM_SCRATCH.value)


def _config(task_name):
    from tf_pretrain.config import FinetuneConfig

    name = "quickstart" if _TASK.value == "docs" else "electra"
    return _CONFIG.read(cls=FinetuneConfig, task=task_name, file=f"finetune_{name}")


def _check_task_name(name):
    from tf_pretrain.tasks.loading import NAMES

    known = (*NAMES, "all")
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
    raise UserError(
        f"{name!r} is neither a task nor a folder or file{nearest_name(name, known)} "
        f"(tasks: {', '.join(known)})"
    )


def _load_task(name):
    from tf_pretrain.tasks.columns import Columns
    from tf_pretrain.tasks.loading import load_task

    wanted = Columns(_TEXT_COLUMN.value, _PAIR_COLUMN.value, _LABEL_COLUMN.value)
    config = _config(name)
    subsets = config.finetune.subsets
    return load_task(
        name, _DATA_DIR.value, wanted, _ENCODING.value, config.seed, subsets
    )


def _checkpoint():
    if _INIT_CHECKPOINT.value is not None:
        return _INIT_CHECKPOINT.value
    if not Path(_QUICKSTART, "results.json").is_file():
        raise UserError(
            f"there is no --init_checkpoint, and {_QUICKSTART} holds no finished "
            "pretraining; run `python run_pretraining.py` first (ten minutes)"
        )
    return _QUICKSTART


def _run_suite(checkpoint, workdir):
    from tf_pretrain.tasks import suite
    from tf_pretrain.tasks.initial import load_initial

    initial = load_initial(checkpoint, _FROM_SCRATCH.value)
    suite.run(_DATA_DIR.value, _config, initial, workdir)


def _run(task, checkpoint, workdir, from_scratch):
    from tf_pretrain.tasks.finetune import finetune
    from tf_pretrain.tasks.initial import load_initial
    from tf_pretrain.tasks.results import report

    initial = load_initial(checkpoint, from_scratch)
    results = finetune(task, _config(task.name), initial, workdir)
    print(report(results))
    print(f"\nresults.json, predictions and plots are in {workdir}", flush=True)
    return results


def _compare_with_scratch(task, checkpoint, workdir):
    """Fine-tunes pretrained and random weights on the same data, and shows both."""
    from tf_pretrain.tasks.results import compare

    results = {
        "pretrained": _run(task, checkpoint, workdir / "pretrained", False),
        "from scratch": _run(task, checkpoint, workdir / "from_scratch", True),
    }
    print(compare(results, guessing=1 / len(task.class_names)))


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
