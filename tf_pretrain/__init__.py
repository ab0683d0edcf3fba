"""ELECTRA and ALBERT pretraining in TensorFlow and Keras 3.

Public names, imported when first used: TensorFlow takes seconds, and the processes
that hand out text or print a config do without it.
"""

import importlib

_HOMES = {
    "PretrainConfig": "tf_pretrain.config",
    "EncoderConfig": "tf_pretrain.config",
    "ObjectiveConfig": "tf_pretrain.config",
    "DataConfig": "tf_pretrain.config",
    "TrainConfig": "tf_pretrain.config",
    "Encoder": "tf_pretrain.models.encoder",
    "build_objective": "tf_pretrain.models.building",
    "load_tokenizer": "tf_pretrain.interchange.loading",
    "find_records": "tf_pretrain.data.batches",
    "training_batches": "tf_pretrain.data.batches",
    "AdamW": "tf_pretrain.training.optimizers",
    "LAMB": "tf_pretrain.training.optimizers",
    "Trainer": "tf_pretrain.training.trainer",
    "load_classifier": "tf_pretrain.interchange.finetuned",
    "Classifier": "tf_pretrain.models.classifier",
    "TextClassifier": "tf_pretrain.tasks.text_classifier",
    "load_encoder": "tf_pretrain.interchange.loading",
    "load_pretrainer": "tf_pretrain.interchange.loading",
}
__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'tf_pretrain' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
