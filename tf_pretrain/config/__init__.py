"""Every setting that changes a result: frozen dataclasses with one default each.

A run is described by one `PretrainConfig`. A config file (`configs/*.py`) names the
values that differ from the defaults here, and the command line overrides both
(`--config.train.num_steps=100`). Field names are the JSON keys of the original programs
if they have one. `*_prob` lie in [0, 1]; `*_steps` count optimizer updates.
"""

from tf_pretrain.config.data import DataConfig
from tf_pretrain.config.encoder import EncoderConfig
from tf_pretrain.config.finetune import (
    FinetuneConfig,
    FinetuneSettings,
    QuestionSettings,
    TaggingSettings,
)
from tf_pretrain.config.objective import ObjectiveConfig
from tf_pretrain.config.pretrain import PretrainConfig, generator_config
from tf_pretrain.config.train import RUN_FIELDS, OptimizerConfig, TrainConfig
from tf_pretrain.config.values import (
    differing_fields,
    from_dict,
    load,
    override,
    to_dict,
)
from tf_pretrain.errors import ConfigError

__all__ = [
    "DataConfig",
    "ConfigError",
    "EncoderConfig",
    "FinetuneConfig",
    "FinetuneSettings",
    "ObjectiveConfig",
    "OptimizerConfig",
    "PretrainConfig",
    "QuestionSettings",
    "RUN_FIELDS",
    "TaggingSettings",
    "TrainConfig",
    "differing_fields",
    "from_dict",
    "generator_config",
    "load",
    "override",
    "to_dict",
]
