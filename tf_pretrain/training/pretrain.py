"""A pretraining run: from text or records to a trained encoder in a workdir."""

import contextlib
import dataclasses
import json
import time
from pathlib import Path

import keras

from tf_pretrain import config as config_lib
from tf_pretrain.config import ConfigError, PretrainConfig, require
from tf_pretrain.data import atomic_files, batches, record_sets, unigrams
from tf_pretrain.models.building import build_objective
from tf_pretrain.training import callbacks, checkpoints, curves, numerics
from tf_pretrain.training.evaluation import evaluate
from tf_pretrain.training.optimizers import build_optimizer
from tf_pretrain.training.run_data import Sources, prepare_data
from tf_pretrain.training.strategy import (
    build_strategy,
    distributed_batches,
    is_chief,
    naming_lost_workers,
)
from tf_pretrain.training.trainer import Trainer

# May differ when a run continues: they change how it runs, not what it computes
# (bad_records: only where a bad record would stop the run).
_FREE_FIELDS = (
    "train.bad_records",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.log_every",
    "train.max_skipped_steps",
    "train.strategy",
)


_ORDER_STRIDE = 1_000_000_007  # keeps the seeds of both data orders apart


def pretrain(
    config: PretrainConfig, workdir, sources: Sources, initialize=None
) -> dict:
    """Trains the encoder that `config` describes, or continues where it stopped.

    Args:
        workdir: Folder for everything that is kept.
        initialize: For a run that starts from trained weights: called with the fresh
            trainer, sets them and returns the step to start from.

    At SIGTERM it writes a checkpoint at the end of the step and exits with code 143.

    Returns:
        What `results.json` holds.

    Raises:
        ConfigError: If the workdir belongs to another config, or data and config do
            not fit.
        NumericsError: If losses or gradients are not finite for
            `train.max_skipped_steps` steps in a row, and are not either from the last
            checkpoint on with other batches.
        RecordError: If a record cannot be used; see `train.bad_records`.
        WorkerError: If another worker of the run is gone.
    """
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"KERAS_BACKEND is {keras.backend.backend()!r}; this command needs "
            "tensorflow. docs/backends.md shows training with JAX and PyTorch"
        )
    began = time.perf_counter()
    workdir = Path(workdir)
    strategy = build_strategy(config.train.strategy)
    chief = is_chief(strategy)
    if chief:
        claim_workdir(config, workdir)
    data = prepare_data(config, workdir, sources)
    if chief:
        data.tokenizer.save(workdir)
    with (
        naming_lost_workers(strategy),
        record_sets.naming_bad_records(
            data.record_sets, config.data, data.tokenizer.vocab_size
        ),
    ):
        try:
            return _train(config, workdir, data, strategy, initialize, began)
        except _GoBack as failure:
            print(f"{failure}; going back to the last good checkpoint", flush=True)
        began = time.perf_counter()  # the checkpoint knows the time up to it
        return _train(config, workdir, data, strategy, initialize, began, data_order=1)


class _GoBack(Exception):
    """Steps failed that may succeed from the last checkpoint on other batches."""


