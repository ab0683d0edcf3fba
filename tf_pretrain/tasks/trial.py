"""One trial: a pretrained encoder and a fresh head, trained on one seed's batches.

All trials of a task share one network, so that the training step is traced once; each
sets every weight and optimizer slot anew.
"""

import dataclasses
import time

import keras
import numpy as np

from tf_pretrain.tasks import batches
from tf_pretrain.tasks.examples import encode_split
from tf_pretrain.tasks.task import Split
from tf_pretrain.training import callbacks, metrics
from tf_pretrain.training.compiling import compiled
from tf_pretrain.training.numerics import NumericsError
from tf_pretrain.training.optimizers import build_optimizer, layerwise_multipliers
from tf_pretrain.training.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a trial found out.

    Attributes:
        scores: {split: {metric: value}} of the weights that were kept.
        predictions: {split: int [N] classes or float [N] scores}, in file order.
        history: The dev scores by step: {"step": s, metric: value}.
        step: The step whose weights were kept.
        seconds: Wall time.
        skipped_steps: Those whose loss or gradient was not finite.
    """

    scores: dict[str, dict[str, float]]
    predictions: dict[str, np.ndarray]
    history: list[dict]
    step: int
    seconds: float
    skipped_steps: int


class TrialRunner:
    """Runs the trials of one task.

    Args:
        task: The task.
        config: Its FinetuneConfig.
        model: From `describe_model`.
        encoder_weights: {variable path: array} of the pretrained encoder; None to
            start from random weights.
        tokenizer: The encoder's.
    """

    def __init__(self, task, config, model, encoder_weights, tokenizer):
        self.task, self.config, self.model = task, config, model
        self._encoder_weights = encoder_weights
        settings = config.finetune
        train = task.splits["train"]
        if settings.double_unordered and task.is_unordered:
            train = _with_swapped(train)
        self.examples = {
            name: encode_split(split, tokenizer, settings.max_seq_length)
            for name, split in {**task.splits, "train": train}.items()
        }
        self.num_steps = settings.total_steps(len(train))
        self.classifier = model.build()
        # JAX without a compiler is no faster than one operation after another.
        is_jax = keras.backend.backend() == "jax"
        self._trainer = Trainer(self.classifier)
        self._trainer.compile(
            optimizer=build_optimizer(
                settings,
                self.num_steps,
                settings.total_warmup_steps(self.num_steps),
                self._multipliers(),
            ),
            jit_compile=settings.jit_compile or is_jax,
        )
        self._logits = compiled(
            self.classifier,
            lambda features: self.classifier(features, training=False),
            jit_compile=is_jax,
        )

    def run(self, seed, folder) -> Trial:
        """Trains and scores one trial; progress goes to `folder`."""
        began = time.perf_counter()
        self._reset(seed)
        settings, num_steps = self.config.finetune, self.num_steps
        progress = callbacks.Progress(folder, 0, num_steps, max(1, num_steps // 10))
        history, best = [], None

        def evaluate(step):
            """Dev predictions of this step, which join the history."""
            nonlocal best
            predicted = self.predict("dev")
            scores = self._score("dev", predicted)
            progress.log_scores(step, scores)
            history.append({"step": step, **scores})
            shown = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
            print(f"step {step}/{num_steps}  dev {shown}", flush=True)
            # ALBERT's program chooses STS-B's weights by Pearson's correlation.
            main = scores.get("pearson", scores[self.task.metrics[0]])
            if settings.choose_best_on_dev and (best is None or main > best[0]):
                best = (main, step, predicted, self.classifier.get_weights())
            return predicted

        evaluation = callbacks.PeriodicEvaluation(
            evaluate, 0, num_steps, every=-(-num_steps // settings.num_evaluations)
        )
        self._trainer.run(self._batches(seed), 0, num_steps, [progress, evaluation])
        kept_step, predictions = num_steps, {"dev": evaluate(num_steps)}
        if best is not None:
            _, kept_step, predictions["dev"], weights = best
            self.classifier.set_weights(weights)
        predictions |= {
            name: self.predict(name)
            for name in self.task.splits
            if name not in ("train", "dev")
        }
        scores = {n: self._score(n, predictions[n]) for n in self.task.scored_splits}
        seconds = time.perf_counter() - began
        skipped = int(self._trainer.optimizer.skipped_steps)
        return Trial(scores, predictions, history, kept_step, seconds, skipped)

    def predict(self, split) -> np.ndarray:
        """Class numbers int [N], or scores float [N] in the task's own scale.

        Raises:
            NumericsError: If the network gives something that is not finite.
        """
        examples = self.examples[split]
        logits = np.zeros((len(examples), self.task.num_outputs), np.float32)
        for indices, features in batches.evaluation_batches(
            examples, self.config.finetune
        ):
            rows = keras.ops.convert_to_numpy(self._logits(features))
            logits[indices] = rows[: len(indices)]
        if not np.isfinite(logits).all():
            step = int(self._trainer.optimizer.iterations)
            raise NumericsError(
                f"at step {step} the network's outputs for {split} are not finite; a "
                "smaller finetune.learning_rate may help",
                step,
            )
        if self.task.is_regression:
            return self.classifier.scores(logits)
        return logits.argmax(axis=1)

    def _score(self, split, predictions):
        labels = self.task.splits[split].labels
        return {
            name: metrics.METRICS[name](labels, predictions)
            for name in self.task.metrics
        }

    def _reset(self, seed):
        """Fresh weights of this seed, the encoder's from pretraining; empty slots."""
        keras.utils.set_random_seed(seed)
        for variable, fresh in zip(
            self.classifier.trainable_variables,
            self.model.build().trainable_variables,
            strict=True,
        ):
            variable.assign(fresh)
        if self._encoder_weights is not None:
            for variable in self.classifier.encoder.trainable_variables:
                variable.assign(self._encoder_weights[variable.path])
        for variable in self._trainer.optimizer.variables:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))

    def _batches(self, seed):
        """All batches of a trial: a tf.data.Dataset on TensorFlow, else NumPy's."""

        def generate():
            return batches.training_batches(
                self.examples["train"], self.config.finetune, self.num_steps, seed
            )

        if keras.backend.backend() != "tensorflow":
            return generate()
        import tensorflow as tf

        from tf_pretrain.data.batches import untuned

        first = next(generate())
        signature = {
            name: tf.TensorSpec([len(value), *[None] * (value.ndim - 1)], value.dtype)
            for name, value in first.items()
        }
        dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
        return untuned(dataset.prefetch(4))

    def _multipliers(self):
        decay = self.config.finetune.layerwise_decay
        if decay == 1:
            return None
        multipliers = layerwise_multipliers(self.model.encoder.num_hidden_layers, decay)
        # Where ELECTRA's code once had a pooler: between the layers and the head.
        return {**multipliers, "/pooler/": decay}


def _with_swapped(split):
    """The pairs, and once more with their texts swapped (ELECTRA's code)."""
    return Split(
        split.texts_a + split.texts_b,
        split.texts_b + split.texts_a,
        np.concatenate([split.labels, split.labels]),
    )
