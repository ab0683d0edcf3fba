"""ELECTRA and ALBERT pretraining in TensorFlow and Keras 3.

Public names are imported when they are first used. Importing TensorFlow takes seconds,
and processes that only read text or print a config do not need it.
"""

import importlib
import typing

__version__ = "0.2.0"

_HOMES = {
    # Trained weights.
    "load_tokenizer": "tf_pretrain.interchange.loading",
    "load_encoder": "tf_pretrain.interchange.loading",
    "load_pretrainer": "tf_pretrain.interchange.loading",
    "load_classifier": "tf_pretrain.interchange.finetuning_workdir",
    "load_text_classifier": "tf_pretrain.tasks.text_classifier",
    "load_question_answerer": "tf_pretrain.tasks.text_question_answerer",
    "load_multiple_choice": "tf_pretrain.tasks.text_multiple_choice",
    "load_tagger": "tf_pretrain.tasks.text_tagger",
    "inspect_text": "tf_pretrain.inspection.inspector",
    # Networks.
    "Encoder": "tf_pretrain.models.encoder",
    "build_objective": "tf_pretrain.models.building",
    "Classifier": "tf_pretrain.models.classifier",
    "TextClassifier": "tf_pretrain.tasks.text_classifier",
    "TextQuestionAnswerer": "tf_pretrain.tasks.text_question_answerer",
    "TextMultipleChoice": "tf_pretrain.tasks.text_multiple_choice",
    "TextTagger": "tf_pretrain.tasks.text_tagger",
    # Training: whole runs, and their parts.
    "pretrain": "tf_pretrain.runs.pretrain",
    "Sources": "tf_pretrain.runs.data",
    "InitialWeights": "tf_pretrain.runs.initial",
    "find_records": "tf_pretrain.data.record_sets",
    "training_batches": "tf_pretrain.data.pipelines",
    "Trainer": "tf_pretrain.training.trainer",
    "AdamW": "tf_pretrain.training.optimizers",
    "LAMB": "tf_pretrain.training.optimizers",
    # Configs.
    "load_config": "tf_pretrain.config.files",
    "PretrainConfig": "tf_pretrain.config",
    "EncoderConfig": "tf_pretrain.config",
    "ObjectiveConfig": "tf_pretrain.config",
    "DataConfig": "tf_pretrain.config",
    "TrainConfig": "tf_pretrain.config",
    "UserError": "tf_pretrain.errors",
}
__all__ = list(_HOMES)


if typing.TYPE_CHECKING:  # what editors and type checkers see; the same names
    from tf_pretrain.config import DataConfig as DataConfig
    from tf_pretrain.config import EncoderConfig as EncoderConfig
    from tf_pretrain.config import ObjectiveConfig as ObjectiveConfig
    from tf_pretrain.config import PretrainConfig as PretrainConfig
    from tf_pretrain.config import TrainConfig as TrainConfig
    from tf_pretrain.config.files import load_config as load_config
    from tf_pretrain.data.pipelines import training_batches as training_batches
    from tf_pretrain.data.record_sets import find_records as find_records
    from tf_pretrain.errors import UserError as UserError
    from tf_pretrain.inspection.inspector import inspect_text as inspect_text
    from tf_pretrain.interchange.finetuning_workdir import (
        load_classifier as load_classifier,
    )
    from tf_pretrain.interchange.loading import load_encoder as load_encoder
    from tf_pretrain.interchange.loading import load_pretrainer as load_pretrainer
    from tf_pretrain.interchange.loading import load_tokenizer as load_tokenizer
    from tf_pretrain.models.building import build_objective as build_objective
    from tf_pretrain.models.classifier import Classifier as Classifier
    from tf_pretrain.models.encoder import Encoder as Encoder
    from tf_pretrain.runs.data import Sources as Sources
    from tf_pretrain.runs.initial import InitialWeights as InitialWeights
    from tf_pretrain.runs.pretrain import pretrain as pretrain
    from tf_pretrain.tasks.text_classifier import TextClassifier as TextClassifier
    from tf_pretrain.tasks.text_classifier import (
        load_text_classifier as load_text_classifier,
    )
    from tf_pretrain.tasks.text_multiple_choice import (
        TextMultipleChoice as TextMultipleChoice,
    )
    from tf_pretrain.tasks.text_multiple_choice import (
        load_multiple_choice as load_multiple_choice,
    )
    from tf_pretrain.tasks.text_question_answerer import (
        TextQuestionAnswerer as TextQuestionAnswerer,
    )
    from tf_pretrain.tasks.text_question_answerer import (
        load_question_answerer as load_question_answerer,
    )
    from tf_pretrain.tasks.text_tagger import TextTagger as TextTagger
    from tf_pretrain.tasks.text_tagger import load_tagger as load_tagger
    from tf_pretrain.training.optimizers import LAMB as LAMB
    from tf_pretrain.training.optimizers import AdamW as AdamW
    from tf_pretrain.training.trainer import Trainer as Trainer
else:  # a type checker would believe that it has every name

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module 'tf_pretrain' has no attribute {name!r}")
        return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return __all__
