"""Question answering beside transformers: features, training steps, memory.

    python -m benchmarks.question_answering --data=dev-v2.0.json

The data are any file in SQuAD's form, `.json` or `.json.gz`. The network is
ELECTRA-Small with one layer that predicts start and end, as transformers has it, in
float32, with inputs of 384 pieces and random weights. Needs requirements-dev.txt and a
quiet machine. Contestants run in turns, each in its own process; figures are medians
over the rounds.
"""

import argparse
import contextlib
import gzip
import json
import os
import tempfile
import time
from pathlib import Path

from benchmarks import comparison, corpus
from benchmarks.comparison import Row
from benchmarks.worker import Contestant

_OURS, _PEER = (f"benchmarks.question_contestants:{who}" for who in ("our", "peer"))
# Batches of mixed lengths need more steps for a steady rate than padded ones: of ours
# nearly a pool, and a random sample of the peer's.
_GROUPED, _DYNAMIC = 12, 3
_COPIES = 4


def main(arguments=None):
    options = _parse(arguments)
    began, rows = time.perf_counter(), []
    options.vocab = options.vocab or _vocabulary(options)
    for measure in (features, training, memory):
        found = measure(options)
        print(f"{comparison.format_table(found)}\n", flush=True)
        rows += found
    print(comparison.format_table(rows))
    print(f"\n{time.perf_counter() - began:.0f} s in all")


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.question_answering")
    parser.add_argument("--data", required=True, help="questions in SQuAD's form")
    parser.add_argument("--questions", type=int, help="the first so many; default: all")
    parser.add_argument(
        "--steps", type=int, default=4, help="padded training steps of a round"
    )
    parser.add_argument("--batch_size", type=int, default=8, help="windows of a step")
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds")
    parser.add_argument(
        "--vocab", help="WordPiece vocabulary; by default that of benchmarks.run"
    )
    parser.add_argument(
        "--input", default="docs", help="text for the default vocabulary"
    )
    parser.add_argument(
        "--cache", default="runs/benchmarks", help="folder of the default vocabulary"
    )
    return parser.parse_args(arguments)


def _vocabulary(options):
    folder = corpus.folder_for(options.cache, options.input)
    folder.mkdir(parents=True, exist_ok=True)
    made = {"folder": str(folder), "inputs": options.input, "model": "electra"}
    Contestant("benchmarks.corpus:prepare", made).close()
    return str(folder / "wordpiece" / "vocab.txt")


def features(options):
    """From questions to windows with labels."""
    contestants = {"ours": (f"{_OURS}_features", {}, {})}
    for threads in sorted({1, len(os.sched_getaffinity(0))}):
        limit = {"RAYON_NUM_THREADS": str(threads)}
        name = f"HF fast tokenizer, {threads} thread{'s' * (threads > 1)}"
        contestants[name] = f"{_PEER}_features", {}, limit
    results = _in_turns(options, contestants, dict.fromkeys(contestants, {}))
    rates = {n: comparison.median(r, "questions_per_s") for n, r in results.items()}
    windows = {name: found[0]["windows"] for name, found in results.items()}
    note = f"ours in one process; {windows.pop('ours'):,} windows, HF's "
    note += f"{max(windows.values()):,}: their strides differ, see `encode`"
    return [
        Row("features", rates["ours"], name, rates[name], "questions/s", 1.0, note=note)
        for name in windows
    ]


def training(options):
    """Windows a second, all padded to 384, and of batches as short as they can be."""
    contestants, steps = {}, {}
    for name, target, more, factor in (
        ("padded", f"{_OURS}_training", {"is_grouped": False}, 1),
        ("grouped", f"{_OURS}_training", {"is_grouped": True}, _GROUPED),
        ("HF padded", f"{_PEER}_training", {"padding": "max_length"}, 1),
        ("HF dynamic", f"{_PEER}_training", {"padding": "longest"}, _DYNAMIC),
    ):
        contestants[name] = target, {"batch_size": options.batch_size, **more}, {}
        steps[name] = {"steps": factor * options.steps}
    results = _in_turns(options, contestants, steps)
    rates = {n: comparison.median(r, "windows_per_s") for n, r in results.items()}
    peaks = {n: comparison.median(r, "peak_memory") / 1e9 for n, r in results.items()}
    notes = {"padded": "ours with XLA", "grouped": "ours without, as run_finetuning.py"}
    rows = []
    for ours, peer in (
        ("padded", "HF padded"),
        ("grouped", "HF padded"),
        ("grouped", "HF dynamic"),
    ):
        item = f"training, {ours}, batch {options.batch_size}"
        speed = rates[ours], peer, rates[peer], "windows/s", 1.5
        rows.append(Row(item, *speed, note=notes[ours]))
    for ours, peer in (("padded", "HF padded"), ("grouped", "HF dynamic")):
        size = peaks[ours], peer, peaks[peer], "GB", None
        rows.append(Row(f"training, {ours}, peak memory", *size, is_rate=False))
    return rows


def memory(options):
    """Ours: the same training with all questions, and with four times as many."""
    arguments = {"batch_size": options.batch_size, "is_grouped": True}
    steps = {"steps": _GROUPED * options.steps}
    values, peaks, counts = _read(options.data, options.questions), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for copies in (1, _COPIES):
            path = Path(folder, f"{copies}.json")
            counts[copies] = _write_copies(values, copies, path)
            arguments |= {"data": str(path), "vocab": options.vocab}
            with Contestant(f"{_OURS}_training", arguments) as contestant:
                peaks[copies] = contestant.run(**steps)["peak_memory"] / 1e9
    return [
        Row(
            f"training on {counts[_COPIES]:,} questions, peak memory",
            peaks[_COPIES],
            f"ours on {counts[1]:,}",
            peaks[1],
            "GB",
            1.1,
            is_rate=False,
        )
    ]


def _in_turns(options, contestants, arguments):
    """{name: results of all rounds}.

    Args:
        contestants: {name: (target, its arguments, environment)}.
        arguments: {name: those of each round}.
    """
    shared = {name: getattr(options, name) for name in ("data", "vocab", "questions")}
    with contextlib.ExitStack() as stack:
        runs = {}
        for name, (target, own, environment) in contestants.items():
            started = Contestant(target, shared | own, environment)
            run = stack.enter_context(started).run
            runs[name] = lambda run=run, name=name: run(**arguments[name])
        return comparison.interleave(runs, options.rounds)


def _read(path, questions):
    """A SQuAD file's articles; only those with the first so many questions."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    kept, left = [], questions or float("inf")
    for article in articles:
        for paragraph in article["paragraphs"]:
            asked = paragraph["qas"][: max(0, min(left, len(paragraph["qas"])))]
            left -= len(asked)
            if asked:
                kept.append({"paragraphs": [paragraph | {"qas": asked}]})
    return kept


def _write_copies(articles, copies, path) -> int:
    """Writes a SQuAD file of several copies with ids and texts of their own."""
    data, count = [], 0
    for copy in range(copies):
        for article in articles:
            (paragraph,) = article["paragraphs"]
            context = f"{paragraph['context']} {copy}"
            asked = [qa | {"id": f"{qa['id']} {copy}"} for qa in paragraph["qas"]]
            data.append({"paragraphs": [{"context": context, "qas": asked}]})
            count += len(asked)
    path.write_text(json.dumps({"data": data}), encoding="utf-8")
    return count


if __name__ == "__main__":
    main()
