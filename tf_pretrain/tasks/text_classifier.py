"""`TextClassifier`: fine-tuning on strings by Keras' own fit, evaluate, predict."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_pretrain import atomic_files
from tf_pretrain.config.checks import require
from tf_pretrain.data.graph_text_features import TextFeatures
from tf_pretrain.data.text_features import check_room
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.serving import saved_model
from tf_pretrain.training.trainer import Trainer, require_tensorflow


class TextClassifier(Trainer):
    """A Classifier that takes texts: `fit(texts, labels)`, `predict(texts)`.

    For a user's own code; `run_finetuning.py` also groups texts by length, which is
    faster, and keeps the papers' recipes. TensorFlow backend only.

    Args:
        classifier: A Classifier; its encoder from `load_encoder`, say.
        tokenizer: The encoder's, from `load_tokenizer`.
        max_seq_length: Most pieces of a text or pair, special tokens included; no more
            than the encoder has positions.
        target_scale: Of a regression: the network learns scores divided by it.
        class_names: Of the outputs, for people.

    Data: a list of strings, a tuple (strings, strings) for pairs, or a tf.data.Dataset
    of batches of (texts, labels); labels int [N] classes or float [N] scores. Sample
    and class weights count as in Keras.
    `predict` returns probabilities float32 [N, C], or scores float32 [N].
    """

    def __init__(
        self,
        classifier: Classifier,
        tokenizer: Tokenizer,
        max_seq_length: int,
        target_scale: float = 1.0,
        class_names: Sequence[str] | None = None,
        name="text_classifier",
    ):
        require_tensorflow()
        super().__init__(classifier, name=name)
        check_room(max_seq_length, 1)
        positions = classifier.encoder.config.max_position_embeddings
        require(
            max_seq_length <= positions,
            f"max_seq_length is {max_seq_length}, but the encoder has {positions} "
            "positions",
        )
        self.text_features = TextFeatures(tokenizer, max_seq_length)
        self.target_scale = target_scale
        self.class_names = class_names
        self.jit_compile = False  # XLA has no strings
        self.accuracy = None
        if classifier.num_outputs > 1:
            self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    def compile(self, optimizer, **kwargs):
        """As Trainer.compile; without XLA, which has no strings."""
        super().compile(optimizer=optimizer, jit_compile=False, **kwargs)

    def fit(self, x=None, y=None, **kwargs):
        """As keras.Model.fit, also on lists of strings."""
        kwargs["sample_weight"] = _as_tensors(kwargs.get("sample_weight"))
        held_out = kwargs.pop("validation_data", None)
        if isinstance(held_out, tuple):
            held_out = tuple(map(_as_tensors, held_out))
        return super().fit(
            _as_tensors(x), _as_tensors(y), validation_data=held_out, **kwargs
        )

    def evaluate(self, x=None, y=None, **kwargs):
        """As keras.Model.evaluate, also on lists of strings."""
        kwargs["sample_weight"] = _as_tensors(kwargs.get("sample_weight"))
        return super().evaluate(_as_tensors(x), _as_tensors(y), **kwargs)

    def predict(self, x, **kwargs):
        """As keras.Model.predict, also on lists of strings."""
        return super().predict(_as_tensors(x), **kwargs)

    def export(self, filepath, is_pair=False):
        """Writes a SavedModel from strings to answers.

        See `saved_model.ClassifierModel`. Classes without names are "0", "1", ...

        Args:
            filepath: Folder that is made; it appears whole or not at all.
            is_pair: Whether the model takes pairs.
        """
        names = self.class_names
        if names is None and self.network.num_outputs > 1:
            names = [str(number) for number in range(self.network.num_outputs)]
        model = saved_model.ClassifierModel(
            self.network,
            self.text_features.tokenizer,
            self.text_features.max_seq_length,
            names,
            is_pair,
            self.target_scale,
        )
        with atomic_files.new_folder(filepath) as folder:
            saved_model.save(model, folder)

    def train_step(self, data):
        """One update; its losses are per example, as those of `test_step`."""
        features = self._features(data)
        logs = super().train_step(features)
        name = self.network.loss_name
        weight = self._weights_and_tokens(features)[0][name]
        term = self.network.loss_terms[name]
        loss = logs[name] * term.divisor(weight) / tf.maximum(weight, 1e-6)
        return {**logs, name: loss, "loss": loss, "examples": weight}

    def test_step(self, data):
        """Running means of the loss and, for classes, of the accuracy."""
        features = self._features(data)
        weights = features.get("example_weights")
        logits = self.network(features)
        losses = self.network.example_losses(features, logits)
        for mean in (self._loss_tracker, *self.loss_means):
            mean.update_state(losses, weights)
        if self.accuracy is not None:
            self.accuracy.update_state(features["labels"], logits, weights)
        return self.get_metrics_result()

    def predict_step(self, data):
        texts, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        logits = self.network(self._text_features(texts))
        if self.network.num_outputs == 1:
            return logits[:, 0] * self.target_scale
        return tf.nn.softmax(logits)

    def _features(self, data):
        texts, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        labels = tf.reshape(labels, [-1])  # Keras also takes columns
        if self.network.num_outputs == 1:
            labels = tf.cast(labels, tf.float32) / self.target_scale
        else:
            labels = tf.cast(labels, tf.int32)
        features = {**self._text_features(texts), "labels": labels}
        if weights is not None:
            features["example_weights"] = tf.cast(weights, tf.float32)
        return features

    def _text_features(self, texts):
        parts = texts if isinstance(texts, (tuple, list)) else (texts,)
        return self.text_features(*parts)


def load_text_classifier(workdir) -> TextClassifier:
    """The classifier of a finished fine-tuning, for `predict` on strings.

    Args:
        workdir: Of `run_finetuning.py` with one task.

    Raises:
        UserError: If it holds no finished run.
    """
    tuned = finetuning_workdir.load_classifier(workdir)
    return TextClassifier(
        tuned.classifier,
        tuned.tokenizer,
        tuned.model.max_seq_length,
        tuned.model.target_scale,
        tuned.model.class_names,
    )


def _as_tensors(x):
    """Keras takes string tensors, but no lists or NumPy arrays of strings."""
    if isinstance(x, tuple):
        return tuple(_as_tensors(part) for part in x)
    return x if x is None or isinstance(x, tf.data.Dataset) else tf.convert_to_tensor(x)
