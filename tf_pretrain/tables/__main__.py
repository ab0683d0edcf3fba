"""The comparison tables of the ELECTRA and ALBERT papers, run and reported.

    python -m tf_pretrain.tables --list
    python -m tf_pretrain.tables --table=electra_table5 --workdir=runs/tables \\
        --input='text/*.txt.gz' --data_dir=glue --tasks=CoLA,MRPC,RTE --seeds=3
    python -m tf_pretrain.tables --workdir=runs/tables --report

The same command goes on where it was stopped and repeats no finished cell.
"""

import os
import shlex
import sys

from absl import flags

from tf_pretrain import commands
from tf_pretrain.errors import UserError
from tf_pretrain.tables.definitions import table as definition

FLAGS = flags.FlagValues()
_LIST = flags.DEFINE_bool(
    "list",
    False,
    "Print all tables and what they cost.",
    flag_values=FLAGS,
)
_TABLE = flags.DEFINE_list(
    "table",
    [],
    "Ids of the tables to run, as --list names them.",
    flag_values=FLAGS,
)
_SCALE = flags.DEFINE_enum(
    "scale",
    "lab",
    definition.SCALES,
    "lab (small, at equal compute) or paper.",
    flag_values=FLAGS,
)
_WORKDIR = flags.DEFINE_string(
    "workdir",
    "runs/tables",
    "Folder of all results.",
    flag_values=FLAGS,
)
_SEEDS = flags.DEFINE_integer(
    "seeds",
    3,
    "Seeds 0, 1, ... of every row.",
    lower_bound=1,
    flag_values=FLAGS,
)
_INPUT = flags.DEFINE_string(
    "input",
    "docs",
    "Text: globs of .txt and .txt.gz, tfds:NAME or docs, with commas.",
    flag_values=FLAGS,
)
_VOCAB = flags.DEFINE_string(
    "vocab",
    None,
    "Vocabulary file; default: trained once for each kind and size.",
    flag_values=FLAGS,
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    None,
    "Folder with GLUE's folders; default: tensorflow-datasets.",
    flag_values=FLAGS,
)
_TASKS = flags.DEFINE_list(
    "tasks",
    ["CoLA", "SST-2", "MRPC", "STS-B", "RTE"],
    "Tasks to fine-tune on: GLUE's names, or folders with train.tsv and dev.tsv.",
    flag_values=FLAGS,
)
_SET = flags.DEFINE_multi_string(
    "set",
    [],
    "FIELD=VALUE in the config files before rows change them, e.g. "
    "train.num_steps=600, which sets the compute of all rows at lab scale, "
    "model.hidden_size=128, which the other sizes follow, or finetune.num_steps=300.",
    flag_values=FLAGS,
)
_BUDGET = flags.DEFINE_float(
    "budget_minutes",
    None,
    "Start no cell that would not be done by then.",
    flag_values=FLAGS,
)
_NUM_WORKERS = flags.DEFINE_integer(
    "num_workers",
    os.cpu_count(),
    "Processes that build records.",
    1,
    flag_values=FLAGS,
)
_JOBS = flags.DEFINE_integer(
    "jobs",
    1,
    "Cells at a time, each on its own share of the CPU cores. Small networks gain.",
    lower_bound=1,
    flag_values=FLAGS,
)
_BACKEND = flags.DEFINE_enum(
    "backend",
    "tensorflow",
    ("tensorflow", "jax", "torch"),
    "Keras' backend for pretraining, e.g. jax on an accelerator.",
    flag_values=FLAGS,
)
_REPORT = flags.DEFINE_bool(
    "report",
    False,
    "Run nothing; report what is finished.",
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Folder for the report; default: report/ in the workdir. Cells of a report that is "
    "there already are not run again.",
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
    from tf_pretrain.tables.cells import run_all as runner

    with runner.only_command(_WORKDIR.value):
        _restore()
        try:
            _run(tables)
        finally:
            _report()


def _run(tables):
    from tf_pretrain.tables.cells import cell as cells
    from tf_pretrain.tables.cells import run_all as runner

    overrides, finetune = _overrides()
    setup = cells.Setup(
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
    # All are planned before the first is run: errors in flags come at once.
    plans = [runner.plan(t, setup, _SEEDS.value, overrides) for t in tables]
    for table, planned in zip(tables, plans, strict=True):
        print(f"{table.id}: {table.title}, {len(planned)} cells")
    runner.run(sum(plans, []), _BUDGET.value, _print_line, _JOBS.value)


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
    from tf_pretrain.tables.report import folder as report

    if _OUTPUT.value:
        added = report.restore(_OUTPUT.value, _WORKDIR.value)
        print(f"{added} cells taken from {_OUTPUT.value}/cells.json")


def _report():
    from tf_pretrain.tables.report import folder as report

    folder = report.write(_WORKDIR.value, _OUTPUT.value)
    if folder is not None:
        print(f"report: {folder}/index.md, {folder}/index.html")
    elif _REPORT.value:
        print(f"no table has a finished cell in {_WORKDIR.value}")


def main(argv=None):
    """The command, from the shell or from Python; argv are its arguments."""
    commands.run(_main, FLAGS, argv)


if __name__ == "__main__":
    main()
