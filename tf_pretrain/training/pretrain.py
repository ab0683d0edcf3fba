"""A pretraining run: from text or records to a trained encoder in a workdir."""

import dataclasses
import json
import time
from pathlib import Path

import keras

from tf_pretrain import config as config_lib
from tf_pretrain.config import ConfigError, PretrainConfig
from tf_pretrain.data import atomic_files, batches, tokenization, unigrams, vocabulary
from tf_pretrain.data.build_records import build_records
from tf_pretrain.models.building import build_objective
from tf_pretrain.training import callbacks, checkpoints, curves
from tf_pretrain.training.evaluation import evaluate
from tf_pretrain.training.optimizers import build_optimizer
from tf_pretrain.training.strategy import (
    build_strategy,
    distributed_batches,
    is_chief,
)
from tf_pretrain.training.trainer import Trainer

# May differ when a run continues: they change how it runs, not what it computes.
_FREE_FIELDS = (
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.log_every",
    "train.strategy",
)


@dataclasses.dataclass(frozen=True)
class Sources:
    """Where the data of a run comes from.

    Attributes:
        inputs: Text to build records from, see tf_pretrain.data.text.
        records: Globs of TFRecords to train on instead of `inputs`.
        eval_records: Globs of held-out TFRecords; by default the
            `heldout-*.tfrecord` beside the training records.
        vocab: Vocabulary file, tokenizer folder or Tokenizer; by default the one
            beside the records, or one trained from the text.
        num_workers: Processes that build records.
    """

    inputs: str = "docs"
    records: str | None = None
    eval_records: str | None = None
    vocab: str | tokenization.Tokenizer | None = None
    num_workers: int = 2


def pretrain(
    config: PretrainConfig, workdir, sources: Sources, initialize=None
) -> dict:
    """Trains the encoder that `config` describes, or continues where it stopped.

    Args:
        workdir: Folder for everything that is kept.
        initialize: For a run that starts from trained weights: called with the fresh
            trainer, sets them and returns the step to start from.

    Returns:
        What `results.json` holds.

    Raises:
        ConfigError: If the workdir belongs to another config, or data and config do
            not fit.
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
    training, heldout, tokenizer = _prepare_data(config, workdir, sources)
    if chief:
        tokenizer.save(workdir)

    trainer = build_trainer(config, strategy)
    start_step, metadata = checkpoints.restore(workdir / "checkpoints", trainer)
    results_path = workdir / "results.json"
    if start_step == config.train.num_steps and results_path.exists():
        return json.loads(results_path.read_text(encoding="utf-8"))
    if start_step == 0 and config.objective.generator == "unigram":
        counts = unigrams.count_tokens(
            training, config.data, tokenizer, config.model.vocab_size
        )
        trainer.network.token_generator.set_counts(counts)
    if start_step == 0 and initialize is not None:
        start_step = initialize(trainer)
    if start_step:
        print(f"continuing at step {start_step}", flush=True)
    progress = callbacks.Progress(
        workdir if chief else None,
        start_step,
        config.train.num_steps,
        config.train.log_every,
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
            callbacks.PeriodicEvaluation(score, start_step, config.train),
        ]
        if chief:
            hooks.append(
                callbacks.Checkpoint(
                    workdir / "checkpoints",
                    start_step,
                    config.train,
                    lambda: {"untrained": untrained, "seconds": seconds()},
                )
            )
        trainer.fit(
            distributed_batches(strategy, training, config, tokenizer, start_step),
            steps_per_epoch=config.train.num_steps - start_step,
            callbacks=hooks,
            shuffle=False,
            verbose=0,
        )

    network = trainer.network
    results = {
        "step": config.train.num_steps,
        "seconds": seconds(),
        "examples_per_s": progress.steps_per_s * config.train.batch_size,
        "tokens_per_s": progress.tokens_per_s,
        "parameters": network.count_params(),
        "encoder_parameters": network.encoder.count_params(),
        "weights_sha256": checkpoints.weights_sha256(trainer),
        "eval": score(config.train.num_steps),
        "eval_untrained": untrained,
    }
    if chief:
        atomic_files.write_json(results_path, results)
        curves.plot(workdir / "metrics.jsonl", workdir / "curves.png")
    return results


def build_trainer(config: PretrainConfig, strategy) -> Trainer:
    """The objective with fresh weights and its optimizer, ready for `fit`."""
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
            optimizer=build_optimizer(config.train),
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


def _prepare_data(config, workdir, sources):
    """Training records, held-out batches (or None) and the tokenizer of both."""
    pattern = sources.records
    if pattern is None:
        if config.train.strategy == "multi_worker":
            raise ConfigError(
                "train.strategy=multi_worker needs --records: build them once with "
                "`python -m tf_pretrain.build_records`"
            )
        folder = workdir / "records"
        vocabulary.prepare_tokenizer(config, sources.inputs, sources.vocab, folder)
        build_records(
            sources.inputs,
            folder,
            folder,
            config.data,
            config.seed,
            sources.num_workers,
        )
        pattern = str(folder / "train-*.tfrecord")
    folder = Path(pattern.split(",")[0]).parent
    tokenizer = tokenization.load_tokenizer(
        sources.vocab or folder, config.data.lower_case, config.data.strip_accents
    )
    if tokenizer.vocab_size > config.model.vocab_size:
        raise ConfigError(
            f"the vocabulary has {tokenizer.vocab_size} pieces, but model.vocab_size "
            f"is {config.model.vocab_size}; set --config.model.vocab_size"
        )
    training = batches.find_records(pattern)
    heldout_pattern = sources.eval_records or str(folder / "heldout-*.tfrecord")
    if sources.eval_records is None and not list(folder.glob("heldout-*.tfrecord")):
        print(f"no {heldout_pattern}: the run ends without held-out scores")
        return training, None, tokenizer
    heldout = batches.evaluation_batches(
        batches.find_records(heldout_pattern),
        config.data,
        tokenizer,
        config.seed,
        config.train.batch_size,
        config.train.eval_steps,
    )
    return training, heldout, tokenizer


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
