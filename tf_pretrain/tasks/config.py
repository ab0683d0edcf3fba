"""The config of fine-tuning under its old module name, which users' files import."""

from tf_pretrain.config.finetune import FinetuneConfig, FinetuneSettings

__all__ = ["FinetuneConfig", "FinetuneSettings"]
