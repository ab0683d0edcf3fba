"""A pretraining run: from text or records to a trained encoder in a workdir."""

import contextlib
import dataclasses
import functools
import json
import time
from pathlib import Path

import keras

from tf_pretrain import atomic_files
from tf_pretrain.config import PretrainConfig
from tf_pretrain.config.checks import require
from tf_pretrain.data import pipelines, record_sets, unigrams
from tf_pretrain.inspection import heldout
from tf_pretrain.runs import budget, curves
from tf_pretrain.runs.data import Sources, prepare_data
from tf_pretrain.runs.workdir import claim_workdir
from tf_pretrain.training import callbacks, checkpoints, numerics
from tf_pretrain.training.building import build_trainer, check_backend
from tf_pretrain.training.compiling import device_name
from tf_pretrain.training.evaluation import Evaluator
from tf_pretrain.training.strategy import (
    build_strategy,
    distributed_batches,
    is_chief,
    naming_lost_workers,
)

_ORDER_STRIDE = 1_000_000_007  # keeps the seeds of both data orders apart


def pretrain(
    config: PretrainConfig,
    workdir,
    sources: Sources,
    initialize=None,
    extra_callbacks=(),
) -> dict:
    """Trains the encoder that `config` describes, or continues where it stopped.

    It runs on the Keras backend that KERAS_BACKEND names. At SIGTERM it writes a
    checkpoint at the end of the step and exits with code 143.

    Args:
        workdir: Folder for everything that is kept.
        initialize: For a run that starts from trained weights: called with the fresh
            trainer, sets them and returns the step to start from.
        extra_callbacks: Keras callbacks that are told of the steps too; on JAX as
            JaxStep.run says.

    Returns:
        What `results.json` holds.

    Raises:
        ConfigError: If the workdir belongs to another config, data and config do not
            fit, or the backend cannot do what the config says.
        NumericsError: If losses or gradients are not finite for
            `train.max_skipped_steps` steps in a row, and are not either from the last
            checkpoint on with other batches.
        RecordError: If a record cannot be used; see `train.bad_records`.
        WorkerError: If another worker of the run is gone.
    """
    check_backend(config)
    began = time.perf_counter()
    workdir = Path(workdir)
    strategy = build_strategy(config.train.strategy)
    chief = is_chief(strategy)
    if chief:
        claim_workdir(config, workdir)
    data = prepare_data(config, workdir, sources)
    with (
        naming_lost_workers(strategy),
        record_sets.naming_bad_records(
            data.record_sets, config.data, data.tokenizer.vocab_size
        ),
    ):
        run = _Run(config, workdir, data, strategy, began, extra_callbacks)
        try:
            return run.finish(initialize)
        except _GoBack as failure:
            print(f"{failure}; going back to the last good checkpoint", flush=True)
        # The checkpoint knows the time up to it.
        began = time.perf_counter()
        run = _Run(config, workdir, data, strategy, began, extra_callbacks, 1)
        return run.finish(initialize)


class _GoBack(Exception):
    """Steps failed that may succeed from the last checkpoint on other batches."""


