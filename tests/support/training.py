"""A few training steps on random batches, and configs for them."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from support.tiny import cached_strategy, random_features
from tf_pretrain.data.batches import untuned
from tf_pretrain.training.building import build_trainer

TWO_STAGE = {
    "generator_training": "two_stage",
    "generator_steps": 2,
    "weight_tying": "none",
    "generator_hidden_size": 1.0,
}


def fit(
    config,
    num_steps=5,
    strategy="one",
    num_batches=5,
    features_of=random_features,
    traced=None,
):
    """Losses of a few steps on random batches, and the trainer.

    Args:
        traced: A trainer that `fit` returned for such batches and a config that differs
            in the seed at most. It is used again, with the config's first weights.
    """
    strategy = cached_strategy(strategy)
    trainer = build_trainer(config, strategy)
    if traced is not None:
        trainer = _back_at_the_start(traced, trainer)
    batches = [features_of(config, seed) for seed in range(num_batches)]
    losses = []

    class Record(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append({name: float(value) for name, value in logs.items()})

    trainer.fit(
        endless(batches, strategy),
        steps_per_epoch=num_steps,
        callbacks=[Record()],
        verbose=0,
        shuffle=False,
    )
    return losses, trainer


def endless(batches, strategy):
    """A dataset of the batches again and again, with each replica's own rows.

    Args:
        batches: Feature dicts {name: array [B, ...]}.
    """
    replicas = strategy.num_replicas_in_sync
    rows = len(next(iter(batches[0].values()))) // replicas
    parts = [
        {name: value[r * rows : (r + 1) * rows] for name, value in batch.items()}
        for batch in batches
        for r in range(replicas)
    ]
    dataset = tf.data.Dataset.from_tensor_slices(
        {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    )
    dataset = untuned(dataset.repeat())
    if replicas == 1:
        return dataset
    return strategy.distribute_datasets_from_function(lambda _: dataset)


def _back_at_the_start(trainer, new):
    """The trainer with the values of a new one, which need not be traced."""
    for part, new_part in ((trainer, new), (trainer.optimizer, new.optimizer)):
        for variable, value in zip(part.variables, new_part.variables, strict=True):
            variable.assign(value.numpy())
    return trainer


def assert_same_losses(first, second, tolerance=1e-5):
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_allclose(a[name], b[name], rtol=tolerance, err_msg=name)


def shrink(config):
    """The config's structure with one layer of width 24 or so, or two that share."""
    model = config.model
    is_shared = model.parameter_sharing != "none"
    is_factorised = model.embedding_size != model.hidden_size
    return dataclasses.replace(
        config,
        model=dataclasses.replace(
            model,
            vocab_size=60,
            hidden_size=24,
            embedding_size=8 if is_factorised else 24,
            num_hidden_layers=2 if is_shared else 1,
            num_attention_heads=2,
            intermediate_size=48,
            max_position_embeddings=16,
        ),
        data=dataclasses.replace(
            config.data, max_seq_length=16, max_predictions_per_seq=3
        ),
        train=dataclasses.replace(
            config.train, batch_size=4, num_steps=4, warmup_steps=1, jit_compile=False
        ),
    )
