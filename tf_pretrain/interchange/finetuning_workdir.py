"""A fine-tuned network on disk: what a fine-tuning workdir keeps, and its reader."""

import dataclasses
import json
import typing
from pathlib import Path

import keras
import numpy as np
import safetensors
import safetensors.numpy

from tf_pretrain import atomic_files
from tf_pretrain.data.tokenization import Tokenizer, load_tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange.finetuned_networks import (
    ClassifierConfig,
    from_values,
    to_values,
)
from tf_pretrain.models.classifier import Classifier
from tf_pretrain.models.losses import Network

MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"
_NAMES = {
    "classifier": "a classifier of texts or pairs",
    "question_answerer": "one that answers questions about texts",
    "tagger": "a tagger of words",
    "multiple_choice": "one that chooses between options",
}


@dataclasses.dataclass(frozen=True)
class FineTuned:
    """A trained network with all that it needs to read texts.

    Attributes:
        model: What describes it, one of the classes in finetuned_networks.py.
        network: The network.
        tokenizer: Its tokenizer.
    """

    model: ClassifierConfig
    network: Network
    tokenizer: Tokenizer

    @property
    def classifier(self) -> Classifier:
        """The network of a workdir of texts and labels."""
        return typing.cast(Classifier, self.network)


def save_model(workdir, model, tokenizer: Tokenizer) -> None:
    """Writes `model.json` and the tokenizer; the weights are the trials'."""
    atomic_files.write_json(Path(workdir) / MODEL_FILE, to_values(model))
    tokenizer.save(workdir)


def save_weights(path, network: Network) -> None:
    """Writes the weights by path, in full or not at all."""
    tensors = {
        v.path: np.array(keras.ops.convert_to_numpy(v), order="C")
        for v in network.trainable_variables
    }
    with atomic_files.replacing(Path(path)) as temporary:
        temporary.write_bytes(safetensors.numpy.save(tensors))


def write(tuned: FineTuned, folder) -> None:
    """Writes a network as a finished workdir, without scores."""
    folder = Path(folder)
    save_model(folder, tuned.model, tuned.tokenizer)
    save_weights(folder / WEIGHTS_FILE, tuned.network)
    results = {"task": tuned.model.task, "weights": WEIGHTS_FILE}
    atomic_files.write_json(folder / "results.json", results)


def is_finetuned(path) -> bool:
    """Whether `path` is the workdir of a fine-tuning run."""
    return (Path(path) / MODEL_FILE).is_file()


def load_classifier(workdir) -> FineTuned:
    """Loads the classifier of a finished fine-tuning run, which is its median trial's.

    Raises:
        UserError: If the folder holds no finished run, a network of another kind, or
            weights that do not fit.
    """
    return load_kind(workdir, "classifier")


def load_kind(workdir, kind) -> FineTuned:
    """As `load_finetuned`, of one kind.

    Raises:
        UserError: Also if the network is of another kind.
    """
    tuned = load_finetuned(workdir)
    if tuned.model.kind != kind:
        raise UserError(
            f"{workdir} holds a network for {tuned.model.task} ({tuned.model.kind}); "
            f"expected {_NAMES[kind]}"
        )
    return tuned


def load_finetuned(workdir) -> FineTuned:
    """The network of any kind that a finished fine-tuning run kept.

    Raises:
        UserError: As `load_classifier`.
    """
    workdir = Path(workdir)
    if not is_finetuned(workdir):
        raise UserError(
            f"{workdir} is not a fine-tuning workdir: it has no {MODEL_FILE}"
        )
    if not (workdir / "results.json").is_file():
        raise UserError(f"the run in {workdir} is not finished: it has no results.json")
    values = json.loads((workdir / MODEL_FILE).read_text(encoding="utf-8"))
    model = from_values(values)
    tokenizer = load_tokenizer(workdir)
    if model.vocabulary not in (None, tokenizer.fingerprint):
        raise UserError(f"{workdir} holds another vocabulary than it was trained with")
    results = json.loads((workdir / "results.json").read_text(encoding="utf-8"))
    network = model.build()
    _load_weights(workdir / results["weights"], network)
    return FineTuned(model, network, tokenizer)


def _load_weights(path, network):
    try:
        tensors = safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    for variable in network.trainable_variables:
        tensor = tensors.get(variable.path)
        if tensor is None or tensor.shape != tuple(variable.shape):
            found = "nothing" if tensor is None else f"shape {tensor.shape}"
            raise UserError(
                f"{path} has {found} for {variable.path}; expected shape "
                f"{tuple(variable.shape)}"
            )
        variable.assign(tensor)
