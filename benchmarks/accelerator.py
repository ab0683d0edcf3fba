"""Pretraining steps on one accelerator: ours on JAX beside transformers on PyTorch.

    KERAS_BACKEND=jax python -m benchmarks.accelerator [--peer] [--rows=NAME,NAME]

bfloat16, random tokens without padding (the text does not matter for time), dropout as
in the papers. Each contestant is a process of its own. All of them are built and
compiled side by side; then they are timed in turn, in interleaved rounds, so that never
two use the accelerator at once. Printed for each row: milliseconds a step (medians),
positions a second, and the share of the matrix rate: the matrix products of the model
over those that the same device does in the same time (a bfloat16 product of 8192 x
8192). The peer of ELECTRA-Small is transformers with torch.compile and the head on
gathered positions; its own step gets its batches from the device's memory.

Under 90 seconds on one H200. `--tiny` runs everything at toy sizes, to see that it
works. Neither TensorFlow nor, without `--peer`, PyTorch is needed.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import importlib
import itertools
import json
import os
import time

from benchmarks import comparison, gpu_kit, synthetic
from benchmarks.worker import Contestant

# {row: (config module, its argument, batch size, length, most steps a dispatch)}
_ROWS = {
    "electra_small": ("configs.electra_small", None, 128, 128, 50),
    "electra_base": ("configs.electra_base", None, 64, 512, 10),
    "albert_base": ("configs.albert", "base_v1", 64, 512, 10),
    "albert_xxlarge": ("configs.albert", "xxlarge_v1", 8, 512, 5),
}
_WITH_PEER = ("electra_small",)


def row_config(row, tiny):
    """The paper's config of a row, with a batch for one device."""
    module, argument, batch_size, length, _ = _ROWS[row]
    get_config = importlib.import_module(module).get_config
    config = get_config(argument) if argument else get_config()
    if row == "electra_small":
        # The very program of the kit: what is compiled here is in JAX's cache for it.
        config = gpu_kit.kit_config(row, minutes=1.0)
    model, data, train = config.model, config.data, config.train
    data = dataclasses.replace(data, max_seq_length=length)
    train = dataclasses.replace(
        train, batch_size=batch_size, mixed_precision="bfloat16"
    )
    if tiny:
        model = dataclasses.replace(
            model,
            vocab_size=100,
            embedding_size=16,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=1,
            intermediate_size=128,
        )
        data = dataclasses.replace(data, max_seq_length=16, max_predictions_per_seq=0)
        train = dataclasses.replace(train, batch_size=2)
    return dataclasses.replace(config, model=model, data=data, train=train)


def keras_step(row, tiny):
    """A contestant: `Trainer.run` on the backend that KERAS_BACKEND names."""
    from keras import ops

    from tf_pretrain.training.building import build_trainer
    from tf_pretrain.training.strategy import build_strategy

    config = row_config(row, tiny)
    trainer = build_trainer(config, build_strategy("one"))
    trainer.steps_per_dispatch = min(trainer.steps_per_dispatch, _ROWS[row][-1])
    batches = [synthetic.random_batch(config, seed) for seed in range(4)]

    def run(steps):
        steps = -(-steps // trainer.steps_per_dispatch) * trainer.steps_per_dispatch
        began = time.perf_counter()
        trainer.run(_dataset(batches), 0, steps)
        ops.convert_to_numpy(trainer.trainable_variables[0])  # waits
        return {"seconds": (time.perf_counter() - began) / steps}

    run(2)
    return run


def _dataset(batches):
    """The batches without end, in the form that the backend's `run` takes."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return itertools.cycle(batches)
    import tensorflow as tf

    stacked = tf.nest.map_structure(lambda *x: tf.stack(x), *batches)
    return tf.data.Dataset.from_tensor_slices(stacked).repeat()


def torch_step(row, tiny):
    """A contestant: transformers, torch.compile, bfloat16 autocast."""
    import torch

    from benchmarks import torch_peers

    torch.set_float32_matmul_precision("high")
    config = row_config(row, tiny)
    network, loss_of = torch_peers.electra_loss(config, "gathered")
    batches = [
        torch_peers.electra_targets(synthetic.random_batch(config, seed))
        for seed in range(4)
    ]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch_peers.timed_step(
        network, loss_of, batches, compiled=True, device=device, autocast=True
    )


def matrix_rate(tiny):
    """A contestant: bfloat16 products on the accelerator, in JAX."""
    import jax
    import jax.numpy as jnp

    width = 256 if tiny else 8192
    keys = jax.random.split(jax.random.key(0))
    a, b = (jax.random.normal(key, (width, width), jnp.bfloat16) for key in keys)
    product = jax.jit(jnp.matmul)

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            result = product(a, b)
        result.block_until_ready()
        return {"rate": 2 * width**3 * steps / (time.perf_counter() - began)}

    run(3)
    return run


def measure(rows, tiny, rounds, steps, with_peer):
    """{contestant: median figure}; they are compiled together and timed in turn."""
    # JAX would otherwise take most of the memory for itself.
    environment = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    here = "benchmarks.accelerator"
    calls = {"matrix": (f"{here}:matrix_rate", {"tiny": tiny}, "rate")}
    for row in rows:
        arguments = {"row": row, "tiny": tiny}
        calls[row] = (f"{here}:keras_step", arguments, "seconds")
        if with_peer and row in _WITH_PEER:
            calls[f"{row} peer"] = (f"{here}:torch_step", arguments, "seconds")
    with (
        contextlib.ExitStack() as stack,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        started = {
            name: pool.submit(Contestant, target, arguments, environment)
            for name, (target, arguments, _) in calls.items()
        }
        contestants = {
            name: stack.enter_context(future.result())
            for name, future in started.items()
        }
        results = {name: [] for name in calls}
        for _ in range(rounds):
            for name, contestant in contestants.items():
                results[name].append(contestant.run(steps=steps))
    return {
        name: comparison.median(results[name], key)
        for name, (_, _, key) in calls.items()
    }


def table(rows, figures, tiny):
    """The figures of `measure` as dicts, one a row."""
    from tf_pretrain.models.flops import matmul_flops

    lines = []
    for row in rows:
        config, seconds = row_config(row, tiny), figures[row]
        positions = config.train.batch_size * config.data.max_seq_length
        line = {
            "row": row,
            "batch": f"{config.train.batch_size} x {config.data.max_seq_length}",
            "ms_a_step": 1000 * seconds,
            "positions_per_s": positions / seconds,
            "share_of_matrix_rate": matmul_flops(config) / seconds / figures["matrix"],
        }
        peer = figures.get(f"{row} peer")
        if peer:
            line |= {"peer_ms_a_step": 1000 * peer, "ratio": peer / seconds}
        lines.append(line)
    return lines


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerator")
    parser.add_argument("--rows", default=",".join(_ROWS), help="with commas")
    parser.add_argument("--tiny", action="store_true", help="toy sizes")
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds")
    parser.add_argument("--steps", type=int, default=100, help="steps a round")
    parser.add_argument("--peer", action="store_true", help="transformers, too")
    options = parser.parse_args(arguments)
    rows = options.rows.split(",")
    figures = measure(rows, options.tiny, options.rounds, options.steps, options.peer)
    print(f"Keras on {os.environ.get('KERAS_BACKEND', 'tensorflow')}; bfloat16 product")
    print(f"of 8192 x 8192: {figures['matrix'] / 1e12:.0f} TFLOP/s", flush=True)
    for line in table(rows, figures, options.tiny):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
