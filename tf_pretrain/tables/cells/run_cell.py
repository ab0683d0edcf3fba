"""The process of one cell: `python -m ...cells.run_cell REQUEST PARENT`.

Pretrains, fine-tunes and scores what its REQUEST, a request.json, asks for and is not
there yet, and writes `cell.json` beside it after each of these. Started by
`run_all`, whose process PARENT is; a cell that was stopped goes on where its
pretraining and its trials were.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from tf_pretrain import atomic_files, commands
from tf_pretrain import config as config_lib
from tf_pretrain.config import DataConfig, PretrainConfig
from tf_pretrain.data import record_sets
from tf_pretrain.errors import UserError
from tf_pretrain.runs import curves
from tf_pretrain.tables.cells import cell as cells
from tf_pretrain.tables.cells import processes

_KEPT = (
    "step",
    "seconds",
    "tokens_per_s",
    "parameters",
    "encoder_parameters",
    "weights_sha256",
    "eval",
)


def run(request: dict) -> dict:
    """Does what is missing of a request; see `cells.request`.

    Returns:
        What `cell.json` holds: `config`, `seed`, `backend`, `cells.costs`, `pretrain`
        (of its results.json), `curves` (held-out scores by step), `tasks` {key:
        results}, `intrinsic`, and `minutes` of computing. `pretrain` and each task
        have the `command`, the `commit` and the number of `cores` that they ended with.

    Raises:
        UserError: As pretraining and fine-tuning do.
    """
    workdir = request["workdir"]
    folder = cells.folder(workdir, request["key"])
    config = config_lib.from_dict(PretrainConfig, request["config"])
    origin = {
        "command": request["command"],
        "commit": _commit(),
        "cores": len(os.sched_getaffinity(0)),
    }
    for data in request["data"].values():
        _prepare_data(config, request, data)
    results = _pretrain(config, request, folder)
    cell = cells.load(workdir, request["key"])
    if cell is None:
        cell = {
            "key": request["key"],
            "seed": config.seed,
            "config": request["config"],
            "inputs": request["inputs"],
            "vocab": request["vocab"],
            "backend": request["backend"],
            **cells.costs(config),
            "pretrain": {**{name: results[name] for name in _KEPT}, **origin},
            "curves": curves.read_metrics(folder / "pretrain" / "metrics.jsonl")[1],
            "tasks": {},
            "intrinsic": {},
            "intrinsic_formats": [],
        }
    _keep(folder, cell)
    for key, wanted in request["tasks"].items():
        if key not in cell["tasks"]:
            cell["tasks"][key] = {**_finetune(folder, key, wanted), **origin}
            _keep(folder, cell)
    if not set(request["intrinsic"]) <= set(cell["intrinsic_formats"]):
        cell["intrinsic"] = _intrinsic(folder, config, request)
        cell["intrinsic_formats"] = request["intrinsic"]
        _keep(folder, cell)
    return cell


def _keep(folder, cell):
    parts = (cell["pretrain"], *cell["tasks"].values())
    cell["minutes"] = sum(part["seconds"] for part in parts) / 60
    atomic_files.write_json(folder / "cell.json", cell)


def _prepare_data(config, request, folders):
    """The tokenizer and the records of a format, unless they are there.

    Both are made with seed 0, so that all seeds see the same data.
    """
    from tf_pretrain.data import vocabulary
    from tf_pretrain.data.build_records import build_records

    data = config_lib.from_dict(DataConfig, folders["data"])
    of_data = PretrainConfig(
        model=dataclasses.replace(config.model, use_pooler=True), data=data
    )
    inputs = request["inputs"]
    tokenizer, records = folders["tokenizer"], folders["records"]
    with _alone(tokenizer):
        vocabulary.prepare_tokenizer(of_data, inputs, request["vocab"], tokenizer)
    with _alone(records):
        vocabulary.prepare_tokenizer(of_data, inputs, tokenizer, records)
        build_records(inputs, records, records, data, 0, request["num_workers"])


@contextlib.contextmanager
def _alone(folder):
    """One process at a time makes a folder that cells share; the others wait."""
    Path(folder).parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pretrain(config, request, folder):
    """What results.json of the run holds."""
    records = request["data"][config.data.example_format]["records"]
    if request["backend"] == "tensorflow":
        from tf_pretrain.runs.data import Sources
        from tf_pretrain.runs.pretrain import pretrain

        sources = Sources(records=f"{records}/train-*.tfrecord")
        return pretrain(config, folder / "pretrain", sources)
    # Keras has one backend in a process, and fine-tuning needs TensorFlow's.
    module = "tf_pretrain.tables.cells.backend_pretraining"
    done = subprocess.run(
        [sys.executable, "-m", module, folder / "request.json", str(os.getpid())],
        env={**os.environ, "KERAS_BACKEND": request["backend"]},
    )
    if done.returncode:
        raise UserError(f"pretraining with {request['backend']} failed")
    path = folder / "pretrain" / "results.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _finetune(folder, key, wanted):
    from tf_pretrain.config import FinetuneConfig
    from tf_pretrain.tasks import glue, own_task
    from tf_pretrain.tasks.finetune import finetune, load_initial

    config = config_lib.from_dict(FinetuneConfig, wanted["settings"])
    results_path = folder / key / "results.json"
    name, settings = wanted["task"], config.finetune
    if name in glue.NAMES:
        task = glue.load(name, wanted["data_dir"], settings.subsets)
    else:
        task = own_task.load(name)
    # Predictions of what has no labels are for leaderboards, and take their time.
    kept = ("train", *task.scored_splits)
    task = dataclasses.replace(task, splits={n: task.splits[n] for n in kept})
    if results_path.is_file():  # finished, but the cell was stopped later on
        results = json.loads(results_path.read_text(encoding="utf-8"))
    else:
        initial = load_initial(folder / "pretrain")
        results = finetune(task, config, initial, folder / key)
    # Scores are what a table needs; weights would fill the disk.
    (folder / key / results["weights"]).unlink(missing_ok=True)
    kept = ("task", "metric", "median", "min", "max", "medians", "examples")
    return {name: results[name] for name in kept} | {
        "notes": [n.replace(f"{wanted['data_dir']}/", "") for n in results["notes"]],
        "seconds": sum(trial["seconds"] for trial in results["trials"]),
        "steps": results["trials"][0]["steps"],
        "num_trials": len(results["trials"]),
        "finetune": config_lib.to_dict(settings),
    }


def _intrinsic(folder, config, request):
    """Lan et al. (2019), Table 5: masked LM, then each format's sentence task."""
    from tf_pretrain.data import batches, tokenization
    from tf_pretrain.interchange.loading import load_pretrainer
    from tf_pretrain.training.evaluation import intrinsic_scores

    heldout = {}
    for name in dict.fromkeys((config.data.example_format, *request["intrinsic"])):
        folders = request["data"][name]
        heldout[name] = batches.evaluation_batches(
            record_sets.find_records(f"{folders['records']}/heldout-*.tfrecord"),
            config_lib.from_dict(DataConfig, folders["data"]),
            tokenization.load_tokenizer(folders["tokenizer"]),
            0,
            config.train.batch_size,
            config.train.eval_steps,
        )
    network = load_pretrainer(folder / "pretrain").network
    values = intrinsic_scores(network, heldout, config.train.jit_compile)
    wanted = {"masked_lm_accuracy", *(f"{f}_accuracy" for f in request["intrinsic"])}
    return {name: value for name, value in values.items() if name in wanted}


def _commit():
    """Of the code that runs, with "+" if files differ from it; None outside git."""
    repository = Path(__file__).parents[3]

    def git(*arguments):
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


if __name__ == "__main__":
    processes.die_with_parent(int(sys.argv[2]))
    with commands.errors_as_messages():
        run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
