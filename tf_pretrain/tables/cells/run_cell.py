"""The process of one cell: `python -m ...cells.run_cell REQUEST PARENT`.

It does what REQUEST, a request.json, asks for and what is not done yet: pretraining,
fine-tuning and scoring. It writes `cell.json` beside the request after each of these.
The process PARENT, `run_all`, starts it. A cell that was stopped continues where its
pretraining and its trials were.

With the word "pretrain" as a third argument it only pretrains. Cells on JAX or PyTorch
are pretrained in this way, because Keras has one backend in a process and fine-tuning
runs on TensorFlow.
"""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import filelock

from tf_pretrain import commands, commit, processes
from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.data import record_sets
from tf_pretrain.errors import UserError
from tf_pretrain.models import flops, sizes
from tf_pretrain.runs import curves
from tf_pretrain.tables.cells import fine_tuning, record
from tf_pretrain.tables.cells.processes import command
from tf_pretrain.tables.cells.record import PretrainRecord, Record, TaskRecord
from tf_pretrain.tables.cells.request import Request

_PRETRAIN = "pretrain"


def run(request: Request) -> Record:
    """Does the missing parts of a request, and saves the record after each part.

    Raises:
        UserError: As for pretraining and fine-tuning.
    """
    folder = record.folder_of(request.workdir, request.key)
    origin = {
        "command": request.command,
        "commit": commit.current(),
        "cores": len(os.sched_getaffinity(0)),
    }
    for wanted in request.data.values():
        _prepare_data(request, wanted)
    results = _pretrain(request, folder)
    found = record.load(request.workdir, request.key)
    if found is None:
        found = _new_record(request, folder, results, origin)
    found.save(folder)
    for key, wanted in request.tasks.items():
        if key not in found.tasks:
            found.tasks[key] = _finetune(folder / key, folder, wanted, origin)
            found.save(folder)
    if not set(request.intrinsic) <= set(found.intrinsic_formats):
        found.intrinsic = _intrinsic(folder, request)
        found.intrinsic_formats = request.intrinsic
        found.save(folder)
    return found


def _new_record(request, folder, results, origin):
    config = request.config
    return Record(
        key=request.key,
        seed=config.seed,
        config=config_lib.to_dict(config),
        inputs=request.inputs,
        vocab=request.vocab,
        backend=request.backend,
        flops=flops.matmul_training_flops(config),
        electra_flops=flops.training_flops(config),
        memory_bytes=sizes.memory_bytes(config),
        pretrain=PretrainRecord(**_of(PretrainRecord, results), **origin),
        curves=curves.read_metrics(folder / "pretrain" / "metrics.jsonl")[1],
    )


def _of(kind, results):
    """The values of a results.json that belong to a record of this kind."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in results.items() if name in names}


def _prepare_data(request, wanted):
    """Makes the tokenizer and the records of a format, unless they exist.

    Both are made with seed 0, so that all seeds see the same data. Cells share the
    folders: one process at a time makes one, and the others wait.
    """
    from tf_pretrain.data import vocabulary
    from tf_pretrain.data.build_records import build_records

    model = dataclasses.replace(request.config.model, use_pooler=True)
    config = PretrainConfig(model=model, data=wanted.data)
    inputs, tokenizer, records = request.inputs, wanted.tokenizer, wanted.records
    for folder in (tokenizer, records):
        Path(folder).parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{tokenizer}.lock"):
        vocabulary.prepare_tokenizer(config, inputs, request.vocab, tokenizer)
    with filelock.FileLock(f"{records}.lock"):
        vocabulary.prepare_tokenizer(config, inputs, tokenizer, records)
        build_records(inputs, records, records, wanted.data, 0, request.num_workers)


def _pretrain(request, folder):
    """Pretrains; returns the contents of the run's results.json."""
    if request.backend == "tensorflow":
        return _pretrain_here(request, folder)
    done = subprocess.run(
        command(folder / "request.json", _PRETRAIN),
        env={**os.environ, "KERAS_BACKEND": request.backend},
    )
    if done.returncode:
        raise UserError(f"pretraining with {request.backend} failed")
    path = folder / "pretrain" / "results.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _pretrain_here(request, folder):
    from tf_pretrain.runs.data import Sources
    from tf_pretrain.runs.pretrain import pretrain

    records = request.data[request.config.data.example_format].records
    sources = Sources(records=f"{records}/train-*.tfrecord")
    return pretrain(request.config, folder / "pretrain", sources)


def _finetune(workdir, folder, wanted, origin):
    """Fine-tunes the pretrained model of a cell's folder on a task."""
    from tf_pretrain.tasks.finetune import finetune
    from tf_pretrain.tasks.initial import load_initial

    task = fine_tuning.load(wanted)
    if (workdir / "results.json").is_file():  # but the cell was stopped later on
        results = json.loads((workdir / "results.json").read_text(encoding="utf-8"))
    else:
        initial = load_initial(folder / "pretrain")
        results = finetune(task, wanted.settings, initial, workdir)
    # Scores are what a table needs; weights would fill the disk.
    (workdir / results["weights"]).unlink(missing_ok=True)
    values = _of(TaskRecord, results) | {
        "notes": [n.replace(f"{wanted.data_dir}/", "") for n in results["notes"]],
        "seconds": sum(trial["seconds"] for trial in results["trials"]),
        "steps": results["trials"][0]["steps"],
        "num_trials": len(results["trials"]),
        "kind": wanted.kind,
        "finetune": config_lib.to_dict(wanted.settings.finetune),
    }
    return TaskRecord(**values | origin)


def _intrinsic(folder, request):
    """Lan et al. (2019), Table 5: masked LM, then each format's sentence task."""
    from tf_pretrain.data import batches, tokenization
    from tf_pretrain.interchange.loading import load_pretrainer
    from tf_pretrain.training.evaluation import intrinsic_scores

    train = request.config.train
    heldout = {
        name: batches.evaluation_batches(
            record_sets.find_records(f"{wanted.records}/heldout-*.tfrecord"),
            wanted.data,
            tokenization.load_tokenizer(wanted.tokenizer),
            0,
            train.batch_size,
            train.eval_steps,
        )
        for name, wanted in request.data.items()
    }
    network = load_pretrainer(folder / "pretrain").network
    values = intrinsic_scores(network, heldout, train.jit_compile)
    wanted = {"masked_lm_accuracy", *(f"{f}_accuracy" for f in request.intrinsic)}
    return {name: value for name, value in values.items() if name in wanted}


def main(request_path, parent, *what):
    """The process; see the docstring of the module."""
    processes.die_with_parent(int(parent))
    with commands.errors_as_messages():
        request = config_lib.load(Request, request_path)
        if what == (_PRETRAIN,):
            _pretrain_here(request, record.folder_of(request.workdir, request.key))
        else:
            run(request)


if __name__ == "__main__":
    main(*sys.argv[1:])