class _Run:
    """A run whose data are there, from its last checkpoint on.

    Args:
        began: When this process began, by `time.perf_counter`.
        data_order: 0, or 1 for batches of another seed. A checkpoint keeps it, so a
            run that went back once continues on the same batches.
    """

    def __init__(
        self, config, workdir, data, strategy, began, extra_callbacks, data_order=0
    ):
        self.config, self.workdir, self.data = config, workdir, data
        self.extra_callbacks = list(extra_callbacks)
        self.strategy, self.is_chief = strategy, is_chief(strategy)
        self.trainer = build_trainer(config, strategy)
        self.step, self.state = checkpoints.restore(
            workdir / "checkpoints", self.trainer
        )
        vocabulary = data.tokenizer.fingerprint
        require(
            self.state.get("vocabulary", vocabulary) == vocabulary,
            f"the checkpoint in {workdir} was trained with another vocabulary than the "
            "data have; use the same data, or another --workdir",
        )
        self.began = began - self.state.get("seconds", 0.0)
        # A run to a budget finds out how many steps it has.
        self.num_steps = self.state.get("num_steps", config.train.num_steps)
        self.is_planned = "num_steps" in self.state or not config.train.budget_minutes
        self.data_order = max(data_order, self.state.get("data_order", 0))
        self.batch_seed = config.seed + self.data_order * _ORDER_STRIDE
        # As for the train step: XLA cannot place the variables of several replicas.
        replicas = strategy.num_replicas_in_sync
        is_compiled = config.train.jit_compile and replicas == 1
        self.evaluate = Evaluator(
            self.trainer.network,
            is_compiled,
            replicas * config.train.accumulation_steps,
            self._token_counts if data.heldout else None,
        )

    @functools.cached_property
    def _token_counts(self):
        """How often each piece stands in the training text, [V]."""
        config, data = self.config, self.data
        return unigrams.count_tokens(
            data.training, config.data, data.tokenizer, config.model.vocab_size
        )

    def finish(self, initialize) -> dict:
        """Trains up to the last step; returns what `results.json` holds."""
        train, results_path = self.config.train, self.workdir / "results.json"
        if self.is_chief:
            self.data.tokenizer.save(self.workdir)
        if self.step == self.num_steps and results_path.exists():
            return json.loads(results_path.read_text(encoding="utf-8"))
        if self.step == 0:
            self._begin(initialize)
        if self.step:
            print(f"continuing at step {self.step}", flush=True)
        progress = callbacks.Progress(
            self.workdir if self.is_chief else None,
            self.step,
            self.num_steps if self.is_planned else None,
            train.log_every,
        )
        score = self._scorer(progress)
        untrained = self.state.get("untrained") or score(self.step)
        if not self.is_planned:
            self._keep_to_budget(progress, score, untrained)
        if self.step < self.num_steps:
            self._fit(progress, score, untrained, self.num_steps)
        results = self._results(progress, score(self.num_steps), untrained)
        if self.is_chief:
            atomic_files.write_json(results_path, results)
            curves.plot(self.workdir / "metrics.jsonl", self.workdir / "curves.png")
            self._write_example()
        return results

    def _write_example(self):
        """Shows what was learnt on a held-out sentence."""
        if not self.data.heldout:
            return
        example = heldout.telling_example(
            self.trainer.network,
            self.data.tokenizer,
            self._heldout_batches(),
            self.config.seed,
        )
        if example is not None:
            title = f"A held-out sentence after {self.num_steps:,} steps"
            heldout.write(example, self.workdir, title)

    def _begin(self, initialize):
        """What a run gets that has no checkpoint yet."""
        config = self.config
        if config.objective.generator == "unigram":
            self.trainer.network.token_generator.set_counts(self._token_counts)
        if initialize is not None:
            self.step = initialize(self.trainer)
            require(
                self.step < config.train.num_steps,
                f"the weights to start from are those of step {self.step}, and "
                f"train.num_steps is {config.train.num_steps}: nothing is left to "
                "train. Set a larger --config.train.num_steps and another --workdir, "
                "or leave out --restore_optimizer",
            )

    def _scorer(self, progress):
        """A function of the step: held-out scores, which are logged; {} without any."""
        if not self.data.heldout:
            return lambda step: {}
        batches = self._heldout_batches()

        def score(step):
            scores = self.evaluate(batches)
            progress.log_scores(step, scores)
            return scores

        return score

    def _heldout_batches(self):
        """The first `train.eval_steps` batches of held-out text."""
        config, data = self.config, self.data
        return pipelines.evaluation_batches(
            data.heldout,
            config.data,
            data.tokenizer,
            config.seed,
            config.train.batch_size,
            config.train.eval_steps,
        )

    def _seconds(self):
        """Time spent so far, earlier processes included."""
        return time.perf_counter() - self.began

    def _keep_to_budget(self, progress, score, untrained):
        """The first steps, from whose time follows how many there are to be."""
        train = self.config.train
        stopwatch = budget.Stopwatch(self.trainer.steps_per_dispatch)
        end = self.step + stopwatch.num_steps
        self._fit(progress, score, untrained, end, [stopwatch])
        began = time.perf_counter()
        score(self.step)
        if self.is_chief:
            checkpoints.save(
                self.workdir / "checkpoints",
                self.step,
                self.trainer,
                train.keep_checkpoints,
                self._metadata(untrained),
            )
        pause_seconds = time.perf_counter() - began
        self.num_steps = self.step + budget.affordable_steps(
            60 * train.budget_minutes - self._seconds(),
            stopwatch.step_seconds,
            pause_seconds,
            train.checkpoint_every,
        )
        self.is_planned = True
        self.trainer.optimizer.set_pace(train.num_steps / self.num_steps)
        progress.num_steps = self.num_steps
        print(
            f"{1000 * stopwatch.step_seconds:.1f} ms a step: {self.num_steps} steps in "
            f"{train.budget_minutes:g} minutes",
            flush=True,
        )

    def _metadata(self, untrained):
        """What a checkpoint says of the run besides weights and step."""
        values = {
            "untrained": untrained,
            "seconds": self._seconds(),
            "data_order": self.data_order,
            "vocabulary": self.data.tokenizer.fingerprint,
        }
        if self.is_planned:
            values["num_steps"] = self.num_steps
        return values

    def _fit(self, progress, score, untrained, end, more_callbacks=()):
        """Trains up to the step `end`.

        Raises:
            _GoBack: See there.
            NumericsError: If it went back before, or has no checkpoint.
        """
        folder = self.workdir / "checkpoints"
        train = dataclasses.replace(self.config.train, num_steps=self.num_steps)
        progress.start_step, progress.end = self.step, end
        hooks = [
            progress,
            numerics.StopWhenNonFinite(self.step, train.max_skipped_steps),
            callbacks.PeriodicEvaluation(score, self.step, train),
            *more_callbacks,
            *self.extra_callbacks,
        ]
        with contextlib.ExitStack() as stack:
            if self.is_chief:
                stop = stack.enter_context(callbacks.watching_for_sigterm())
                hooks.append(
                    callbacks.Checkpoint(
                        folder,
                        self.step,
                        train,
                        lambda: self._metadata(untrained),
                        stop,
                    )
                )
            try:
                self.trainer.run(
                    distributed_batches(
                        self.strategy,
                        self.data.training,
                        dataclasses.replace(self.config, seed=self.batch_seed),
                        self.data.tokenizer,
                        self.step,
                    ),
                    self.step,
                    end,
                    hooks,
                )
            except numerics.NumericsError as error:
                self._explain(error)
                if self.data_order == 0 and checkpoints.latest_step(folder) is not None:
                    raise _GoBack(str(error)) from error
                raise
        self.step = end

    def _explain(self, error):
        """Adds to the error where in the network its first step went wrong."""
        batches = pipelines.training_batches(
            self.data.training,
            self.config.data,
            self.data.tokenizer,
            self.batch_seed,
            self.config.train.batch_size,
            error.first_step,
        )
        features = next(iter(batches))
        place = numerics.first_nonfinite(self.trainer.network, features)
        error.args = (f"{error}; first not finite: {place}",)

    def _results(self, progress, scores, untrained):
        network, train = self.trainer.network, self.config.train
        return {
            "step": self.num_steps,
            "seconds": self._seconds(),
            "examples_per_s": progress.steps_per_s * train.batch_size,
            "tokens_per_s": progress.tokens_per_s,
            "parameters": network.count_params(),
            "encoder_parameters": network.encoder.count_params(),
            "skipped_steps": int(
                keras.ops.convert_to_numpy(self.trainer.optimizer.skipped_steps)
            ),
            "bad_records": self.data.num_bad_records,
            "backend": keras.backend.backend(),
            "device": device_name(),
            "weights_sha256": checkpoints.weights_sha256(self.trainer),
            "eval": scores,
            "eval_untrained": untrained,
        }
