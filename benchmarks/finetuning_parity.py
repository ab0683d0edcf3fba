"""Fine-tuning from the same weights, by this program and by transformers.

    python -m benchmarks.finetuning_parity --encoder=FOLDER --data_dir=glue
    python -m benchmarks.finetuning_parity --table

The first command fine-tunes the encoder (a Hugging Face folder) on each task with each
contestant and seed, and adds each result to the JSON file --output. A command that was
stopped continues where it was. The second prints the results as a table, and
--figure=FILE draws scores over the number of training examples.

The file has a row for each training. It names the user's own tasks and the encoder by
their folders, without the path. --collect=FILE,FILE adds the rows of other such files,
for example of another machine. docs/tables/finetuning.json is made like this, and the
course chapter is made from it.

Needs requirements-dev.txt and, for the seconds, a quiet machine. Every result comes
from a process of its own, and the contestants take turns.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import time
from pathlib import Path

from benchmarks.worker import Contestant
from tf_pretrain import atomic_files
from tf_pretrain.tasks import own_task

_MODULE = "benchmarks.parity_contestants:"
_CONTESTANTS = {
    "ours": ("ours", {}),
    "transformers": ("transformers", {}),
    "transformers bfloat16": ("transformers", {"autocast": True}),
    "ours from random weights": ("ours", {"from_scratch": True}),
    "TF-IDF and linear": ("linear", {}),
    "linear probe on frozen mean-pooled features": ("probe", {}),
    "majority class": ("majority", {}),
}
_WITHOUT_SEEDS = ("linear", "probe", "majority")  # these draw nothing
_TASKS = ("CoLA", "MRPC", "RTE", "STS-B", "SST-2")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training: what is learnt, how, with which seed, from how many examples.

    Attributes:
        task: Name, or path of the user's own task.
        size: Number of training examples; 0 for all.
    """

    task: str
    contestant: str
    size: int
    seed: int

    @property
    def key(self) -> str:
        return f"{_name(self.task)}|{self.contestant}|{self.size}|{self.seed}"

    def row(self, answer: dict, encoder) -> dict:
        """What is kept: how it was trained, without paths, and its figures."""
        folders = Path(encoder).resolve().parts[-2:]
        return {
            **dataclasses.asdict(self),
            "task": _name(self.task),
            "encoder": "/".join(folders),
            **answer,
        }

    def run(self, encoder, data_dir) -> dict:
        """Trains in a new process; returns the figures of parity_contestants."""
        function, more = _CONTESTANTS[self.contestant]
        arguments = {
            "task": self.task,
            "data_dir": data_dir,
            "encoder": encoder,
            "size": self.size,
            **more,
        }
        with Contestant(_MODULE + function, arguments) as contestant:
            return contestant.run(seed=self.seed)


def _name(task) -> str:
    """A task's name; of the user's own task that of its folder or file."""
    return own_task.task_name(task)


def read(path) -> dict[str, dict]:
    """{key: row} of a file of results; {} if there is none.

    Files of earlier versions have paths instead of the names of tasks.
    """
    if not Path(path).exists():
        return {}
    found = {}
    for row in json.loads(Path(path).read_text("utf-8")).values():
        cell = Cell(row["task"], row["contestant"], row["size"], row["seed"])
        found[cell.key] = {**row, "task": _name(row["task"])}
    return found


def main(arguments=None):
    options = _parse(arguments)
    output = Path(options.output)
    results = read(output)
    if options.collect:
        for path in options.collect:
            results |= read(path)
        _write(output, results)
    elif not (options.table or options.figure):
        results = _run_missing(options, output, results)
    print(table(results))
    if options.figure:
        draw_curves(results, options.figure)


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetuning_parity")
    parser.add_argument("--encoder", help="Hugging Face folder of a BERT")
    parser.add_argument("--data_dir", help="GLUE's folders")
    parser.add_argument(
        "--tasks", type=_list, default=_TASKS, help="names, or paths of own tasks"
    )
    parser.add_argument(
        "--contestants",
        type=_list,
        default=list(_CONTESTANTS),
        help="of " + ", ".join(_CONTESTANTS),
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--sizes", type=_numbers, default=[0], help="training examples; 0: all"
    )
    parser.add_argument("--minutes", type=float, help="start nothing after this time")
    parser.add_argument("--output", default="runs/finetuning_parity.json")
    parser.add_argument(
        "--collect", type=_list, default=[], help="other files, whose rows are added"
    )
    parser.add_argument("--table", action="store_true", help="print what is there")
    parser.add_argument("--figure", help="PNG file")
    options = parser.parse_args(arguments)
    for name in options.contestants:
        if name not in _CONTESTANTS:
            known = ", ".join(_CONTESTANTS)
            parser.error(f"--contestants: {name!r} is not one of {known}")
    for path in options.collect:
        if not Path(path).exists():
            parser.error(f"--collect: there is no file {path}")
    needs_none = options.table or options.figure or options.collect
    if not (needs_none or options.encoder):
        parser.error("--encoder is missing: a Hugging Face folder of a BERT")
    return options


