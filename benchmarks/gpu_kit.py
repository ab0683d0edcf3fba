"""Ten minutes of one GPU to a row of the ELECTRA paper; docs/accelerators.md says how.

    python -m benchmarks.gpu_kit pack --records=records --output=parts
    KERAS_BACKEND=jax python -m benchmarks.gpu_kit run --parts=parts --output=out
    python -m benchmarks.gpu_kit join --weights=out --output=runs/gpu

`pack`, on a CPU, compresses records into parts of a size that travels. `run`, on the
machine with the GPU (JAX, Keras and this repository; no TensorFlow, no network),
pretrains ELECTRA-Small with the paper's recipe for so many minutes and writes the
weights of both networks every two minutes, in parts too, so that what was reached
survives a limit. `join` makes of them a workdir that run_finetuning.py takes.
"""

import argparse
import concurrent.futures
import dataclasses
import io
import json
import lzma
import os
import tarfile
import time
from pathlib import Path

import keras

from tf_pretrain import atomic_files

_MIB = 1 << 20
_WEIGHTS = "weights-{}-of-{}.safetensors"
# Kernels that do not depend on each other run side by side, and the loop over steps is
# one CUDA graph: on an H200 11.4 ms a step became 9.3 (docs/accelerators.md).
_XLA_FLAGS = (
    "--xla_gpu_command_buffer_scheduling_mode=CONCURRENT "
    "--xla_gpu_enable_command_buffer=+WHILE"
)


def pack(records, output, part_mib):
    """Writes `part-N.tar` of at most `part_mib` MiB; the first has the vocabulary.

    A part holds some shards, each compressed by itself (.xz, nearly a quarter of its
    size), so that many cores can unpack it.
    """
    records, output = Path(records), Path(output)
    output.mkdir(parents=True, exist_ok=True)
    small = ("manifest.json", "tokenizer.json", "vocab.txt")
    names = sorted(path.name for path in records.glob("*.tfrecord"))
    files = [records / name for name in (*small, *names)]
    with concurrent.futures.ProcessPoolExecutor() as pool:
        parts, size = [[]], 0
        for file, content in zip(files, pool.map(_compressed, files), strict=True):
            if size + len(content) > part_mib * _MIB - 100_000:
                parts.append([])
                size = 0
            parts[-1].append((f"{file.name}.xz", content))
            size += len(content) + 2048  # tar's header and filling
    for number, part in enumerate(parts, 1):
        path = output / f"part-{number}.tar"
        with tarfile.open(path, "w") as archive:
            for name, content in part:
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        print(f"{path}: {path.stat().st_size / _MIB:.1f} MiB, {len(part)} files")


def _compressed(path):
    return lzma.compress(path.read_bytes(), preset=9 | lzma.PRESET_EXTREME)


def unpack(parts, records):
    """Writes the files of all `*.tar` in a folder to another."""
    records = Path(records)
    records.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        written = []
        for path in sorted(Path(parts).glob("*.tar")):
            with tarfile.open(path) as archive:
                for entry in archive:
                    target = records / Path(entry.name).stem
                    content = archive.extractfile(entry).read()
                    written.append(pool.submit(_write_plain, target, content))
        for future in written:
            future.result()
    seconds = time.perf_counter() - began
    print(f"{len(written)} files unpacked in {seconds:.1f} s", flush=True)


def _write_plain(target, content):
    # lzma lets go of the interpreter's lock.
    target.write_bytes(lzma.decompress(content))


class SaveWeights(keras.callbacks.Callback):
    """Writes the weights in parts, every so many seconds and at the end.

    Args:
        folder: Where to.
        seconds: Between two times.
        part_mib: Largest size of a part in MiB; one variable may be larger.
        description: Goes into the parts: {name: string}.
    """

    def __init__(self, folder, seconds, part_mib, description):
        super().__init__()
        self.folder, self.seconds, self.part_mib = Path(folder), seconds, part_mib
        self.description = description
        self.folder.mkdir(parents=True, exist_ok=True)
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if time.perf_counter() - self._last >= self.seconds:
            self.model.sync()
            self._write()

    def on_train_end(self, logs=None):
        self._write()

    def _write(self):
        import safetensors.numpy
        from keras import ops

        network = self.model.network
        step = int(ops.convert_to_numpy(self.model.optimizer.iterations))
        tensors = {v.path: ops.convert_to_numpy(v.value) for v in network.variables}
        groups, size = [{}], 0
        for name in sorted(tensors, key=lambda name: -tensors[name].nbytes):
            if groups[-1] and size + tensors[name].nbytes > self.part_mib * _MIB:
                groups.append({})
                size = 0
            groups[-1][name] = tensors[name]
            size += tensors[name].nbytes
        metadata = {**self.description, "step": str(step), "parts": str(len(groups))}
        for number, group in enumerate(groups, 1):
            content = safetensors.numpy.save(group, metadata=metadata)
            path = self.folder / _WEIGHTS.format(number, len(groups))
            with atomic_files.replacing(path) as temporary:
                temporary.write_bytes(content)
        print(f"weights of step {step} are in {self.folder}", flush=True)
        self._last = time.perf_counter()


