"""One trial: a pretrained encoder and a new head, trained on one seed's batches.

All trials of a task share one network, so that the training step is traced once. Each
trial sets every weight and optimizer variable again.
"""

import dataclasses
import time

import keras
import numpy as np

from tf_pretrain.tasks import batches
from tf_pretrain.tasks.problem import Problem
from tf_pretrain.training import callbacks
from tf_pretrain.training.compiling import compiled
from tf_pretrain.training.numerics import NumericsError
from tf_pretrain.training.optimizers import build_optimizer, layerwise_multipliers
from tf_pretrain.training.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class Trial:
    """The results of a trial.

    Attributes:
        scores: {split: {metric: value}} of the weights that were kept.
        predictions: {split: what the problem predicts}, in file order.
        history: The dev scores by step: {"step": s, metric: value}.
        step: The step whose weights were kept.
        seconds: Wall time.
        skipped_steps: Those whose loss or gradient was not finite.
    """

    scores: dict[str, dict[str, float]]
    predictions: dict
    history: list[dict]
    step: int
    seconds: float
    skipped_steps: int


class TrialRunner:
    """Runs the trials of one task.

    Args:
        problem: The task, ready for the encoder.
        encoder_weights: {variable path: array} of the pretrained encoder; None to
            start from random weights.
    """

    def __init__(self, problem: Problem, encoder_weights):
        self.problem, self.config = problem, problem.config
        self._encoder_weights = encoder_weights
        settings = self.config.finetune
        self.num_steps = settings.total_steps(problem.num_training_examples)
        self.network = problem.model.build()
        # Without compilation JAX runs one operation after another, so it always
        # compiles.
        is_jax = keras.backend.backend() == "jax"
        self._trainer = Trainer(self.network)
        self._trainer.compile(
            optimizer=build_optimizer(
                settings,
                self.num_steps,
                settings.total_warmup_steps(self.num_steps),
                self._multipliers(),
            ),
            jit_compile=settings.jit_compile or is_jax,
        )
        self._outputs = compiled(
            self.network,
            lambda features: problem.outputs(self.network, features),
            jit_compile=is_jax,
        )

    def run(self, seed, folder) -> Trial:
        """Trains and scores one trial; progress goes to `folder`."""
        began = time.perf_counter()
        self._reset(seed)
        settings, num_steps = self.config.finetune, self.num_steps
        task = self.problem.task
        progress = callbacks.Progress(folder, 0, num_steps, max(1, num_steps // 10))
        history, best = [], None

        def evaluate(step):
            """Dev predictions of this step, which join the history."""
            nonlocal best
            predicted = self.predict("dev")
            scores = self.problem.scores("dev", predicted)
            progress.log_scores(step, scores)
            history.append({"step": step, **scores})
            shown = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
            print(f"step {step}/{num_steps}  dev {shown}", flush=True)
            # ALBERT's program chooses STS-B's weights by Pearson's correlation.
            main = scores.get("pearson", scores[task.metrics[0]])
            if settings.choose_best_on_dev and (best is None or main > best[0]):
                best = (main, step, predicted, self.network.get_weights())
            return predicted

        evaluation = callbacks.PeriodicEvaluation(
            evaluate, 0, num_steps, every=-(-num_steps // settings.num_evaluations)
        )
        self._trainer.run(self._batches(seed), 0, num_steps, [progress, evaluation])
        kept_step, predictions = num_steps, {"dev": evaluate(num_steps)}
        if best is not None:
            _, kept_step, predictions["dev"], weights = best
            self.network.set_weights(weights)
        predictions |= {
            name: self.predict(name)
            for name in task.splits
            if name not in ("train", "dev")
        }
        scores = {
            name: self.problem.scores(name, predictions[name])
            for name in task.scored_splits
        }
        seconds = time.perf_counter() - began
        skipped = int(self._trainer.optimizer.skipped_steps)
        return Trial(scores, predictions, history, kept_step, seconds, skipped)

    def predict(self, split):
        """The problem's predictions for a split.

        Raises:
            NumericsError: If the network gives something that is not finite.
        """
        examples = self.problem.examples[split]
        outputs = batches.outputs_of(self._outputs, examples, self.config.finetune)
        if not all(np.isfinite(v).all() for row in outputs for v in row.values()):
            self._stop(split)
        return self.problem.predictions(split, outputs)

    def _stop(self, split):
        step = int(self._trainer.optimizer.iterations)
        raise NumericsError(
            f"at step {step} the network's outputs for {split} are not finite; a "
            "smaller finetune.learning_rate may help",
            step,
        )

    def _reset(self, seed):
        """Sets new weights of this seed, the pretrained encoder's, and empty slots."""
        keras.utils.set_random_seed(seed)
        for variable, fresh in zip(
            self.network.trainable_variables,
            self.problem.model.build().trainable_variables,
            strict=True,
        ):
            variable.assign(fresh)
        if self._encoder_weights is not None:
            for variable in self.network.encoder.trainable_variables:
                variable.assign(self._encoder_weights[variable.path])
        for variable in self._trainer.optimizer.variables:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))

    def _batches(self, seed):
        """All batches of a trial: a tf.data.Dataset on TensorFlow, or NumPy's."""

        def generate():
            return batches.training_batches(
                self.problem.examples["train"],
                self.config.finetune,
                self.num_steps,
                seed,
            )

        if keras.backend.backend() != "tensorflow":
            return generate()
        return batches.as_dataset(generate)

    def _multipliers(self):
        decay = self.config.finetune.layerwise_decay
        if decay == 1:
            return None
        multipliers = layerwise_multipliers(
            self.problem.model.encoder.num_hidden_layers, decay
        )
        # The depth at which ELECTRA's code once had a pooler, between the layers and
        # the head.
        return {**multipliers, "/pooler/": decay}