def _list(text):
    return [name.strip() for name in text.split(",")]


def _numbers(text):
    return [int(number) for number in text.split(",")]


def _run_missing(options, output, results):
    began = time.perf_counter()
    for size, task, seed, contestant in itertools.product(
        options.sizes, options.tasks, range(options.seeds), options.contestants
    ):
        if seed > 0 and _CONTESTANTS[contestant][0] in _WITHOUT_SEEDS:
            continue
        cell = Cell(task, contestant, size, seed)
        if cell.key in results:
            continue
        if options.minutes and time.perf_counter() - began > 60 * options.minutes:
            print(f"{options.minutes:g} minutes are over; the same command continues")
            break
        answer = cell.run(options.encoder, options.data_dir)
        results[cell.key] = cell.row(answer, options.encoder)
        _write(output, results)
        name, value = next(iter(answer["scores"].items()))
        print(
            f"{cell.key}: {name} {100 * value:.1f}, {answer['seconds']:.0f} s",
            flush=True,
        )
    return results


def _write(output, results):
    output.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.write_json(output, results)


def _groups(results):
    """{(task, size, contestant): its results, one for each seed}, in order."""
    groups = {}
    for row in results.values():
        key = (row["task"], row["size"], row["contestant"])
        groups.setdefault(key, []).append(row)
    return groups


def table(results) -> str:
    """Scores x 100 and costs, in Markdown: medians, and the range of the seeds."""
    lines = [
        "| task | examples | contestant | seeds | score | seconds | sentences/s "
        "| memory, GB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (task, size, contestant), rows in _groups(results).items():
        metric = next(iter(rows[0]["scores"]))
        cells = [
            f"{task}, {metric}",
            f"{size:,}" if size else "all",
            contestant,
            str(len(rows)),
            _spread([100 * row["scores"][metric] for row in rows]),
            f"{_median(rows, 'seconds'):.0f}",
            f"{_median(rows, 'sentences_per_s'):.0f}",
            f"{_median(rows, 'peak_memory') / 1e9:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _median(rows, name):
    return statistics.median(row[name] for row in rows)


def _spread(values):
    middle = f"{statistics.median(values):.1f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.1f} to {max(values):.1f})"


def draw_curves(results, path):
    """A panel for each task: median scores over the number of training examples."""
    from tf_pretrain import plotting

    groups = _groups(results)
    tasks = list(dict.fromkeys(task for task, _, _ in groups))
    with plotting.saved(path, (4.5, 3.5), columns=len(tasks)) as (_, axes):
        for axis, task in zip(axes, tasks, strict=True):
            for contestant in _CONTESTANTS:
                _draw_line(axis, groups, task, contestant)
            axis.set(title=task, xlabel="training examples", xscale="log")
        axes[0].set_ylabel("score x 100")
        axes[0].legend(fontsize="small")


def _draw_line(axis, groups, task, contestant):
    points = []
    for (name, size, who), rows in groups.items():
        if (name, who) == (task, contestant) and size:
            metric = next(iter(rows[0]["scores"]))
            points.append((size, [100 * row["scores"][metric] for row in rows]))
    if not points:
        return
    sizes, values = zip(*sorted(points), strict=True)
    middles = [statistics.median(v) for v in values]
    errors = [
        [m - min(v) for m, v in zip(middles, values, strict=True)],
        [max(v) - m for m, v in zip(middles, values, strict=True)],
    ]
    axis.errorbar(sizes, middles, errors, marker="o", capsize=3, label=contestant)


if __name__ == "__main__":
    main()
