"""Builds the trainer that a config describes; checks what the backend can do."""

import math

import keras

from tf_pretrain.config import PretrainConfig
from tf_pretrain.config.checks import require
from tf_pretrain.models.building import build_objective
from tf_pretrain.training.optimizers import build_optimizer
from tf_pretrain.training.trainer import Trainer

_MOST_STEPS_A_DISPATCH = 50


def build_trainer(config: PretrainConfig, strategy) -> Trainer:
    """Builds the objective with new weights and its optimizer, ready for `fit`.

    Raises:
        ConfigError: If a replica's share of the batch cannot be divided into
            micro-batches.
    """
    replicas, parts = strategy.num_replicas_in_sync, config.train.accumulation_steps
    require(
        config.train.batch_size % (replicas * parts) == 0,
        f"batch_size {config.train.batch_size} is not a multiple of {replicas} "
        f"replicas x {parts} accumulation_steps",
    )
    keras.utils.set_random_seed(config.seed)
    backend, precision = keras.backend.backend(), config.train.mixed_precision
    dtype = None if precision == "float32" else f"mixed_{precision}"
    with strategy.scope():
        trainer = Trainer(
            build_objective(config, dtype=dtype),
            accumulation_steps=config.train.accumulation_steps,
            loss_scaling=precision == "float16",
        )
        trainer.compile(
            optimizer=build_optimizer(
                config.train, moments_begin=config.objective.generator_steps
            ),
            jit_compile=config.train.jit_compile and backend != "torch",
        )
    trainer.steps_per_dispatch = _steps_per_dispatch(config.train)
    return trainer


def check_backend(config: PretrainConfig) -> None:
    """Raises ConfigError for settings that only the TensorFlow backend supports."""
    backend, train = keras.backend.backend(), config.train
    training = config.objective.generator_training
    for field, is_possible in (
        ("train.accumulation_steps", train.accumulation_steps == 1),
        ("train.mixed_precision=float16", train.mixed_precision != "float16"),
        ("objective.generator_training=two_stage", training != "two_stage"),
    ):
        require(
            is_possible or backend == "tensorflow",
            f"{field} needs the TensorFlow backend, but KERAS_BACKEND is {backend!r}",
        )


def _steps_per_dispatch(train):
    """How many steps start together: 1 on CPUs and on other backends than JAX.

    It divides the number of steps between two log lines, evaluations or checkpoints.
    """
    if keras.backend.backend() != "jax":
        return 1
    import jax

    if jax.default_backend() == "cpu":
        return 1
    between = math.gcd(train.log_every, train.checkpoint_every)
    return max(n for n in range(1, _MOST_STEPS_A_DISPATCH + 1) if between % n == 0)
