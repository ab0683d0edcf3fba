"""A fine-tuned classifier on disk: the model files of a fine-tuning workdir."""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import safetensors
import safetensors.numpy

from tf_pretrain import atomic_files
from tf_pretrain.config import EncoderConfig, from_dict
from tf_pretrain.data.tokenization import Tokenizer, load_tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.encoder import Encoder

MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"


@dataclasses.dataclass(frozen=True)
class ClassifierConfig:
    """The contents of `model.json`: a fine-tuned classifier without its weights.

    Attributes:
        task: The task's name.
        encoder: The encoder's config.
        num_outputs, head, loss_reduction, dropout: Arguments of Classifier.
        class_names: Names of the classes; None for regression.
        target_scale: Factor of a regression's output.
        is_pair: Whether it takes pairs of texts.
        max_seq_length: Ids of the longest text or pair.
        vocabulary: The tokenizer's fingerprint; None in older files.
    """

    task: str
    encoder: EncoderConfig
    num_outputs: int
    head: str
    loss_reduction: str
    dropout: float
    class_names: tuple[str, ...] | None
    target_scale: float
    is_pair: bool
    max_seq_length: int
    vocabulary: str | None = None

    def build(self) -> Classifier:
        """Builds the network with new weights."""
        return Classifier(
            Encoder(self.encoder),
            self.num_outputs,
            head=self.head,
            loss_reduction=self.loss_reduction,
            dropout=self.dropout,
        )


@dataclasses.dataclass(frozen=True)
class FineTuned:
    """A trained classifier with everything that it needs to read texts."""

    model: ClassifierConfig
    classifier: Classifier
    tokenizer: Tokenizer


def save_model(workdir, model: ClassifierConfig, tokenizer: Tokenizer) -> None:
    """Writes `model.json` and the tokenizer. The trials write the weights."""
    atomic_files.write_json(Path(workdir) / MODEL_FILE, dataclasses.asdict(model))
    tokenizer.save(workdir)


def save_weights(path, classifier: Classifier) -> None:
    """Writes the weights by path, completely or not at all."""
    tensors = {
        v.path: np.array(keras.ops.convert_to_numpy(v), order="C")
        for v in classifier.trainable_variables
    }
    with atomic_files.replacing(Path(path)) as temporary:
        temporary.write_bytes(safetensors.numpy.save(tensors))


def is_finetuned(path) -> bool:
    """Whether `path` is the workdir of a fine-tuning run."""
    return (Path(path) / MODEL_FILE).is_file()


def load_classifier(workdir) -> FineTuned:
    """Loads the classifier of a finished fine-tuning run, which is its median trial's.

    Raises:
        UserError: If the folder holds no finished run, or its weights do not fit.
    """
    workdir = Path(workdir)
    if not is_finetuned(workdir):
        raise UserError(
            f"{workdir} is not a fine-tuning workdir: it has no {MODEL_FILE}"
        )
    if not (workdir / "results.json").is_file():
        raise UserError(f"the run in {workdir} is not finished: it has no results.json")
    values = json.loads((workdir / MODEL_FILE).read_text(encoding="utf-8"))
    names = values["class_names"]
    values |= {
        "encoder": from_dict(EncoderConfig, values["encoder"]),
        "class_names": None if names is None else tuple(names),
    }
    model = ClassifierConfig(**values)
    tokenizer = load_tokenizer(workdir)
    if model.vocabulary not in (None, tokenizer.fingerprint):
        raise UserError(f"{workdir} holds another vocabulary than it was trained with")
    results = json.loads((workdir / "results.json").read_text(encoding="utf-8"))
    classifier = model.build()
    _load_weights(workdir / results["weights"], classifier)
    return FineTuned(model, classifier, tokenizer)


def _load_weights(path, classifier):
    try:
        tensors = safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    for variable in classifier.trainable_variables:
        tensor = tensors.get(variable.path)
        if tensor is None or tensor.shape != tuple(variable.shape):
            found = "nothing" if tensor is None else f"shape {tensor.shape}"
            raise UserError(
                f"{path} has {found} for {variable.path}; expected shape "
                f"{tuple(variable.shape)}"
            )
        variable.assign(tensor)