def kit_config(name, minutes, tiny=False):
    """The paper's recipe of `configs/NAME.py`, to a budget, in bfloat16.

    The warm-up is 5 % of the steps: the 10,000 of Table 6 would be a seventh of what
    ten minutes allow, 1 % of the steps too few.
    """
    from tf_pretrain.config.files import CONFIGS, load_config

    config = load_config(str(CONFIGS / f"{name}.py"))
    train = dataclasses.replace(
        config.train,
        budget_minutes=minutes,
        warmup_steps=config.train.num_steps // 20,
        mixed_precision="bfloat16",
        checkpoint_every=20_000,
        keep_checkpoints=1,
        log_every=500,
        eval_steps=20,
    )
    if not tiny:
        return dataclasses.replace(config, train=train)
    model = dataclasses.replace(
        config.model,
        num_hidden_layers=1,
        hidden_size=64,
        embedding_size=32,
        num_attention_heads=1,
        intermediate_size=128,
    )
    train = dataclasses.replace(
        train, batch_size=8, checkpoint_every=100, log_every=20, eval_steps=2
    )
    return dataclasses.replace(config, model=model, train=train)


def run(parts, output, workdir, name, minutes, weights_every, tiny):
    """Unpacks the records and pretrains; everything to keep goes to `output`."""
    from tf_pretrain import config as config_lib
    from tf_pretrain.runs.data import Sources
    from tf_pretrain.runs.pretrain import pretrain
    from tf_pretrain.runs.workdir import report
    from tf_pretrain.training.compiling import device_name

    began = time.perf_counter()
    if device_name() == "cpu" and not tiny:
        raise SystemExit(
            f"error: no accelerator that Keras on {keras.backend.backend()} can use; "
            "--tiny rehearses on a CPU"
        )
    output, workdir = Path(output), Path(workdir)
    output.mkdir(parents=True, exist_ok=True)
    unpack(parts, workdir / "records")
    minutes -= (time.perf_counter() - began) / 60
    # Writing the weights takes a twentieth, which the budget does not foresee.
    config = kit_config(name, 0.95 * minutes, tiny)
    described = json.dumps(config_lib.to_dict(config))
    saving = SaveWeights(output, weights_every, 15, {"config": described})
    sources = Sources(records=str(workdir / "records" / "train-*.tfrecord"))
    try:
        results = pretrain(config, workdir / "run", sources, None, [saving])
    finally:
        metrics = workdir / "run" / "metrics.jsonl"
        if metrics.exists():
            (output / "metrics.jsonl").write_bytes(metrics.read_bytes())
    atomic_files.write_json(output / "results.json", results)
    print(report(results, workdir / "run"))


def join(weights, records, output):
    """A workdir of the weights that `run` wrote and the vocabulary of its records.

    Raises:
        ValueError: If the parts are not all there, or of different steps.
    """
    import safetensors

    from tf_pretrain.data.tokenization import load_tokenizer
    from tf_pretrain.training import checkpoints

    tensors, seen = {}, set()
    paths = sorted(Path(weights).glob(_WEIGHTS.format("*", "*")))
    for path in paths:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
            tensors |= {f"model/{n}": file.get_tensor(n) for n in file.keys()}  # noqa: SIM118
        seen.add((metadata["step"], metadata["parts"]))
    if len(seen) != 1 or {parts for _, parts in seen} != {str(len(paths))}:
        raise ValueError(f"{weights} holds {len(paths)} parts of {sorted(seen)}")
    output = Path(output)
    tokenizer = load_tokenizer(records)
    tokenizer.save(output)
    config = json.loads(metadata["config"])
    atomic_files.write_json(output / "config.json", config)
    described = {"vocabulary": tokenizer.fingerprint}
    step = int(metadata["step"])
    checkpoints.write(output / "checkpoints", step, tensors, described)
    print(f"step {step}: {output}")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_kit")
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="records to parts")
    packing.add_argument("--records", required=True)
    packing.add_argument("--output", required=True)
    packing.add_argument("--part_mib", type=float, default=55)
    running = commands.add_parser("run", help="pretraining on the GPU")
    running.add_argument("--parts", required=True, help="folder of part-*.tar")
    running.add_argument("--output", required=True, help="what is to be kept")
    running.add_argument("--workdir", default="/tmp/gpu_kit", help="everything else")
    running.add_argument("--config", dest="name", default="electra_small")
    running.add_argument("--minutes", type=float, default=9.0)
    running.add_argument("--weights_every", type=float, default=120, help="seconds")
    running.add_argument("--tiny", action="store_true", help="toy sizes")
    joining = commands.add_parser("join", help="weights to a workdir")
    joining.add_argument("--weights", required=True)
    joining.add_argument("--records", required=True, help="folder of the vocabulary")
    joining.add_argument("--output", required=True)
    options = vars(parser.parse_args(arguments))
    {"pack": pack, "run": run, "join": join}[options.pop("command")](**options)


if __name__ == "__main__":
    main()
