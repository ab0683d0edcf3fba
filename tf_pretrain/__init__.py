"""ELECTRA and ALBERT pretraining in TensorFlow and Keras 3.

Public names, imported when first used: TensorFlow takes seconds, and the processes
that hand out text or print a config do without it.
"""

import importlib

_HOMES = {
    # Trained weights.
    "load_tokenizer": "tf_pretrain.interchange.loading",
    "load_encoder": "tf_pretrain.interchange.loading",
    "load_pretrainer": "tf_pretrain.interchange.loading",
    "load_classifier": "tf_pretrain.interchange.finetuned",
    "load_text_classifier": "tf_pretrain.tasks.text_classifier",
    # Networks.
    "Encoder": "tf_pretrain.models.encoder",
    "build_objective": "tf_pretrain.models.building",
    "Classifier": "tf_pretrain.models.classifier",
    "TextClassifier": "tf_pretrain.tasks.text_classifier",
    # Training: whole runs, and their parts.
    "pretrain": "tf_pretrain.training.pretrain",
    "Sources": "tf_pretrain.training.run_data",
    "find_records": "tf_pretrain.data.record_sets",
    "training_batches": "tf_pretrain.data.pipelines",
    "Trainer": "tf_pretrain.training.trainer",
    "AdamW": "tf_pretrain.training.optimizers",
    "LAMB": "tf_pretrain.training.optimizers",
    # Configs.
    "load_config": "tf_pretrain.config_files",
    "PretrainConfig": "tf_pretrain.config",
    "EncoderConfig": "tf_pretrain.config",
    "ObjectiveConfig": "tf_pretrain.config",
    "DataConfig": "tf_pretrain.config",
    "TrainConfig": "tf_pretrain.config",
    "UserError": "tf_pretrain.config",
}
__all__ = list(_HOMES)


def __dir__():
    return __all__


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'tf_pretrain' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
