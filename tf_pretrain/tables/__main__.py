"""Runs the comparison tables of the ELECTRA and ALBERT papers, and reports on them.

    python -m tf_pretrain.tables --list
    python -m tf_pretrain.tables --table=electra_table5 --workdir=runs/tables \\
        --input='text/*.txt.gz' --data_dir=glue --tasks=CoLA,MRPC,RTE --seeds=3
    python -m tf_pretrain.tables --workdir=runs/tables --report

If the command is stopped, give it again: it goes on, and repeats no finished cell.
"""

import os
import shlex
import sys

from absl import flags

from tf_pretrain import commands
from tf_pretrain.errors import UserError
from tf_pretrain.tables.definitions.table import SCALES

FLAGS = flags.FlagValues()
_LIST = flags.DEFINE_bool(
    "list",
    False,
    "Print all tables, with what each would take, and end.",
    flag_values=FLAGS,
)
_TABLE = flags.DEFINE_list(
    "table",
    [],
    "Ids of the tables to run, with commas between; --list prints them.",
    flag_values=FLAGS,
)
_SCALE = flags.DEFINE_enum(
    "scale",
    "lab",
    SCALES,
    "lab: small networks, the same compute for every row; paper: the paper's sizes.",
    flag_values=FLAGS,
)
_WORKDIR = flags.DEFINE_string(
    "workdir",
    "runs/tables",
    "Folder for records, runs and results.",
    flag_values=FLAGS,
)
_SEEDS = flags.DEFINE_integer(
    "seeds",
    3,
    "Number of seeds (0, 1, ...) to run each row with.",
    lower_bound=1,
    flag_values=FLAGS,
)
_INPUT = flags.DEFINE_string(
    "input",
    "docs",
    "Text for pretraining: globs of .txt and .txt.gz files, tfds:NAME, or docs (the "
    "documentation of installed packages); several with commas between.",
    flag_values=FLAGS,
)
_VOCAB = flags.DEFINE_string(
    "vocab",
    None,
    "Vocabulary file. By default one is trained for each kind and size.",
    flag_values=FLAGS,
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Folder that holds a folder for each named task. Without it tensorflow-datasets "
    "downloads GLUE; SQuAD1.1, SQuAD2.0, RACE and chunk always need it.",
    flag_values=FLAGS,
)
_TASKS = flags.DEFINE_list(
    "tasks",
    ["CoLA", "SST-2", "MRPC", "STS-B", "RTE"],
    "Tasks to fine-tune on: names of GLUE, SQuAD1.1, SQuAD2.0, RACE, chunk, or folders "
    "with your own tasks of any kind (docs/tables.md).",
    flag_values=FLAGS,
)
_SET = flags.DEFINE_multi_string(
    "set",
    [],
    "FIELD=VALUE changes a field of the config files before the rows change them. At "
    "lab scale train.num_steps=600 sets the compute of all rows, and the other sizes "
    "follow model.hidden_size=128. finetune.num_steps=300 changes fine-tuning.",
    flag_values=FLAGS,
)
_BUDGET = flags.DEFINE_float(
    "budget_minutes",
    None,
    "Start no further cell after so many minutes; cells that run then are finished.",
    flag_values=FLAGS,
)
_NUM_WORKERS = flags.DEFINE_integer(
    "num_workers",
    os.cpu_count(),
    "Number of processes that build records.",
    1,
    flag_values=FLAGS,
)
_JOBS = flags.DEFINE_integer(
    "jobs",
    1,
    "Number of cells to run at a time, each on its own share of the CPU cores. With "
    "small networks two at a time on two cores do more than one on both.",
    lower_bound=1,
    flag_values=FLAGS,
)
_BACKEND = flags.DEFINE_enum(
    "backend",
    "tensorflow",
    ("tensorflow", "jax", "torch"),
    "Keras' backend for pretraining, for example jax on an accelerator. Fine-tuning "
    "runs on TensorFlow.",
    flag_values=FLAGS,
)
_REPORT = flags.DEFINE_bool(
    "report",
    False,
    "Run nothing, and write the report on what is finished.",
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Folder of the report; by default report/ in the workdir. If it holds a report "
    "already, the cells of that report count as finished.",
    flag_values=FLAGS,
)


def _main():
    from tf_pretrain.tables.definitions import registry

    if _LIST.value:
        print(registry.listing())
        return
    if not _TABLE.value and not _REPORT.value:
        raise UserError("give --list, --table=ID or --report")
    tables = [registry.find(table_id) for table_id in _TABLE.value]
    if _REPORT.value:
        _restore()
        _report()
        return
    from tf_pretrain.tables.cells import run_all

    with run_all.only_command(_WORKDIR.value):
        _restore()
        try:
            _run(tables)
        finally:
            _report()


def _run(tables):
    from tf_pretrain.tables.cells import planning, run_all
    from tf_pretrain.tables.cells.setup import Setup

    overrides, finetune = _overrides()
    setup = Setup(
        workdir=_WORKDIR.value,
        scale=_SCALE.value,
        inputs=_INPUT.value,
        vocab=_VOCAB.value,
        data_dir=_DATA_DIR.value,
        tasks=tuple(_TASKS.value),
        finetune=finetune,
        num_workers=max(1, _NUM_WORKERS.value // _JOBS.value),
        backend=_BACKEND.value,
        command="python -m tf_pretrain.tables " + shlex.join(sys.argv[1:]),
    )
    # All tables are planned before the first one is run, so errors in flags are
    # reported at once.
    plans = [planning.plan(t, setup, _SEEDS.value, overrides) for t in tables]
    for table, planned in zip(tables, plans, strict=True):
        print(f"{table.id}: {table.title}, {len(planned)} cells")
    run_all.run(sum(plans, []), _BUDGET.value, _print_line, _JOBS.value)


def _print_line(line):
    print(line, flush=True)


def _overrides():
    """The values of --set: for pretraining, and for fine-tuning."""
    overrides, finetune = {}, {}
    for text in _SET.value:
        field, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set={text}: write FIELD=VALUE")
        if field.startswith("finetune."):
            finetune[field.removeprefix("finetune.")] = value
        else:
            overrides[field] = value
    return overrides, finetune


def _restore():
    from tf_pretrain.tables.report import folder

    if _OUTPUT.value:
        added = folder.restore(_OUTPUT.value, _WORKDIR.value)
        print(f"{added} cells taken from {_OUTPUT.value}/cells.json")


def _report():
    from tf_pretrain.tables.report import folder

    written = folder.write(_WORKDIR.value, _OUTPUT.value)
    if written is not None:
        print(f"report: {written}/index.md, {written}/index.html")
    elif _REPORT.value:
        print(f"no table has a finished cell in {_WORKDIR.value}")


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