def _train(config, workdir, data, strategy, initialize, began, data_order=0):
    """The run once its data are there; returns what `results.json` holds.

    Args:
        data_order: 0, or 1 for batches of another seed. A checkpoint keeps it, so a
            run that went back once continues on the same batches.
    """
    chief = is_chief(strategy)
    trainer = build_trainer(config, strategy)
    start_step, metadata = checkpoints.restore(workdir / "checkpoints", trainer)
    data_order = max(data_order, metadata.get("data_order", 0))
    batch_seed = config.seed + data_order * _ORDER_STRIDE
    results_path = workdir / "results.json"
    if start_step == config.train.num_steps and results_path.exists():
        return json.loads(results_path.read_text(encoding="utf-8"))
    if start_step == 0 and config.objective.generator == "unigram":
        counts = unigrams.count_tokens(
            data.training, config.data, data.tokenizer, config.model.vocab_size
        )
        trainer.network.token_generator.set_counts(counts)
    if start_step == 0 and initialize is not None:
        start_step = initialize(trainer)
        require(
            start_step < config.train.num_steps,
            f"the weights to start from are those of step {start_step}, and "
            f"train.num_steps is {config.train.num_steps}: nothing is left to train. "
            "Set a larger --config.train.num_steps and another --workdir, or leave out "
            "--restore_optimizer",
        )
    if start_step:
        print(f"continuing at step {start_step}", flush=True)
    progress = callbacks.Progress(
        workdir if chief else None,
        start_step,
        config.train.num_steps,
        config.train.log_every,
    )

    heldout = data.heldout and batches.evaluation_batches(
        data.heldout,
        config.data,
        data.tokenizer,
        config.seed,
        config.train.batch_size,
        config.train.eval_steps,
    )
    # As for the train step: XLA cannot place the variables of several replicas.
    is_compiled = config.train.jit_compile and strategy.num_replicas_in_sync == 1

    def score(step):
        if heldout is None:
            return {}
        scores = evaluate(trainer.network, heldout, is_compiled)
        progress.log_scores(step, scores)
        return scores

    untrained = metadata.get("untrained") or score(start_step)

    def seconds():
        return metadata.get("seconds", 0.0) + time.perf_counter() - began

    if start_step < config.train.num_steps:
        hooks = [
            progress,
            numerics.StopWhenNonFinite(start_step, config.train.max_skipped_steps),
            callbacks.PeriodicEvaluation(score, start_step, config.train),
        ]
        with contextlib.ExitStack() as stack:
            if chief:
                stop = stack.enter_context(callbacks.watching_for_sigterm())
                checkpoint = callbacks.Checkpoint(
                    workdir / "checkpoints",
                    start_step,
                    config.train,
                    lambda: {
                        "untrained": untrained,
                        "seconds": seconds(),
                        "data_order": data_order,
                        "vocabulary": data.tokenizer.fingerprint,
                    },
                    stop,
                )
                hooks.append(checkpoint)
            try:
                trainer.fit(
                    distributed_batches(
                        strategy,
                        data.training,
                        dataclasses.replace(config, seed=batch_seed),
                        data.tokenizer,
                        start_step,
                    ),
                    steps_per_epoch=config.train.num_steps - start_step,
                    callbacks=hooks,
                    shuffle=False,
                    verbose=0,
                )
            except numerics.NumericsError as error:
                _explain(error, trainer, config, data, batch_seed)
                has_checkpoint = checkpoints.latest_step(workdir / "checkpoints")
                if data_order == 0 and has_checkpoint is not None:
                    raise _GoBack(str(error)) from error
                raise

    network = trainer.network
    results = {
        "step": config.train.num_steps,
        "seconds": seconds(),
        "examples_per_s": progress.steps_per_s * config.train.batch_size,
        "tokens_per_s": progress.tokens_per_s,
        "parameters": network.count_params(),
        "encoder_parameters": network.encoder.count_params(),
        "skipped_steps": int(trainer.optimizer.skipped_steps.numpy()),
        "bad_records": data.num_bad_records,
        "weights_sha256": checkpoints.weights_sha256(trainer),
        "eval": score(config.train.num_steps),
        "eval_untrained": untrained,
    }
    if chief:
        atomic_files.write_json(results_path, results)
        curves.plot(workdir / "metrics.jsonl", workdir / "curves.png")
    return results


def _explain(error, trainer, config, data, seed):
    """Adds to the error where in the network its first step went wrong."""
    dataset = batches.training_batches(
        data.training,
        config.data,
        data.tokenizer,
        seed,
        config.train.batch_size,
        error.first_step,
    )
    place = numerics.first_nonfinite(trainer.network, next(iter(dataset)))
    error.args = (f"{error}; first not finite: {place}",)


def build_trainer(config: PretrainConfig, strategy) -> Trainer:
    """The objective with fresh weights and its optimizer, ready for `fit`.

    Raises:
        ConfigError: If a replica's share of the batch has no such micro-batches.
    """
    replicas, parts = strategy.num_replicas_in_sync, config.train.accumulation_steps
    require(
        config.train.batch_size % (replicas * parts) == 0,
        f"batch_size {config.train.batch_size} is not a multiple of {replicas} "
        f"replicas x {parts} accumulation_steps",
    )
    keras.utils.set_random_seed(config.seed)
    precision = config.train.mixed_precision
    dtype = None if precision == "float32" else f"mixed_{precision}"
    with strategy.scope():
        trainer = Trainer(
            build_objective(config, dtype=dtype),
            accumulation_steps=config.train.accumulation_steps,
            loss_scaling=precision == "float16",
        )
        trainer.compile(
            optimizer=build_optimizer(
                config.train, moments_begin=config.objective.generator_steps
            ),
            jit_compile=config.train.jit_compile,
        )
    return trainer


def claim_workdir(config: PretrainConfig, workdir: Path) -> None:
    """Writes the resolved config, or checks that the workdir holds the same one.

    Raises:
        ConfigError: If it holds another; names the fields that differ.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    path = workdir / "config.json"
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        # An older version's file lacks newer fields: they had their defaults.
        old = config_lib.to_dict(config_lib.from_dict(PretrainConfig, old))
        differing = [
            line
            for line in config_lib.differing_fields(old, config_lib.to_dict(config))
            if not line.startswith(_FREE_FIELDS)
        ]
        if differing:
            raise ConfigError(
                f"{workdir} holds a run with another config; use another --workdir, "
                "or the old values of:\n  " + "\n  ".join(differing)
            )
    atomic_files.write_json(path, config_lib.to_dict(config))


def report(results: dict, workdir) -> str:
    """The end of a run for people: held-out scores beside the untrained model's."""
    lines = [
        "",
        f"{results['parameters']:,} parameters, {results['step']:,} steps, "
        f"{results['seconds'] / 60:.1f} minutes, "
        f"{results['tokens_per_s']:,.0f} tokens/s",
        "",
        f"{'held-out score':<28}{'untrained':>12}{'trained':>12}",
    ]
    for name, value in results["eval"].items():
        untrained = results["eval_untrained"].get(name, float("nan"))
        lines.append(f"{name:<28}{untrained:>12.4f}{value:>12.4f}")
    lines += ["", f"results.json, curves.png and checkpoints are in {workdir}"]
    return "\n".join(lines)
