"""The speed table: ours, the peers', ratio, target and verdict.

    python -m benchmarks.run [--quick] [--only=NAME,...] [--input='text/*.txt.gz']

Nothing need be at hand: by default the text is the installed packages' documentation.
Needs requirements-dev.txt (PyTorch and transformers) and a quiet machine. Contestants
run in turns, each in its own process; figures are medians over the rounds.
"""

import argparse
import importlib
import importlib.metadata
import json
import platform
import time
from pathlib import Path

from benchmarks import comparison, corpus

ITEMS = {
    "electra_small_step": "pretraining_step:electra",
    "albert_base_step": "pretraining_step:albert",
    "records_electra": "records:electra",
    "records_albert": "records:albert",
    "records_memory": "records:memory",
    "finetune_sst2": "finetuning:finetune",
    "startup": "startup:startup",
    "serving_latency": "finetuning:serve",
    "input_pipeline": "input_pipeline:wait_share",
}


def main(arguments=None):
    options = _parse(arguments)
    folder = corpus.folder_for(options.cache, options.input)
    folder.mkdir(parents=True, exist_ok=True)
    settings = comparison.Settings(
        inputs=options.input,
        folder=str(folder),
        data_dir=options.data_dir,
        rounds=options.rounds or (3 if options.quick else 5),
        quick=options.quick,
    )
    rows, seconds = [], {}
    for name in options.only:
        began = time.perf_counter()
        module, function = ITEMS[name].split(":")
        measure = getattr(importlib.import_module(f"benchmarks.{module}"), function)
        found = measure(settings)
        seconds[name] = time.perf_counter() - began
        print(f"{name}: {seconds[name]:.0f} s", flush=True)
        print(comparison.format_table(found), flush=True)
        rows += found
    output = Path(options.output or Path(options.cache, "results.json"))
    output.write_text(json.dumps(_document(settings, rows, seconds), indent=1) + "\n")
    total = sum(seconds.values())
    print(f"\n{comparison.format_table(rows)}\n\n{output}, {total:.0f} s in all")


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    parser.add_argument("--quick", action="store_true", help="3 rounds, fewer peers")
    parser.add_argument(
        "--only", type=_names, default=list(ITEMS), help=f"of {', '.join(ITEMS)}"
    )
    parser.add_argument("--rounds", type=int, help="timed rounds; 5, or 3 if --quick")
    parser.add_argument(
        "--input", default="docs", help="text, as for run_pretraining.py"
    )
    parser.add_argument(
        "--data_dir", help="GLUE's folders, for SST-2; by default sentences of the text"
    )
    parser.add_argument(
        "--cache", default="runs/benchmarks", help="folder for prepared data"
    )
    parser.add_argument("--output", help="JSON file; results.json in --cache")
    return parser.parse_args(arguments)


def _names(text):
    names = text.split(",")
    unknown = [name for name in names if name not in ITEMS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"no benchmark {', '.join(unknown)}; there are {', '.join(ITEMS)}"
        )
    return names


def _document(settings, rows, seconds):
    """What the JSON file holds."""
    versions = {
        name: importlib.metadata.version(name)
        for name in ("tensorflow", "keras", "torch", "transformers")
    }
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": platform.processor() or platform.machine(),
        "versions": versions,
        "inputs": settings.inputs,
        "rounds": settings.rounds,
        "seconds": seconds,
        "rows": [row.to_dict() for row in rows],
    }


if __name__ == "__main__":
    main()
