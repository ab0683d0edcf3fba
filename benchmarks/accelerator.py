"""Pretraining steps on one accelerator: Keras on JAX or PyTorch beside transformers.

    KERAS_BACKEND=jax python -m benchmarks.accelerator [--sizes=small,base,large]

Under ten minutes on one GPU. bfloat16, random tokens without padding (the text does not
matter for time), dropout as in the paper. Prints for ELECTRA-Small, -Base and -Large
seconds a step and model FLOPs utilisation: the matrix products of the model over those
that the same device does in the same time (a bfloat16 product of 8192 x 8192). The peer
is transformers with torch.compile and the head on gathered positions, in a process of
its own. `--tiny` runs everything at toy sizes, to see that it works.
"""

import argparse
import dataclasses
import importlib
import json
import os
import time

from benchmarks import comparison, synthetic
from benchmarks.worker import Contestant

# Batch sizes that fit 40 GB at length 128 (small, base) and 512 (large).
_SIZES = {"small": 512, "base": 256, "large": 32}


def size_config(size, tiny):
    """The paper's config of a size, with a batch for one device."""
    config = importlib.import_module(f"configs.electra_{size}").get_config()
    train = dataclasses.replace(config.train, batch_size=2 if tiny else _SIZES[size])
    model, data = config.model, config.data
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
        data = dataclasses.replace(data, max_seq_length=16)
    return dataclasses.replace(config, model=model, data=data, train=train)


def keras_step(size, tiny):
    """A contestant: `Trainer.fit` on the backend that KERAS_BACKEND names."""
    import keras

    from tf_pretrain.models.building import build_objective
    from tf_pretrain.training.optimizers import build_optimizer
    from tf_pretrain.training.trainer import Trainer

    config = size_config(size, tiny)
    trainer = Trainer(build_objective(config, dtype="mixed_bfloat16"))
    trainer.compile(optimizer=build_optimizer(config.train))
    batches = [synthetic.random_batch(config, seed) for seed in range(4)]

    def stream():
        while True:
            for batch in batches:
                # Our own step takes the dict; Keras' would take it for (x, y).
                yield batch if keras.backend.backend() == "tensorflow" else (batch,)

    data = stream()

    def run(steps):
        began = time.perf_counter()
        trainer.fit(data, steps_per_epoch=steps, verbose=0)  # its logs wait
        return {"seconds": (time.perf_counter() - began) / steps}

    run(2)
    return run


def torch_step(size, tiny):
    """A contestant: transformers, torch.compile, bfloat16 autocast."""
    import torch

    from benchmarks import torch_peers

    torch.set_float32_matmul_precision("high")
    config = size_config(size, tiny)
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
    """A contestant: bfloat16 products on the accelerator, in PyTorch."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    width = 256 if tiny else 8192
    a, b = (
        torch.randn(width, width, device=device, dtype=torch.bfloat16) for _ in range(2)
    )

    def run(steps):
        began = time.perf_counter()
        for _ in range(steps):
            product = torch.mm(a, b)
        product[0, 0].item()
        return {"rate": 2 * width**3 * steps / (time.perf_counter() - began)}

    run(3)
    return run


def measure(size, tiny, rounds, steps):
    """Figures of one size; contestants share the device's memory, so one at a time."""
    from tf_pretrain.models.flops import matmul_flops

    arguments = {"size": size, "tiny": tiny}
    # JAX would otherwise take most of the memory for itself.
    environment = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    figures = {}
    for name, key in (("keras_step", "seconds"), ("torch_step", "seconds")):
        target = f"benchmarks.accelerator:{name}"
        with Contestant(target, arguments, environment) as contestant:
            results = [contestant.run(steps=steps) for _ in range(rounds)]
        figures[name] = comparison.median(results, key)
    target = "benchmarks.accelerator:matrix_rate"
    with Contestant(target, {"tiny": tiny}) as contestant:
        results = [contestant.run(steps=steps) for _ in range(rounds)]
    rate = comparison.median(results, "rate")
    flops = matmul_flops(size_config(size, tiny))
    return {
        "size": size,
        "keras_seconds": figures["keras_step"],
        "torch_seconds": figures["torch_step"],
        "ratio": figures["torch_step"] / figures["keras_step"],
        "matrix_tflops": rate / 1e12,
        "keras_mfu": flops / figures["keras_step"] / rate,
        "torch_mfu": flops / figures["torch_step"] / rate,
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerator")
    parser.add_argument("--sizes", default=",".join(_SIZES), help="with commas")
    parser.add_argument("--tiny", action="store_true", help="toy sizes")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds")
    parser.add_argument("--steps", type=int, default=10, help="steps a round")
    options = parser.parse_args(arguments)
    print(f"Keras on {os.environ.get('KERAS_BACKEND', 'tensorflow')}", flush=True)
    for size in options.sizes.split(","):
        found = measure(size, options.tiny, options.rounds, options.steps)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
