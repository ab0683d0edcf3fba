"""Trained networks as graphs from strings to answers, for TensorFlow Serving.

Load what `save` writes with `tf.saved_model.load` after importing tensorflow_text. This
package is not needed. Several texts of any length may be given together.
"""

import dataclasses

import tensorflow as tf

from tf_pretrain.data.graph_text_features import TextFeatures
from tf_pretrain.data.tokenization import Tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import finetuning_workdir, loading
from tf_pretrain.serving.choice_model import ChoiceModel
from tf_pretrain.serving.question_answering.model import QuestionModel
from tf_pretrain.serving.string_model import StringModel, save
from tf_pretrain.serving.tagger_model import TaggerModel
from tf_pretrain.training.trainer import require_tensorflow

_MODELS = {
    "question_answerer": QuestionModel,
    "multiple_choice": ChoiceModel,
    "tagger": TaggerModel,
}


class _TextModel(StringModel):
    """A network of single texts or pairs; TextFeatures says how they are treated."""

    def __init__(self, network, tokenizer: Tokenizer, max_seq_length: int, inputs):
        super().__init__(network, {name: [None] for name in inputs})
        self._features = TextFeatures(tokenizer, max_seq_length)

    def _answer(self, *texts):
        return self._answer_features(self._features(*texts))

    def _answer_features(self, features):
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

    def _answer_features(self, features):
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

    def _answer_features(self, features):
        logits = self._network(features)
        if self._class_names is None:
            return {"score": self._network.scores(logits)}
        best = tf.argmax(logits, axis=-1)
        return {
            "label": tf.gather(self._class_names, best),
            "probabilities": tf.nn.softmax(logits),
            "class_names": tf.repeat(self._class_names[None], tf.shape(best)[0], 0),
        }


def export(checkpoint, output, max_seq_length: int | None = None):
    """Writes a SavedModel with the signature "serving_default".

    Args:
        checkpoint: A fine-tuning workdir of any kind of task (strings in, answers
            out), or a path as for `load_encoder` (strings in, embeddings out).
        output: The folder to create. It is written completely or not at all.
        max_seq_length: Largest number of pieces of a text or pair. The default is that
            of the fine-tuning, or all positions of a pretrained encoder.

    Returns:
        The StringModel that was written.

    Raises:
        UserError: If the checkpoint cannot be read, has no vocabulary, or has fewer
            positions than `max_seq_length`.
    """
    require_tensorflow()
    if finetuning_workdir.is_finetuned(checkpoint):
        tuned = finetuning_workdir.load_finetuned(checkpoint)
        length = max_seq_length or tuned.model.max_seq_length
        _check_length(length, tuned.network.encoder)
        model = served(
            tuned.network,
            tuned.tokenizer,
            dataclasses.replace(tuned.model, max_seq_length=length),
        )
    else:
        encoder, tokenizer = loading.load_encoder_and_tokenizer(checkpoint)
        length = max_seq_length or encoder.config.max_position_embeddings
        _check_length(length, encoder)
        model = EncoderModel(encoder, tokenizer, length)
    save(model, output)
    return model


def served(network, tokenizer, model) -> StringModel:
    """A fine-tuned network of any kind as a graph from strings to answers.

    Args:
        network: The network.
        tokenizer: Its tokenizer.
        model: What describes it, one of the classes in finetuned_networks.py.
    """
    if model.kind == "classifier":
        return ClassifierModel(
            network,
            tokenizer,
            model.max_seq_length,
            model.class_names,
            model.is_pair,
        )
    return _MODELS[model.kind](network, tokenizer, model)


def _check_length(length, encoder):
    positions = encoder.config.max_position_embeddings
    if length > positions:
        raise UserError(
            f"max_seq_length is {length}, but the encoder has {positions} positions"
        )
