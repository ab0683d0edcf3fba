"""All of GLUE: one table with averages, beside the papers' rows of the same size."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tf_pretrain import atomic_files
from tf_pretrain.config import EncoderConfig
from tf_pretrain.errors import UserError
from tf_pretrain.tasks import glue, results
from tf_pretrain.tasks.finetune import finetune
from tf_pretrain.tasks.initial import Initial

# Clark et al. (2020), Table 1: the mean of these tasks, each by its first metric. MNLI
# is matched only, and WNLI is left out.
AVERAGED = ("CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE")
_PAPER_SCORES = Path(__file__).with_name("paper_scores.json")


def available_tasks(data_dir, subsets) -> tuple[list[str], dict[str, str]]:
    """The tasks whose files exist, and {task: reason} for the others."""
    if data_dir is None:
        return list(glue.TASKS), {}
    available, missing = [], {}
    for name in glue.TASKS:
        try:
            glue.load(name, data_dir, subsets)
        except glue.TaskError as error:
            missing[name] = str(error)
        else:
            available.append(name)
    return available, missing


def electra_average(medians: dict[str, dict]) -> tuple[float, list[str]]:
    """The ELECTRA paper's average over those of its 8 tasks that were run.

    Args:
        medians: {task: `medians` of its results}.

    Returns:
        The average and its tasks.
    """
    names = [name for name in AVERAGED if name in medians]
    scores = [medians[n]["dev"][glue.TASKS[n].metrics[0]] for n in names]
    return _mean(scores), names


def leaderboard_average(medians: dict[str, dict]) -> tuple[float, list[str]]:
    """The average of the GLUE leaderboard: all 9 tasks, each by the mean of its scores.

    Wang et al. (2019), sec. 3: several metrics, and MNLI's two sets, are averaged
    first. Arguments and result are like those of `electra_average`.
    """
    names = [name for name in glue.TASKS if name in medians]
    scores = [
        _mean([value for split in medians[name].values() for value in split.values()])
        for name in names
    ]
    return _mean(scores), names


def paper_rows(encoder: EncoderConfig) -> list[dict]:
    """Published rows of the encoder's size: `model`, `source`, `scores`, `average`."""
    rows = json.loads(_PAPER_SCORES.read_text(encoding="utf-8"))["rows"]
    sizes = dataclasses.asdict(encoder)
    return [row for row in rows if row["encoder"].items() <= sizes.items()]


def summarize(all_results: dict[str, dict], encoder: EncoderConfig) -> dict:
    """The contents of the suite's `results.json`.

    Args:
        all_results: {task: results of its run}.
    """
    medians = {name: results["medians"] for name, results in all_results.items()}
    averages = {}
    for name, function in (
        ("electra", electra_average),
        ("leaderboard", leaderboard_average),
    ):
        value, tasks = function(medians)
        averages[name] = {"value": value, "tasks": tasks}
    return {
        "task": "all",
        "averages": averages,
        "tasks": {
            name: {
                key: results[key]
                for key in ("metric", "median", "std", "min", "max", "medians")
            }
            | {"num_trials": len(results["trials"]), "notes": results["notes"]}
            for name, results in all_results.items()
        },
        "paper_rows": paper_rows(encoder),
    }


def run(data_dir, config_of: Callable, initial: Initial, workdir: Path) -> None:
    """Fine-tunes on all tasks that exist; writes and prints their summary.

    Args:
        data_dir: As for `glue.load`.
        config_of: Returns the FinetuneConfig for a task's name.

    Raises:
        UserError: If there is no task.
    """
    subsets = config_of("CoLA").finetune.subsets
    available, missing = available_tasks(data_dir, subsets)
    if not available:
        raise UserError("\n".join(missing.values()))
    for reason in missing.values():
        print(f"left out: {reason}", flush=True)
    all_results = {}
    for name in available:
        task = glue.load(name, data_dir, subsets)
        all_results[name] = finetune(task, config_of(name), initial, workdir / name)
        print(results.report(all_results[name]), flush=True)
    summary = summarize(all_results, initial.encoder_config)
    atomic_files.write_json(workdir / "results.json", summary)
    folder = collect_submission(workdir, all_results)
    print(report(summary, missing))
    print(f"\nresults.json is in {workdir}, files for the leaderboard in {folder}")


def report(summary: dict, missing: dict[str, str]) -> str:
    """One table: our medians and spread, then the papers' rows."""
    names = [name for name in (*AVERAGED, "WNLI") if name in summary["tasks"]]
    electra = summary["averages"]["electra"]
    width = 34
    header = f"{'dev x 100':<{width}}" + "".join(f"{name:>8}" for name in names)
    rows = [("median", {n: 100 * summary["tasks"][n]["median"] for n in names})]
    rows += [
        (label, {n: 100 * summary["tasks"][n][key] for n in names})
        for label, key in (
            ("standard deviation", "std"),
            ("lowest", "min"),
            ("highest", "max"),
        )
    ]
    lines = ["", header + f"{'average':>9}"]
    for label, scores in rows:
        average = 100 * electra["value"] if label == "median" else None
        lines.append(_row(label, width, scores, names, average))
    lines += _paper_lines(summary["paper_rows"], width, names, electra["tasks"])
    board = summary["averages"]["leaderboard"]
    lines += [
        "",
        f"average as in the ELECTRA paper: {100 * electra['value']:.2f} over "
        f"{len(electra['tasks'])} of its 8 tasks (no WNLI)",
        f"average as on the GLUE leaderboard: {100 * board['value']:.2f} over "
        f"{len(board['tasks'])} of its 9 tasks",
    ]
    lines += [
        f"note: {name}: {note}"
        for name in names
        for note in summary["tasks"][name]["notes"]
    ]
    lines += [f"left out: {reason}" for reason in missing.values()]
    return "\n".join(lines)


def collect_submission(workdir, all_results: dict[str, dict]) -> Path:
    """Copies the files for the leaderboard, of each task's median trial."""
    folder = Path(workdir) / "submission"
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in all_results.items():
        seed = values["median_seed"]
        trial = next(t for t in values["trials"] if t["seed"] == seed)
        for split, path in trial["predictions"].items():
            if not split.startswith("dev"):
                source = Path(workdir) / name / path
                shutil.copyfile(source, folder / source.name)
    return folder


def _paper_lines(paper_rows, width, names, tasks):
    lines = []
    for row in paper_rows:
        scores = row["scores"]
        # The average over our tasks; the printed one is over all tasks of the average.
        average = row["average"] if tasks == list(AVERAGED) else None
        if tasks and all(name in scores for name in tasks):
            average = _mean([scores[name] for name in tasks])
        lines.append(_row(row["model"], width, scores, names, average))
    if not paper_rows:
        lines.append("(the papers have no encoder of this size)")
    elif paper_rows[0]["encoder"]["parameter_sharing"] == "all":
        lines.append("  ALBERT's STS-B is Pearson's correlation, ours Spearman's")
    return lines + [f"  {row['model']}: {row['source']}" for row in paper_rows]


def _row(label, width, scores, names, average):
    cells = "".join(
        f"{scores[name]:>8.1f}" if name in scores else f"{'':>8}" for name in names
    )
    shown = "" if average is None else f"{average:.1f}"
    return f"{label:<{width}}{cells}{shown:>9}"


def _mean(values):
    return sum(values) / len(values) if values else float("nan")
