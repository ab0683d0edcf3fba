"""Trained models from a pretraining workdir."""

from pathlib import Path

from tf_pretrain import config as config_lib
from tf_pretrain.config import ConfigError, PretrainConfig
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.models.objectives import build_objective
from tf_pretrain.training import checkpoints
from tf_pretrain.training.trainer import Trainer


def load_pretrainer(path) -> Trainer:
    """Generator and discriminator, or encoder with its heads, ready to `compile`.

    Args:
        path: Workdir of a pretraining run; its newest checkpoint is taken.

    Raises:
        ConfigError: If the folder is no workdir.
        CheckpointError: If it holds no readable checkpoint.
    """
    path = Path(path)
    if not (path / "config.json").is_file():
        raise ConfigError(f"{path} is no pretraining workdir: it has no config.json")
    config = config_lib.load(PretrainConfig, path / "config.json")
    trainer = Trainer(build_objective(config))
    checkpoints.restore_weights(path / "checkpoints", trainer)
    return trainer


def load_encoder(path) -> Encoder:
    """The encoder that is kept after pretraining: ELECTRA's discriminator, say.

    Arguments and errors as for `load_pretrainer`.
    """
    return load_pretrainer(path).network.encoder
