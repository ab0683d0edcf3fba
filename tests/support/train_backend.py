"""Trains tiny models by `model.fit`: train_backend.py RECORDS WEIGHTS OUTPUT.

For tests of the Keras backends. KERAS_BACKEND must be set before Keras is imported,
hence a process for each. RECORDS has the folders "dynamic" and "static" that
corpus.build_tiny_records made; WEIGHTS (.npz) holds the initial weights as
"MODEL/path"; OUTPUT is a .npz with the logs of every step, "MODEL/logs/NAME"
[NUM_STEPS], and the final weights.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from support.tiny import tiny_config, with_dropout
from tf_pretrain.data.batches import training_batches
from tf_pretrain.data.record_sets import find_records
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.models.building import build_objective
from tf_pretrain.training.optimizers import build_optimizer
from tf_pretrain.training.trainer import Trainer

NUM_STEPS = 10
DATA = {"max_seq_length": 24, "max_predictions_per_seq": 5}
TRAIN = {"num_steps": 20, "warmup_steps": 2, "learning_rate": 0.005}
ELECTRA = tiny_config(model={"vocab_size": 120}, data=DATA, train=TRAIN)
ALBERT = tiny_config(
    "masked_lm",
    "sentence_order",
    model={
        "vocab_size": 120,
        "parameter_sharing": "all",
        "num_hidden_layers": 3,
        "hidden_act": "gelu_tanh",
    },
    data={**DATA, "masking": "static"},
    train={**TRAIN, "optimizer": "lamb", "schedule": "albert"},
)
# A pooler that no loss depends on, under LAMB, which would take most of it away.
NO_SENTENCES = tiny_config(
    "masked_lm",
    model={"vocab_size": 120, "use_pooler": True},
    data={**DATA, "masking": "static"},
    train={**TRAIN, "optimizer": "lamb", "learning_rate": 0.02},
)
MODELS = {
    "no_sentences": NO_SENTENCES,
    "electra": ELECTRA,
    "albert": ALBERT,
    "electra_dropout": with_dropout(ELECTRA),
}


class Logs(keras.callbacks.Callback):
    """Collects the logs of every epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append({name: float(value) for name, value in logs.items()})


def batches(config, records):
    """Batches of the records, with given samples in place of the generator's."""
    records = f"{records}/{config.data.masking}"
    dataset = training_batches(
        find_records(f"{records}/train-*.tfrecord"),
        config.data,
        load_tokenizer(records),
        config.seed,
        config.train.batch_size,
    )
    shape = (NUM_STEPS, config.train.batch_size, config.data.num_predictions)
    sampled = np.random.default_rng(0).integers(5, 120, shape, np.int32)
    return tf.data.Dataset.zip(
        dataset, tf.data.Dataset.from_tensor_slices(sampled)
    ).map(lambda features, ids: {**features, "sampled_ids": ids})


def train(config, records, weights):
    """Logs of every step and final weights of one model."""
    trainer = Trainer(build_objective(config))
    for variable in trainer.network.trainable_variables:
        variable.assign(weights[variable.path])
    # JAX is slow uncompiled, TensorFlow slow to compile what runs ten times.
    trainer.compile(
        optimizer=build_optimizer(
            config.train, config.train.num_steps, config.train.warmup_steps
        ),
        jit_compile=keras.backend.backend() == "jax",
    )
    logs = Logs()
    # One step an epoch, so that what Keras averages over an epoch is no average.
    trainer.fit(
        batches(config, records),
        epochs=NUM_STEPS,
        steps_per_epoch=1,
        shuffle=False,
        verbose=0,
        callbacks=[logs],
    )
    results = {
        f"logs/{name}": [epoch[name] for epoch in logs.epochs]
        for name in ("loss", *trainer.network.loss_terms)
    }
    final = {
        v.path: keras.ops.convert_to_numpy(v.value)
        for v in trainer.network.trainable_variables
    }
    return results | final


def main(records, weights, output):
    weights = dict(np.load(weights))
    results = {}
    for model, config in MODELS.items():
        prefix = f"{model}/"
        initial = {
            name.removeprefix(prefix): value
            for name, value in weights.items()
            if name.startswith(prefix)
        }
        for name, value in train(config, records, initial).items():
            results[prefix + name] = value
    np.savez(output, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
