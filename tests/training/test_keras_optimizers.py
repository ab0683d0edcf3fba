"""Optimizers of Keras in a Trainer: one and two replicas, and Keras' own arithmetic."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from support.tiny import cached_strategy, random_features, tiny_config, with_dropout
from support.training import endless
from tf_pretrain.models.building import build_objective
from tf_pretrain.training.trainer import Trainer

# All clip the gradient, by far: a replica's share clipped for itself would show.
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01, epsilon=1e-3, global_clipnorm=0.01),
    "sgd": lambda: keras.optimizers.SGD(0.5, momentum=0.9, clipnorm=0.01),
    "lion": lambda: keras.optimizers.Lion(0.01, weight_decay=0.1, clipvalue=1e-3),
}
STEPS = 3
CONFIG = with_dropout(tiny_config("masked_lm", model={"num_hidden_layers": 1}))
BATCHES = [random_features(CONFIG, seed) for seed in range(STEPS)]


def _network():
    keras.utils.set_random_seed(0)
    return build_objective(CONFIG)


def _trained(optimizer, strategy_name):
    """Weights after some steps of `fit`, and the norms of the gradients."""
    strategy = cached_strategy(strategy_name)
    dataset = endless(BATCHES, strategy)
    with strategy.scope():
        trainer = Trainer(_network())
        trainer.compile(optimizer=OPTIMIZERS[optimizer](), jit_compile=False)
    norms = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: norms.append(logs["gradient_norm"])
    )
    trainer.fit(dataset, steps_per_epoch=STEPS, callbacks=[watch], verbose=0)
    return _weights(trainer.network), np.array(norms)


def _by_hand(optimizer):
    """The same by a tape and Keras' optimizer, and nothing else."""
    network, optimizer = _network(), OPTIMIZERS[optimizer]()
    unused = {v.path for v in network.unused_variables}
    variables = [v for v in network.trainable_variables if v.path not in unused]
    norms = []
    for batch in BATCHES:
        features = {name: tf.constant(value) for name, value in batch.items()}
        with tf.GradientTape() as tape:
            loss = network.total_loss(network.losses(features, training=True))
        gradients = tape.gradient(loss, [v.value for v in variables])
        gradients = [tf.convert_to_tensor(g) for g in gradients]
        norms.append(tf.linalg.global_norm(gradients))
        optimizer.apply(gradients, variables)
    return _weights(network), np.array(norms)


def _weights(network):
    # The gradient of a key's bias is 0 but for rounding, whose sign Lion follows.
    return {
        v.path: np.array(v)
        for v in network.trainable_variables
        if not v.path.endswith("key/bias")
    }


@pytest.mark.integration
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_replicas_and_keras_own_arithmetic(optimizer):
    expected, expected_norms = _by_hand(optimizer)
    start = _weights(_network())
    for strategy in ("one", "mirrored"):
        weights, norms = _trained(optimizer, strategy)
        np.testing.assert_allclose(norms, expected_norms, rtol=1e-4)
        assert weights.keys() == expected.keys()
        differing = total = 0
        for path, value in weights.items():
            close = np.isclose(value, expected[path], rtol=1e-4, atol=2e-6)
            differing, total = differing + np.sum(~close), total + close.size
        # Lion takes the sign of values that may be 0 but for rounding.
        assert differing <= (0.002 * total if optimizer == "lion" else 0), strategy
        assert any(np.any(value != start[path]) for path, value in weights.items())
