"""The training of a run, from its last checkpoint to its results."""

import contextlib
import dataclasses
import json
import time

import keras

from tf_pretrain import atomic_files
from tf_pretrain.config.checks import require
from tf_pretrain.inspection import heldout
from tf_pretrain.runs import budget, curves
from tf_pretrain.training import callbacks, checkpoints, numerics
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.compiling import device_name
from tf_pretrain.training.evaluation import Evaluator
from tf_pretrain.training.strategy import is_chief

_ORDER_STRIDE = 1_000_000_007  # keeps the seeds of both data orders apart


class GoBack(Exception):
    """Steps failed. They may succeed on other batches, from the last checkpoint on."""


class Run:
    """Trains the objective of a config on given data, and continues a stopped run.

    The constructor builds the networks and restores the last checkpoint.

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
            data.token_counts if data.heldout else None,
        )

    def finish(self, initial) -> dict:
        """Trains up to the last step, and returns the contents of `results.json`."""
        train, results_path = self.config.train, self.workdir / "results.json"
        if self.is_chief:
            self.data.tokenizer.save(self.workdir)
        if self.step == self.num_steps and results_path.exists():
            return json.loads(results_path.read_text(encoding="utf-8"))
        # Where the run began: None for random weights.
        begin = str(initial.pretrained.source) if initial is not None else None
        self.initial_weights = self.state.get("initial_weights", begin)
        if self.step == 0:
            self._begin(initial)
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
        """Writes a held-out sentence that shows what the networks have learnt."""
        if not self.data.heldout:
            return
        example = heldout.telling_example(
            self.trainer.network,
            self.data.tokenizer,
            self.data.heldout_batches(),
            self.config.seed,
        )
        if example is not None:
            title = f"A held-out sentence after {self.num_steps:,} steps"
            heldout.write(example, self.workdir, title)

    def _begin(self, initial):
        """Prepares a run without a checkpoint: piece counts and initial weights."""
        if self.config.objective.generator == "unigram":
            self.trainer.network.token_generator.set_counts(self.data.token_counts)
        if initial is not None:
            self.step = initial.assign(self.trainer, self.config)

    def _scorer(self, progress):
        """Returns a function that computes and logs the held-out scores of a step.

        Without held-out text the function returns an empty dict.
        """
        if not self.data.heldout:
            return lambda step: {}
        batches = self.data.heldout_batches()

        def score(step):
            scores = self.evaluate(batches)
            progress.log_scores(step, scores)
            return scores

        return score

    def _seconds(self):
        """The time spent on this run, including that of earlier processes."""
        return time.perf_counter() - self.began

    def _keep_to_budget(self, progress, score, untrained):
        """Trains and times the first steps, then sets the number of steps that fit."""
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
        """The facts about the run that a checkpoint stores beside weights and step."""
        values = {
            "untrained": untrained,
            "seconds": self._seconds(),
            "data_order": self.data_order,
            "vocabulary": self.data.tokenizer.fingerprint,
            "initial_weights": self.initial_weights,
        }
        if self.is_planned:
            values["num_steps"] = self.num_steps
        return values

    def _fit(self, progress, score, untrained, end, more_callbacks=()):
        """Trains up to the step `end`.

        Raises:
            GoBack: If too many steps in a row were not finite.
            NumericsError: If this happens before the first checkpoint, or again after
                the run went back.
        """
        folder = self.workdir / "checkpoints"
        train = dataclasses.replace(self.config.train, num_steps=self.num_steps)
        progress.start_step, progress.end = self.step, end
        hooks = [
            progress,
            numerics.StopWhenNonFinite(self.step, train.max_skipped_steps),
            callbacks.PeriodicEvaluation(
                score, self.step, self.num_steps, train.checkpoint_every
            ),
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
                    self.data.training_batches(
                        self.batch_seed, self.step, self.strategy
                    ),
                    self.step,
                    end,
                    hooks,
                )
            except numerics.NumericsError as error:
                self._explain(error)
                if self.data_order == 0 and checkpoints.latest_step(folder) is not None:
                    raise GoBack(str(error)) from error
                raise
        self.step = end

    def _explain(self, error):
        """Adds to the error the layer in which the first value was not finite."""
        batches = self.data.training_batches(self.batch_seed, error.first_step)
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
            "initial_weights": self.initial_weights,
        }
