"""Trained networks as graphs from strings to answers, for TensorFlow Serving.

Load what `save` writes with `tf.saved_model.load` after importing tensorflow_text. This
package is not needed. Several texts of any length may be given together.
"""

import keras
import tensorflow as tf

from tf_pretrain import atomic_files
from tf_pretrain.data.graph_text_features import TextFeatures
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import finetuning_workdir, loading
from tf_pretrain.training.trainer import require_tensorflow


class _TextModel(tf.Module):
    """Tokenizer and network in one graph; TextFeatures says how texts are treated."""

    def __init__(self, network, tokenizer: Tokenizer, max_seq_length: int, inputs):
        super().__init__(name="text_model")
        self._features = TextFeatures(tokenizer, max_seq_length)
        self._network = network
        self.inputs = inputs

    def signature(self):
        """The concrete function: one string tensor [B] for each input."""
        # The weights become constants of the graph, so that what depends on them alone
        # (concatenated kernels) is computed once and not for each request.
        weights = [(v, v.numpy()) for v in self._network.variables]
        specs = [tf.TensorSpec([None], tf.string, name=name) for name in self.inputs]

        @tf.function(input_signature=specs, autograph=False)
        def serve(*texts):
            constants = [(v, tf.constant(value)) for v, value in weights]
            with keras.StatelessScope(state_mapping=constants):
                return self._answer(self._features(*texts))

        return serve

    def _answer(self, features):
        raise NotImplementedError


class EncoderModel(_TextModel):
    """Strings -> `sequence_output` [B, S, D], `input_mask` [B, S], `embedding` [B, D].

    An embedding is the mean of the final states of the real tokens, special tokens
    included. `pooled_output` [B, D] is there if the encoder has a pooler.

    Args:
        network: An Encoder.
    """

    def __init__(self, network, tokenizer, max_seq_length):
        super().__init__(network, tokenizer, max_seq_length, ("sentence",))

    def _answer(self, features):
        outputs = dict(self._network(features))
        mask = tf.cast(features["input_mask"], tf.float32)[:, :, None]
        total = tf.reduce_sum(outputs["sequence_output"] * mask, axis=1)
        outputs["embedding"] = total / tf.reduce_sum(mask, axis=1)
        return outputs | {"input_mask": features["input_mask"]}


class ClassifierModel(_TextModel):
    """Strings -> class names and probabilities, or scores.

    Classification returns `label` string [B], `probabilities` float32 [B, C] and
    `class_names` string [B, C]. The names are the same in each row, because TensorFlow
    Serving's REST API needs a row for each text. Regression returns `score` float32
    [B].

    Args:
        network: A Classifier.
        class_names: C names; None for regression.
        is_pair: Whether the inputs are `sentence1` and `sentence2` instead of
            `sentence`.
    """

    def __init__(
        self,
        network,
        tokenizer,
        max_seq_length,
        class_names,
        is_pair,
    ):
        inputs = ("sentence1", "sentence2") if is_pair else ("sentence",)
        super().__init__(network, tokenizer, max_seq_length, inputs)
        self._class_names = class_names and tf.constant(class_names)

    def _answer(self, features):
        logits = self._network(features)
        if self._class_names is None:
            return {"score": self._network.scores(logits)}
        best = tf.argmax(logits, axis=-1)
        return {
            "label": tf.gather(self._class_names, best),
            "probabilities": tf.nn.softmax(logits),
            "class_names": tf.repeat(self._class_names[None], tf.shape(best)[0], 0),
        }


def save(model: _TextModel, folder) -> None:
    """Writes a SavedModel with the signature "serving_default".

    Args:
        folder: An existing empty folder.
    """
    tf.saved_model.save(model, str(folder), {"serving_default": model.signature()})


def export(checkpoint, output, max_seq_length: int | None = None):
    """Writes a SavedModel with the signature "serving_default".

    Args:
        checkpoint: A fine-tuning workdir (strings in, class names out), or a path as
            for `load_encoder` (strings in, embeddings out).
        output: The folder to create. It is written completely or not at all.
        max_seq_length: Largest number of pieces of a text or pair. The default is that
            of the fine-tuning, or all positions of a pretrained encoder.

    Returns:
        The EncoderModel or ClassifierModel that was written.

    Raises:
        UserError: If the checkpoint cannot be read, has no vocabulary, or has fewer
            positions than `max_seq_length`.
    """
    require_tensorflow()
    if finetuning_workdir.is_finetuned(checkpoint):
        tuned = finetuning_workdir.load_classifier(checkpoint)
        length = max_seq_length or tuned.model.max_seq_length
        _check_length(length, tuned.classifier.encoder)
        model = ClassifierModel(
            tuned.classifier,
            tuned.tokenizer,
            length,
            tuned.model.class_names,
            tuned.model.is_pair,
        )
    else:
        encoder, tokenizer = loading.load_encoder_and_tokenizer(checkpoint)
        length = max_seq_length or encoder.config.max_position_embeddings
        _check_length(length, encoder)
        model = EncoderModel(encoder, tokenizer, length)
    with atomic_files.new_folder(output) as folder:
        save(model, folder)
    return model


def _check_length(length, encoder):
    positions = encoder.config.max_position_embeddings
    if length > positions:
        raise UserError(
            f"max_seq_length is {length}, but the encoder has {positions} positions"
        )
