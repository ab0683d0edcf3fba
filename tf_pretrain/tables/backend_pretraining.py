"""Pretrains a cell with Keras on JAX or PyTorch; the process of `--backend`.

    KERAS_BACKEND=jax python -m tf_pretrain.tables.backend_pretraining REQUEST PARENT

REQUEST is a cell's request.json, PARENT the id of the process that waits. Keras' own
`fit` on the backend's device, with the same batches, which `tf.data` makes on the CPU.
Its workdir has the same files as that of `training.pretrain`, so the cell goes on as
any other. A run that was stopped continues at its last checkpoint.
"""

import dataclasses
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from tf_pretrain import config as config_lib
from tf_pretrain.config import ConfigError, PretrainConfig, UserError
from tf_pretrain.data import atomic_files, batches, unigrams
from tf_pretrain.data.build_records import MANIFEST
from tf_pretrain.tables import cells, processes
from tf_pretrain.training import checkpoints
from tf_pretrain.training.evaluation import Evaluator
from tf_pretrain.training.pretrain import build_trainer, claim_workdir
from tf_pretrain.training.run_data import Sources, prepare_data
from tf_pretrain.training.strategy import build_strategy


def pretrain(config: PretrainConfig, records, workdir) -> dict:
    """Trains as `training.pretrain.pretrain`, in stretches between evaluations.

    Args:
        records: Folder of the records.

    Returns:
        What `results.json` holds: what cells keep of it, and "device".

    Raises:
        ConfigError: For what only the TensorFlow backend can do.
    """
    began = time.perf_counter()
    _check(config)
    train, workdir, records = config.train, Path(workdir), Path(records)
    claim_workdir(config, workdir)
    data = prepare_data(config, workdir, Sources(records=f"{records}/train-*.tfrecord"))
    data.tokenizer.save(workdir)
    trainer = build_trainer(config, build_strategy("one"))
    folder = workdir / "checkpoints"
    step, state = checkpoints.restore(folder, trainer)
    state = state or {"seconds": 0.0, "fit_seconds": 0.0, "fit_steps": 0}
    if step == 0 and config.objective.generator == "unigram":
        counts = unigrams.count_tokens(
            data.training, config.data, data.tokenizer, config.model.vocab_size
        )
        trainer.network.token_generator.set_counts(counts)
    arguments = (config.data, data.tokenizer, config.seed, train.batch_size)
    heldout = batches.evaluation_batches(data.heldout, *arguments, train.eval_steps)
    evaluate = Evaluator(trainer.network)
    scores = evaluate(heldout)
    if step == 0:
        _log(workdir, step, scores)
    is_first = True
    while step < train.num_steps:
        count = min(train.checkpoint_every, train.num_steps - step)
        fit_began = time.perf_counter()
        trainer.fit(
            batches.training_batches(data.training, *arguments, step),
            steps_per_epoch=count,
            shuffle=False,
            verbose=2,
        )
        seconds = time.perf_counter() - fit_began
        if not is_first:  # the first stretch compiles
            state["fit_seconds"] += seconds
            state["fit_steps"] += count
        is_first = False
        step += count
        scores = evaluate(heldout)
        _log(workdir, step, scores)
        state["seconds"] += time.perf_counter() - began
        began = time.perf_counter()
        checkpoints.save(folder, step, trainer, train.keep_checkpoints, state)
    results = {
        "step": step,
        "seconds": state["seconds"],
        "tokens_per_s": _tokens_per_step(records, train.batch_size)
        * state["fit_steps"]
        / max(state["fit_seconds"], 1e-9),
        "parameters": trainer.network.count_params(),
        "encoder_parameters": trainer.network.encoder.count_params(),
        "weights_sha256": checkpoints.weights_sha256(trainer),
        "device": _device(),
        "eval": scores,
    }
    atomic_files.write_json(workdir / "results.json", results)
    return results


def _check(config):
    train, objective = config.train, config.objective
    for field, is_possible in (
        ("train.strategy", train.strategy == "one"),
        ("train.accumulation_steps", train.accumulation_steps == 1),
        ("train.mixed_precision", train.mixed_precision != "float16"),
        ("objective.generator_training", objective.generator_training != "two_stage"),
    ):
        if not is_possible:
            raise ConfigError(
                f"{field} of this row needs the TensorFlow backend, not "
                f"{keras.backend.backend()}"
            )


def _log(workdir, step, scores):
    with open(workdir / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, "eval": scores}) + "\n")


def _tokens_per_step(records, batch_size):
    """Real tokens: the records' mean, since `fit` counts none here."""
    manifest = json.loads((records / MANIFEST).read_text(encoding="utf-8"))
    totals = manifest["totals"]
    return batch_size * totals["real_tokens"] / totals["examples"]


def _device():
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].device_kind
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def main(path):
    """Does what the request in a JSON file says."""
    request = json.loads(Path(path).read_text(encoding="utf-8"))
    config = config_lib.from_dict(PretrainConfig, request["config"])
    if keras.backend.backend() == "torch":  # torch.compile needs a C++ compiler
        train = dataclasses.replace(config.train, jit_compile=False)
        config = dataclasses.replace(config, train=train)
    folder = cells.folder(request["workdir"], request["key"])
    records = request["data"][config.data.example_format]["records"]
    pretrain(config, records, folder / "pretrain")


if __name__ == "__main__":
    processes.die_with_parent(int(sys.argv[2]))
    try:
        main(sys.argv[1])
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
