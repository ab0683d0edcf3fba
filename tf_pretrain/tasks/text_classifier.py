"""`TextClassifier`: fine-tuning on strings by Keras' own fit, evaluate, predict."""

import contextlib
from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_pretrain.config.checks import require
from tf_pretrain.data.graph_text_features import TextFeatures
from tf_pretrain.data.text_features import check_room
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.serving import saved_model
from tf_pretrain.tasks import array_labels, keras_strings
from tf_pretrain.tasks.text_model import TextModel


@keras.saving.register_keras_serializable("tf_pretrain")
class TextClassifier(TextModel):
    """A Classifier that takes texts: `fit(texts, labels)`, `predict(texts)`.

    It is for a user's own code. `run_finetuning.py` also groups texts by length, which
    is faster, and uses the papers' recipes. TensorFlow backend only. `save("x.keras")`
    also keeps the vocabulary and the classes. `keras.saving.load_model` reads it after
    `import tf_pretrain`.

    Texts are a list of strings, a tuple (strings, strings) for pairs, or a
    tf.data.Dataset of batches of (texts, labels). Labels are class names, class numbers
    from 0, one-hot rows or, if the classifier has one output, scores. Sample and class
    weights work as in Keras. `predict` returns probabilities float32 [N, C] in the
    order of `class_names`, or scores float32 [N]. `predict_labels` returns class names.

    Args:
        classifier: A Classifier, for example with an encoder from `load_encoder`.
        tokenizer: The encoder's tokenizer, from `load_tokenizer`.
        max_seq_length: Largest number of pieces of a text or pair, special tokens
            included; at most the encoder's number of positions.
        class_names: Names of the outputs. If None, they are taken from the first `fit`
            if its labels are strings; otherwise the classes have numbers.
        is_pair: Whether it takes pairs of texts. If None, the first data decide.

    Raises:
        UserError: For a label that cannot be used (with its value and row), for single
            texts where pairs are expected or the reverse, and for a length that does
            not fit.
    """

    def __init__(
        self,
        classifier: Classifier,
        tokenizer: Tokenizer,
        max_seq_length: int,
        class_names: Sequence[str] | None = None,
        is_pair: bool | None = None,
        name="text_classifier",
    ):
        super().__init__(classifier, name=name)
        check_room(max_seq_length, 2 if is_pair else 1)
        positions = classifier.encoder.config.max_position_embeddings
        require(
            max_seq_length <= positions,
            f"max_seq_length is {max_seq_length}, but the encoder has {positions} "
            "positions",
        )
        self.text_features = TextFeatures(tokenizer, max_seq_length)
        outputs = classifier.num_outputs
        require(
            class_names is None or len(class_names) == outputs > 1,
            f"class_names are {class_names}; expected one for each of the classifier's "
            f"{outputs} outputs, and none for a regression",
        )
        self.class_names = None if class_names is None else tuple(class_names)
        self.is_pair = is_pair
        self.accuracy = None
        if classifier.num_outputs > 1:
            self.accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    def fit(self, x=None, y=None, *, validation_data=None, **kwargs):
        """Like keras.Model.fit, also for lists of strings and labels of any form."""
        if self.class_names is None and self.network.num_outputs > 1:
            self._learn_class_names(x, y)
        if isinstance(validation_data, tuple | list):
            texts, labels, *weights = validation_data
            validation_data = (
                self._texts(texts),
                self._labels(labels, "validation labels"),
                *map(keras_strings.as_tensor, weights),
            )
        kwargs["sample_weight"] = keras_strings.as_tensor(kwargs.get("sample_weight"))
        with self._own_errors():
            return super().fit(
                self._texts(x),
                self._labels(y),
                validation_data=validation_data,
                **kwargs,
            )

    def evaluate(self, x=None, y=None, **kwargs):
        """Like keras.Model.evaluate, also for lists of strings and any labels."""
        kwargs["sample_weight"] = keras_strings.as_tensor(kwargs.get("sample_weight"))
        with self._own_errors():
            return super().evaluate(self._texts(x), self._labels(y), **kwargs)

    def predict(self, x, **kwargs):
        """Like keras.Model.predict, also for lists of strings."""
        return super().predict(self._texts(x), **kwargs)

    def predict_labels(self, x, **kwargs) -> list[str]:
        """The name of the most likely class of each text; arguments as for `predict`.

        Raises:
            UserError: For a regression, which has scores.
        """
        names = self._output_names()
        if names is None:
            raise UserError("a regression has no classes; predict returns its scores")
        return [names[number] for number in self.predict(x, **kwargs).argmax(-1)]

    def export(self, filepath, is_pair: bool | None = None):
        """Writes a SavedModel from strings to answers.

        See `saved_model.ClassifierModel`. Classes without names are "0", "1", ...

        Args:
            filepath: The folder to create. It is written completely or not at all.
            is_pair: Whether the model takes pairs; needed only if the classifier has
                seen no data.
        """
        if is_pair is not None:
            self._settle_form(is_pair)
        model = saved_model.ClassifierModel(
            self.network,
            self.text_features.tokenizer,
            self.text_features.max_seq_length,
            self._output_names(),
            bool(self.is_pair),
        )
        saved_model.save(model, filepath)

    def get_config(self):
        """For Keras' `save`; the vocabulary is a part of it."""
        return {
            "classifier": self.network.get_config(),
            "tokenizer": keras_strings.pack_tokenizer(self.text_features.tokenizer),
            "max_seq_length": self.text_features.max_seq_length,
            "class_names": self.class_names and list(self.class_names),
            "is_pair": self.is_pair,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        tokenizer = keras_strings.unpack_tokenizer(config["tokenizer"])
        classifier = Classifier.from_config(config["classifier"])
        return cls(**{**config, "classifier": classifier, "tokenizer": tokenizer})

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
            return self.network.scores(logits)
        return tf.nn.softmax(logits)

    def _features(self, data):
        texts, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        if labels is None:
            raise UserError("the data has texts and no labels; expected both")
        features = {**self._text_features(texts), "labels": self._checked(labels)}
        if weights is not None:
            features["example_weights"] = tf.cast(weights, tf.float32)
        return features

    def _text_features(self, texts):
        parts = texts if isinstance(texts, (tuple, list)) else (texts,)
        self._settle_form(len(parts) == 2)
        return self.text_features(*parts)

    def _settle_form(self, is_pair):
        """Remembers whether texts come in pairs, or checks that this is unchanged."""
        if self.is_pair is None:
            check_room(self.text_features.max_seq_length, 1 + is_pair)
            self.is_pair = is_pair
        elif is_pair != self.is_pair:
            expected = "pairs of texts, as a tuple (first texts, second texts)"
            found = "single texts"
            if is_pair:
                expected, found = "single texts, as a list of strings", "pairs of texts"
            raise UserError(f"found {found}; this classifier takes {expected}")

    def _texts(self, x):
        """Lists of strings as tensors, which Keras accepts."""
        if isinstance(x, tuple) and len(x) == 2:
            self._settle_form(True)
            return tuple(
                keras_strings.string_tensor(part, f"x[{i}]") for i, part in enumerate(x)
            )
        if x is None or hasattr(x, "__next__") or isinstance(x, keras_strings.BATCHES):
            return x
        self._settle_form(False)
        return keras_strings.string_tensor(x, "x")

    def _labels(self, labels, where="labels"):
        if labels is None:
            return None
        return array_labels.as_numbers(
            labels, self.network.num_outputs, self.class_names, where
        )

    def _checked(self, labels):
        """A batch's labels in the form that the network learns, in the graph."""

        def check(values):
            try:
                return self._labels(values, "labels of a batch")
            except UserError as error:
                self._refused = error  # TensorFlow's error would hide it
                raise

        dtype = tf.float32 if self.network.num_outputs == 1 else tf.int32
        numbers = tf.numpy_function(check, [labels], dtype)
        return tf.ensure_shape(numbers, [None])

    @contextlib.contextmanager
    def _own_errors(self):
        """Shows our message about a label instead of the graph's error around it."""
        self._refused = None
        try:
            yield
        except tf.errors.OpError:
            if self._refused is None:
                raise
            raise self._refused from None

    def _learn_class_names(self, x, y):
        if isinstance(x, tf.data.Dataset):
            y = keras_strings.string_labels(x)
        names = None if y is None else array_labels.class_names(y)
        if names is not None and len(names) != self.network.num_outputs:
            raise UserError(
                f"the labels have {len(names)} classes ({', '.join(names[:10])}), but "
                f"the classifier has {self.network.num_outputs} outputs; make it with "
                f"num_outputs={len(names)}, or set class_names= to all classes"
            )
        self.class_names = names

    def _output_names(self):
        """The names of the classes, "0", "1", ... by default; None for a regression."""
        if self.network.num_outputs == 1:
            return None
        return self.class_names or list(map(str, range(self.network.num_outputs)))


def load_text_classifier(workdir) -> TextClassifier:
    """Loads the classifier of a finished fine-tuning, for `predict` on strings.

    Args:
        workdir: The workdir of `run_finetuning.py` for one task.

    Raises:
        UserError: If it holds no finished run.
    """
    tuned = finetuning_workdir.load_classifier(workdir)
    return TextClassifier(
        tuned.classifier,
        tuned.tokenizer,
        tuned.model.max_seq_length,
        tuned.model.class_names,
        tuned.model.is_pair,
    )
