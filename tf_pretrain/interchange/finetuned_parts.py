"""A fine-tuned network in parts: the encoder, as the formats' modules take it, the
weights of the head, and the settings that no format holds, which are kept in
`finetuned.json`.
"""

import dataclasses
from pathlib import Path

import keras

from tf_pretrain import atomic_files
from tf_pretrain.interchange import families, finetuned_networks
from tf_pretrain.interchange.finetuning_workdir import FineTuned
from tf_pretrain.interchange.pretrained import InterchangeError, Pretrained, peek_json

_SETTINGS_FILE = "finetuned.json"
# What a foreign file does not say.
UNKNOWN_SETTINGS = {
    "classifier": "no file says whether it reads pairs: it is taken as a classifier of "
    'single texts; set "is_pair" in model.json if it reads pairs',
    "question_answerer": "windows and thresholds are the defaults, as no file says",
    "multiple_choice": "lengths are the defaults, as no file says",
    "tagger": "lengths are the defaults, as no file says",
}


@dataclasses.dataclass(frozen=True)
class Converted:
    """A network that was converted, for display.

    Attributes:
        tuned: The network.
        source: Where it is from.
        notes: What had to be assumed or changed, one sentence each.
    """

    tuned: FineTuned
    source: str
    notes: list[str]

    def report(self) -> str:
        """Says what was read."""
        weights = self.tuned.network.get_weights()
        count = sum(value.size for value in weights)
        lines = [
            f"{self.source}: {self.tuned.model.kind}, {len(weights)} tensors "
            f"({count:,} numbers) loaded"
        ]
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def encoder_of(tuned, source, weights, with_pooler=True):
    """The encoder alone, as the writers of all formats take it."""
    encoder = tuned.model.encoder
    family = families.family_of_encoder(encoder)
    weights = {k: v for k, v in weights.items() if k.startswith("encoder/")}
    if not with_pooler:
        encoder = dataclasses.replace(encoder, use_pooler=False)
        start = "encoder/pooler/"
        weights = {k: v for k, v in weights.items() if not k.startswith(start)}
    config = families.pretrain_config(family, encoder, {"masked_lm"})
    return Pretrained(config, weights, source, tuned.tokenizer)


def weights_of(network) -> dict:
    """{path: array} of what is trained."""
    return {v.path: keras.ops.convert_to_numpy(v) for v in network.trainable_variables}


def built(model, pretrained, head, source):
    """The network of an encoder and the weights of a head."""
    values = {
        "encoder/" + path.partition("/")[2]: value
        for path, value in pretrained.weights.items()
        if path.startswith(("encoder/", "discriminator/"))
    }
    tokenizer = pretrained.tokenizer
    if tokenizer is None:
        raise InterchangeError(f"{source} has no vocabulary beside it")
    model = dataclasses.replace(model, vocabulary=tokenizer.fingerprint)
    network = model.build()
    values |= head
    for variable in network.trainable_variables:
        value = values.get(variable.path)
        if value is None or value.shape != tuple(variable.shape):
            found = "nothing" if value is None else f"shape {value.shape}"
            raise InterchangeError(
                f"{source} has {found} for {variable.path}; expected shape "
                f"{tuple(variable.shape)}"
            )
        variable.assign(value)
    return FineTuned(model, network, tokenizer)


def own_settings(folder, encoder):
    """What `write` kept about a network, with the encoder that was read."""
    values = peek_json(folder / _SETTINGS_FILE)
    if not values:
        return None
    return dataclasses.replace(
        finetuned_networks.from_values(values), encoder=encoder, vocabulary=None
    )


def write_settings(model, folder) -> None:
    """Keeps what `own_settings` reads again."""
    values = finetuned_networks.to_values(model)
    atomic_files.write_json(Path(folder) / _SETTINGS_FILE, values)
