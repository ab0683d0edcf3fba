"""Cost against sequence length, batch, depth, sharing and corpus size, as plots.

    python -m benchmarks.scaling [--only=length,batch,depth,corpus,workers]

Every plot has the expected law beside the measured points: the operations of the
matrix products (tf_pretrain.models.flops), scaled to the largest point; a straight
line for the corpus. "workers" prints two worker processes, one core each, beside one
process with both cores.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import socket
from pathlib import Path

from benchmarks import comparison, corpus
from benchmarks.worker import Contestant

_AXES = {
    "length": ("max_seq_length", [32, 64, 128, 256, 512]),
    "batch": ("batch_size", [2, 4, 8, 16, 32]),
    "depth": ("num_hidden_layers", [1, 2, 4, 8]),
}
_CORPUS_MB = (25, 50, 100, 200, 400)
_PLOTS = (*_AXES, "corpus", "workers")


def step_config(sharing="none", **values):
    """ELECTRA-Small's widths with 4 layers and batch 8 x 128; `values` change it."""
    config = corpus.electra_config(batch_size=8)
    model = {"num_hidden_layers": 4, "parameter_sharing": sharing}
    data, train = {}, {}
    for name, value in values.items():
        {"max_seq_length": data, "batch_size": train}.get(name, model)[name] = value
    return dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, **model),
        data=dataclasses.replace(config.data, **data),
        train=dataclasses.replace(config.train, **train),
    )


def random_step(values, jit_compile=True, strategy="one"):
    """A contestant: the train step on random tokens.

    Args:
        values: Arguments of `step_config`.
        strategy: "one", or "multi_worker" (TF_CONFIG names the workers).
    """
    from benchmarks import ours, synthetic
    from tf_pretrain.training.strategy import build_strategy

    config = step_config(**values)
    batches = [synthetic.random_batch(config, seed) for seed in range(2)]
    with build_strategy(strategy).scope():
        return ours.timed_step(config, batches, jit_compile)


def measure_steps(axis, rounds):
    """[(value, sharing, seconds a step, matrix-product FLOPs, parameters)]."""
    from tf_pretrain.models.flops import matmul_flops
    from tf_pretrain.models.sizes import parameter_counts

    name, values = _AXES[axis]
    points = []
    for sharing in ("none", "all") if axis == "depth" else ("none",):
        for value in values:
            changes = {name: value, "sharing": sharing}
            with Contestant("benchmarks.scaling:random_step", {"values": changes}) as c:
                results = [c.run(steps=2) for _ in range(rounds)]
            config = step_config(**changes)
            points.append(
                (
                    value,
                    sharing,
                    comparison.median(results, "seconds"),
                    matmul_flops(config),
                    parameter_counts(config.model)["total"],
                )
            )
            print(axis, points[-1], flush=True)
    return points


def plot_steps(axis, points, path):
    """Measured points, and the law through the last one of each curve."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4), layout="constrained")
    axes = figure.add_subplot()
    for sharing in dict.fromkeys(point[1] for point in points):
        curve = [point for point in points if point[1] == sharing]
        label = {"none": "measured", "all": "measured, layers shared"}[sharing]
        x = [point[0] for point in curve]
        axes.plot(x, [point[2] for point in curve], "o", label=label)
        scale = curve[-1][2] / curve[-1][3]
        law = [scale * point[3] for point in curve]
        if sharing == "none":
            axes.plot(x, law, "--", color="grey", label="matrix products")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(x, [str(value) for value in x])
    names = {"length": "sequence length", "batch": "batch size", "depth": "layers"}
    axes.set_xlabel(names[axis])
    axes.set_ylabel("seconds a step")
    axes.legend()
    figure.savefig(path, dpi=120)


def measure_corpus(folder):
    """[(MB, seconds of building, peak bytes)] for ELECTRA's records, two workers."""
    from benchmarks import records

    prepare = {"folder": str(folder), "inputs": "docs", "model": "electra"}
    Contestant("benchmarks.corpus:prepare", prepare).close()
    settings = comparison.Settings("docs", str(folder), None, 1, True)
    points = []
    for megabytes in _CORPUS_MB:
        path = records.repeated_text(settings, megabytes)
        result = records.build(settings, "electra", path)
        points.append((megabytes, result["seconds"], result["memory"]))
        print("corpus", points[-1], flush=True)
    return points


def plot_corpus(points, path):
    """Time with a straight line through the first and last point; memory."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    megabytes = [point[0] for point in points]
    time_axes.plot(megabytes, [point[1] for point in points], "o", label="measured")
    ends = [points[0], points[-1]]
    line = ([p[0] for p in ends], [p[1] for p in ends])
    time_axes.plot(*line, "--", color="grey", label="start-up + constant rate")
    time_axes.set_ylabel("seconds")
    time_axes.legend()
    memory_axes.plot(megabytes, [point[2] / 1e9 for point in points], "o")
    memory_axes.set_ylabel("peak memory of all processes, GB")
    for axes in (time_axes, memory_axes):
        axes.set_xlabel("text, MB")
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    figure.savefig(path, dpi=120)


def compare_workers(rounds):
    """Seconds a step: two workers with half of the batch each, and one process."""
    one_core = {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    arguments = {"values": {"batch_size": 16}, "jit_compile": False}
    half = {"values": {"batch_size": 8}, "strategy": "multi_worker"}
    ports = [_free_port() for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:

        def start(index):
            cluster = {"worker": [f"localhost:{port}" for port in ports]}
            task = {"type": "worker", "index": index}
            environment = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}
            return Contestant(
                "benchmarks.scaling:random_step", half, one_core | environment
            )

        workers = list(pool.map(start, range(2)))
        one = Contestant("benchmarks.scaling:random_step", arguments)

        def run_workers():
            return list(pool.map(lambda worker: worker.run(steps=3), workers))[0]

        results = comparison.interleave(
            {"one": lambda: one.run(steps=3), "two": run_workers}, rounds
        )
        for contestant in (one, *workers):
            contestant.close()
    return {name: comparison.median(r, "seconds") for name, r in results.items()}


def _free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--only", default=",".join(_PLOTS), help="some, with commas")
    parser.add_argument("--output", type=Path, default="docs/images", help="of plots")
    parser.add_argument("--cache", default="runs/benchmarks", help="prepared data")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds")
    options = parser.parse_args(arguments)
    names = options.only.split(",")
    if unknown := set(names) - set(_PLOTS):
        parser.error(f"no {', '.join(unknown)}; there are {', '.join(_PLOTS)}")
    options.output.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = options.output / f"scaling_{name}.png"
        if name in _AXES:
            plot_steps(name, measure_steps(name, options.rounds), path)
        elif name == "corpus":
            plot_corpus(measure_corpus(corpus.folder_for(options.cache, "docs")), path)
        else:
            _print_workers(compare_workers(options.rounds))


def _print_workers(seconds):
    one, two = seconds["one"], seconds["two"]
    print(
        f"batch 16, graph mode: one process {one:.3f} s a step, two workers "
        f"{two:.3f} s: {one / two:.2f} times as fast"
    )


if __name__ == "__main__":
    main()
