"""The results of a task's trials: `results.json`, and a table for display."""

import json

import numpy as np

from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange import finetuning_workdir


def summarize(task, config, initial, workdir) -> dict:
    """The results of all finished trials of the config's seeds.

    `median`, `std` (of a sample), `min` and `max` summarize the trials' dev scores in
    the task's first metric. `medians` has every metric of every labelled split.
    """
    settings = config.finetune
    seeds = range(config.seed, config.seed + settings.num_trials)
    trials = [
        json.loads((workdir / "trials" / f"seed-{seed}" / "trial.json").read_text())
        for seed in seeds
    ]
    metric = task.metrics[0]
    values = np.array([trial["dev"][metric] for trial in trials])
    median_seed = _median_seed(workdir, seeds, values)
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
        "weights": str(weights_path(workdir, median_seed).relative_to(workdir)),
        "init_checkpoint": initial.path,
        "from_scratch": initial.weights is None,
        "examples": {name: len(split) for name, split in task.splits.items()},
        "notes": list(task.notes),
        "trials": trials,
    }


def _median_seed(workdir, seeds, values):
    """The trial nearest to the median among those whose weights still exist."""
    kept = [
        (abs(value - np.median(values)), seed)  # the first of equally near ones
        for seed, value in zip(seeds, values, strict=True)
        if weights_path(workdir, seed).is_file()
    ]
    if not kept:
        raise ConfigError(
            f"{workdir} keeps the weights of one trial, and it is none of the seeds "
            f"{seeds.start} to {seeds.stop - 1}; set finetune.num_trials as before, or "
            "more"
        )
    return min(kept)[1]


def report(results: dict) -> str:
    """The text at the end of a run."""
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


def compare(all_results: dict[str, dict], guessing: float) -> str:
    """Results of the same task from several starts, one below the other.

    Args:
        guessing: Score of guessing, in [0, 1].
    """
    metric = next(iter(all_results.values()))["metric"]
    lines = ["", f"{'dev ' + metric:<20}{'median':>10}{'lowest':>10}{'highest':>10}"]
    for name, results in all_results.items():
        values = (100 * results[key] for key in ("median", "min", "max"))
        lines.append(f"{name:<20}" + "".join(f"{value:>10.2f}" for value in values))
    return "\n".join([*lines, f"{'guessing':<20}{100 * guessing:>10.2f}"])


def weights_path(workdir, seed):
    """The path of a trial's weights, which may have been deleted."""
    return workdir / "trials" / f"seed-{seed}" / finetuning_workdir.WEIGHTS_FILE
