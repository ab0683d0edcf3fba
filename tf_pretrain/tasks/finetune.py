"""The whole fine-tuning of a task: trials, scores, predictions and plots in a workdir.

    config.json, run.json        the resolved config; data and initial weights
    model.json, vocab.txt, ...   the network and its tokenizer
    trials/seed-S/               trial.json, metrics.jsonl, weights.safetensors
    predictions/seed-S/          dev.tsv, CoLA.tsv, ...: `index` and `prediction`
    results.json, *.png          written when all trials are done

A trial that has its `trial.json` is not run again. The weights of the trial with the
median dev score are kept, and the others are deleted.
"""

import json
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain import config as config_lib
from tf_pretrain.config import FinetuneConfig
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.tasks import results
from tf_pretrain.tasks.initial import Initial
from tf_pretrain.tasks.problems import make_problem
from tf_pretrain.tasks.subset import with_training_examples
from tf_pretrain.tasks.trial import TrialRunner


def finetune(task, config: FinetuneConfig, initial: Initial, workdir) -> dict:
    """Runs the trials that are missing and sums up all of them.

    Args:
        task: Of any kind, see problems.py.
        config: How it is fine-tuned.
        initial: What every trial starts from.
        workdir: Folder for everything that is written.

    Returns:
        What `results.json` holds: `task`, `metric`, `median`, `trials`, see
        `results.summarize`.

    Raises:
        ConfigError: If the workdir belongs to another run, or task, config and encoder
            do not fit.
    """
    workdir = Path(workdir)
    task = with_training_examples(task, config.finetune.max_train_examples, config.seed)
    problem = make_problem(task, config, initial.encoder_config, initial.tokenizer)
    run = {
        "task": task.name,
        "data_sha256": task.data_sha256(),
        "init_checkpoint": initial.path,
        "init_sha256": initial.sha256(),
    }
    _claim(workdir, config, run)
    finetuning_workdir.save_model(workdir, problem.model, initial.tokenizer)
    print(task.describe(), flush=True)

    runner = None
    for seed in range(config.seed, config.seed + config.finetune.num_trials):
        if (_trial_folder(workdir, seed) / "trial.json").is_file():
            print(f"seed {seed}: finished earlier", flush=True)
            continue
        if runner is None:
            runner = TrialRunner(problem, initial.weights)
            print(problem.describe_examples(), flush=True)
        _run_trial(runner, seed, workdir)
    summary = results.summarize(task, config, initial, workdir)
    atomic_files.write_json(workdir / "results.json", summary)
    _delete_other_weights(workdir, summary["weights"])
    problem.plot(workdir, summary)
    return summary


def _run_trial(runner, seed, workdir):
    """Trains with one seed, and writes weights, predictions and `trial.json`."""
    name = runner.problem.task.name
    print(f"{name}, seed {seed}: {runner.num_steps} steps", flush=True)
    folder = _trial_folder(workdir, seed)
    folder.mkdir(parents=True, exist_ok=True)
    trial = runner.run(seed, folder)
    weights_file = folder / finetuning_workdir.WEIGHTS_FILE
    finetuning_workdir.save_weights(weights_file, runner.network)
    files = runner.problem.write(
        workdir / "predictions" / f"seed-{seed}", trial.predictions
    )
    values = {
        "seed": seed,
        **trial.scores,
        "seconds": trial.seconds,
        "steps": runner.num_steps,
        "kept_step": trial.step,
        "skipped_steps": trial.skipped_steps,
        "history": trial.history,
        "predictions": {
            name: str(path.relative_to(workdir)) for name, path in files.items()
        },
    }
    # Written last: its presence means that the trial is complete.
    atomic_files.write_json(folder / "trial.json", values)


def _trial_folder(workdir, seed):
    return workdir / "trials" / f"seed-{seed}"


def _claim(workdir, config, run):
    """Writes config.json and run.json, or checks that the workdir holds the same."""
    workdir.mkdir(parents=True, exist_ok=True)
    new_files = {"config.json": config_lib.to_dict(config), "run.json": run}
    # More trials, or the same weights found elsewhere, do not change a trial.
    free = ("finetune.num_trials", "init_checkpoint")
    for name, new in new_files.items():
        path = workdir / name
        if path.is_file():
            old = json.loads(path.read_text(encoding="utf-8"))
            # fields that are newer than the file had their defaults
            if name == "config.json":
                old = config_lib.from_dict(FinetuneConfig, old)
                old = config_lib.to_dict(old)
            differing = [
                line
                for line in config_lib.differing_fields(old, new)
                if not line.startswith(free)
            ]
            if differing:
                raise ConfigError(
                    f"{workdir} holds another run; use another --workdir, or the old "
                    "values of:\n  " + "\n  ".join(differing)
                )
        atomic_files.write_json(path, new)


def _delete_other_weights(workdir, kept):
    for path in (workdir / "trials").glob(f"*/{finetuning_workdir.WEIGHTS_FILE}"):
        if path != workdir / kept:
            path.unlink()
