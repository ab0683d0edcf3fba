"""The base of Keras models that are fitted and asked on lists of strings."""

import dataclasses

import tensorflow as tf

from tf_pretrain.config import FinetuneSettings
from tf_pretrain.config.checks import require
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import finetuned_networks, finetuning_workdir
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.serving import saved_model
from tf_pretrain.tasks import batches, keras_strings
from tf_pretrain.tasks.text_model import TextModel
from tf_pretrain.training.compiling import compiled


class ListModel(TextModel):
    """A network for questions, options or tags, on lists of strings.

    `fit`, `evaluate` and `predict` read the lists as `run_finetuning.py` reads files.
    Batches hold inputs of about the same length.

    Args:
        config: What describes the network, see interchange/finetuned_networks.py.
        encoder: The Encoder on which it stands.
        tokenizer: The encoder's.
    """

    def __init__(self, config, encoder, tokenizer, name):
        positions = encoder.config.max_position_embeddings
        require(
            config.max_seq_length <= positions,
            f"max_seq_length is {config.max_seq_length}, but the encoder has "
            f"{positions} positions",
        )
        super().__init__(config.build(encoder), name=name)
        self.config = dataclasses.replace(config, vocabulary=tokenizer.fingerprint)
        self.tokenizer = tokenizer
        self._call = compiled(self.network, self._outputs, jit_compile=False)

    def fit(self, x, y, *, batch_size=32, epochs=1, validation_data=None, **kwargs):
        """Like keras.Model.fit, on lists.

        Args:
            x, y: As the class says.
            batch_size: Inputs of a batch.
            epochs: How often each input is read.
            validation_data: None, or a pair (x, y).
            kwargs: Other arguments of keras.Model.fit.
        """
        examples = self._encode(x, y)
        if not len(examples):
            raise UserError("there is nothing to train on; x is empty or was left out")
        steps = -(-len(examples) // batch_size)
        settings = self._settings(batch_size)

        def generate():
            num_steps, seed = steps * epochs, self.random_seed
            return batches.training_batches(examples, settings, num_steps, seed)

        if validation_data is not None:
            validation_data = self._dataset(*validation_data)
        return super().fit(
            batches.as_dataset(generate),
            epochs=epochs,
            steps_per_epoch=steps,
            validation_data=validation_data,
            **{"shuffle": False, **kwargs},  # the batches are shuffled already
        )

    def evaluate(self, x, y=None, **kwargs):
        """Like keras.Model.evaluate, on lists: the losses."""
        # Keras' fit evaluates the dataset that it was given.
        dataset = x if isinstance(x, tf.data.Dataset) else self._dataset(x, y)
        return super().evaluate(dataset, **kwargs)

    def export(self, filepath):
        """Writes a SavedModel from strings to answers; see docs/serving.md.

        Args:
            filepath: The folder to create. It is written completely or not at all.
        """
        saved_model.save(
            saved_model.served(self.network, self.tokenizer, self.config), filepath
        )

    def test_step(self, features):
        """Running means of the losses over all rows or words."""
        losses = self.network.losses(features)
        for mean in self.loss_means:
            total, weight = losses[mean.name]
            mean.update_state(total / weight, weight)
        self._loss_tracker.update_state(
            sum(
                term.coefficient * losses[name][0] / losses[name][1]
                for name, term in self.network.loss_terms.items()
            ),
            next(iter(losses.values()))[1],
        )
        return self.get_metrics_result()

    def get_config(self):
        """For Keras' `save`; the vocabulary is a part of it."""
        return {
            "config": finetuned_networks.to_values(self.config),
            "tokenizer": keras_strings.pack_tokenizer(self.tokenizer),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        model = finetuned_networks.from_values(config["config"])
        tokenizer = keras_strings.unpack_tokenizer(config["tokenizer"])
        return cls._of(model, Encoder(model.encoder), tokenizer, config["name"])

    @classmethod
    def _of(cls, model, encoder, tokenizer, name):
        """The Keras model of what describes a network."""
        given = {
            field.name: getattr(model, field.name)
            for field in dataclasses.fields(model)
            if field.name not in ("task", "encoder", "vocabulary")
        }
        return cls(encoder, tokenizer, name=name, **given)

    @classmethod
    def load(cls, workdir, kind, name):
        """The Keras model of a finished fine-tuning.

        Raises:
            UserError: If `workdir` holds no finished run of this kind of task.
        """
        tuned = finetuning_workdir.load_kind(workdir, kind)
        model = cls._of(tuned.model, tuned.network.encoder, tuned.tokenizer, name)
        model.network.set_weights(tuned.network.get_weights())
        return model

    def _settings(self, batch_size=1):
        """What `batches` reads: the length, and in training the size of a batch."""
        return FinetuneSettings(
            max_seq_length=self.config.max_seq_length, batch_size=batch_size
        )

    def _dataset(self, x, y):
        """A dataset of all inputs once."""
        examples = self._encode(x, y)

        def generate():
            for _, features in batches.evaluation_batches(examples, self._settings()):
                yield features

        return batches.as_dataset(generate)

    def _run(self, examples):
        """The network's outputs for each example: {name: array}."""
        return batches.outputs_of(self._call, examples, self._settings())

    def _outputs(self, features):
        """{name: tensor [B, ...]} for a batch."""
        return {"logits": self.network(features)}

    def _encode(self, x, y):
        """Examples from which batches are made, with labels."""
        raise NotImplementedError


def check_lists(**columns) -> None:
    """Checks that lists have the same length and hold what they should.

    Args:
        columns: {name: list}; those in `strings` hold strings.

    Raises:
        UserError: If one is a string, or the lengths differ.
    """
    for name, values in columns.items():
        if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
            raise UserError(f"{name} is {values!r}; expected a list")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"the lists have different lengths: {lengths}")


def check_strings(name, values) -> None:
    """Checks that a list holds strings.

    Raises:
        UserError: If a value is none, with its row.
    """
    for row, value in enumerate(values):
        if not isinstance(value, str):
            raise UserError(f"{name}[{row}] is {value!r}; expected a string")
