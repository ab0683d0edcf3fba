"""A task's whole fine-tuning: trials, scores, predictions and plots in a workdir.

    config.json, run.json        the resolved config; data and initial weights
    model.json, vocab.txt, ...   the network and its tokenizer
    trials/seed-S/               trial.json, metrics.jsonl, weights.safetensors
    predictions/seed-S/          dev.tsv, CoLA.tsv, ...: `index` and `prediction`
    results.json, *.png          written when all trials are done

A trial that has its `trial.json` is not run again. The weights of the trial with the
median dev score are kept, the others deleted.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

import keras
import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain import config as config_lib
from tf_pretrain.config import FinetuneConfig
from tf_pretrain.data import tokenization
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.interchange.loading import load_encoder_and_tokenizer
from tf_pretrain.tasks import plots, predictions
from tf_pretrain.tasks.task import Task
from tf_pretrain.tasks.trial import TrialRunner, describe_model


@dataclasses.dataclass(frozen=True)
class Initial:
    """What every trial starts from.

    Attributes:
        path: Where it was read.
        encoder_config: The encoder's sizes.
        tokenizer: Its vocabulary.
        weights: {variable path: array}; None for random weights.
    """

    path: str
    encoder_config: config_lib.EncoderConfig
    tokenizer: tokenization.Tokenizer
    weights: dict[str, np.ndarray] | None


def load_initial(path, from_scratch=False) -> Initial:
    """Encoder and tokenizer of pretrained weights, or of a fine-tuning workdir.

    Args:
        from_scratch: Take only sizes and vocabulary.

    Raises:
        UserError: If they cannot be read.
    """
    encoder, tokenizer = load_encoder_and_tokenizer(path)
    # The first part of a path is the network's name: "discriminator", say.
    weights = {
        "encoder/" + v.path.partition("/")[2]: keras.ops.convert_to_numpy(v)
        for v in encoder.trainable_variables
    }
    return Initial(
        str(path), encoder.config, tokenizer, None if from_scratch else weights
    )


def finetune(task: Task, config: FinetuneConfig, initial: Initial, workdir) -> dict:
    """Runs the trials that are missing and sums up all of them.

    Returns:
        What `results.json` holds: `task`, `metric`, `median`, `trials`, see
        `summarize`.

    Raises:
        ConfigError: If the workdir belongs to another run, or task, config and encoder
            do not fit.
    """
    workdir = Path(workdir)
    model = describe_model(task, config, initial.encoder_config, initial.tokenizer)
    run = {
        "task": task.name,
        "data_sha256": _data_sha256(task),
        "init_checkpoint": initial.path,
        "init_sha256": _initial_sha256(initial),
    }
    _claim(workdir, config, run)
    finetuning_workdir.save_model(workdir, model, initial.tokenizer)
    print(task.describe(), flush=True)

    runner = None
    for seed in range(config.seed, config.seed + config.finetune.num_trials):
        folder = workdir / "trials" / f"seed-{seed}"
        if (folder / "trial.json").is_file():
            print(f"seed {seed}: finished earlier", flush=True)
            continue
        if runner is None:
            runner = TrialRunner(
                task, config, model, initial.weights, initial.tokenizer
            )
            print(runner.describe_lengths())
        print(f"{task.name}, seed {seed}: {runner.num_steps} steps", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        trial = runner.run(seed, folder)
        finetuning_workdir.save_weights(
            folder / finetuning_workdir.WEIGHTS_FILE, runner.classifier
        )
        files = predictions.write(
            workdir / "predictions" / f"seed-{seed}", task, trial.predictions
        )
        # Last: its presence says that the trial is complete.
        atomic_files.write_json(
            folder / "trial.json",
            {
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
            },
        )
    results = summarize(task, config, initial, workdir)
    atomic_files.write_json(workdir / "results.json", results)
    _delete_other_weights(workdir, results["weights"])
    plots.plot_trials(workdir, task, results)
    return results


def summarize(task, config, initial, workdir) -> dict:
    """The results of all finished trials of the config's seeds.

    `median`, `std` (of a sample), `min` and `max` are of the task's first metric on
    the dev set, over trials; `medians` has every metric of every labelled split.
    """
    settings = config.finetune
    seeds = range(config.seed, config.seed + settings.num_trials)
    trials = [
        json.loads((workdir / "trials" / f"seed-{seed}" / "trial.json").read_text())
        for seed in seeds
    ]
    metric = task.metrics[0]
    values = np.array([trial["dev"][metric] for trial in trials])
    # Of the trials whose weights are still there; the first of equally near ones.
    kept = [
        (abs(value - np.median(values)), trial["seed"])
        for value, trial in zip(values, trials, strict=True)
        if _weights_path(workdir, trial["seed"]).is_file()
    ]
    if not kept:
        raise ConfigError(
            f"{workdir} keeps the weights of one trial, and it is none of the seeds "
            f"{seeds.start} to {seeds.stop - 1}; set finetune.num_trials as before, or "
            "more"
        )
    median_seed = min(kept)[1]
    selection = "the last step"
    if settings.choose_best_on_dev:
        selection = (
            f"the best of {len(trials[0]['history'])} evaluations on the dev set, "
            "which makes these dev scores optimistic"
        )
    return {
        "task": task.name,
        "metric": metric,
        "median": float(np.median(values)),
        "std": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        "min": float(values.min()),
        "max": float(values.max()),
        "medians": {
            split: {
                name: float(np.median([trial[split][name] for trial in trials]))
                for name in task.metrics
            }
            for split in task.scored_splits
        },
        "weights_of": selection,
        "median_seed": median_seed,
        "weights": str(_weights_path(workdir, median_seed).relative_to(workdir)),
        "init_checkpoint": initial.path,
        "from_scratch": initial.weights is None,
        "examples": {name: len(split) for name, split in task.splits.items()},
        "notes": list(task.notes),
        "trials": trials,
    }


def report(results: dict) -> str:
    """The end of a run for people."""
    start = results["init_checkpoint"]
    if results["from_scratch"]:
        start = f"random weights, sizes of {start}"
    lines = [
        "",
        f"{results['task']} from {start}; weights of {results['weights_of']}",
        "",
    ]
    names = [
        (split, metric)
        for split, scores in results["medians"].items()
        for metric in scores
    ]
    header = "".join(f"{split + ' ' + metric:>26}" for split, metric in names)
    lines.append(f"{'seed':<8}{header}{'seconds':>10}")
    for trial in results["trials"]:
        cells = "".join(f"{100 * trial[s][m]:>26.2f}" for s, m in names)
        lines.append(f"{trial['seed']:<8}{cells}{trial['seconds']:>10.1f}")
    cells = "".join(f"{100 * results['medians'][s][m]:>26.2f}" for s, m in names)
    lines.append(f"{'median':<8}{cells}")
    lines += [
        f"seed {trial['seed']}: {trial['skipped_steps']} steps skipped, whose loss "
        "or gradient was not finite"
        for trial in results["trials"]
        if trial.get("skipped_steps")
    ]
    lines.append(
        f"dev {results['metric']}: median {100 * results['median']:.2f}, standard "
        f"deviation {100 * results['std']:.2f}, {100 * results['min']:.2f} to "
        f"{100 * results['max']:.2f} in {len(results['trials'])} trials"
    )
    return "\n".join(lines)


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
            if name == "config.json":  # newer fields had their defaults
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


def _weights_path(workdir, seed):
    return workdir / "trials" / f"seed-{seed}" / finetuning_workdir.WEIGHTS_FILE


def _data_sha256(task):
    digest = hashlib.sha256()
    for name, split in task.splits.items():
        labels = None if split.labels is None else split.labels.tolist()
        content = [name, split.texts_a, split.texts_b, labels]
        digest.update(json.dumps(content).encode())
    return digest.hexdigest()


def _initial_sha256(initial):
    """Of tokenizer and weights, or of tokenizer and sizes for random weights."""
    digest = hashlib.sha256(initial.tokenizer.fingerprint.encode())
    if initial.weights is None:
        sizes = config_lib.to_dict(initial.encoder_config)
        digest.update(json.dumps(sizes, sort_keys=True).encode())
        return digest.hexdigest()
    for path, array in sorted(initial.weights.items()):
        digest.update(path.encode() + array.tobytes())
    return digest.hexdigest()
