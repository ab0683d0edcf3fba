"""The config of fine-tuning under its former address, which users' files name."""

from tf_pretrain.config.finetune import FinetuneConfig, FinetuneSettings

__all__ = ["FinetuneConfig", "FinetuneSettings"]
