"""The start of a fine-tuning: an encoder's sizes, vocabulary and weights."""

import dataclasses
import hashlib
import json

import keras
import numpy as np

from tf_pretrain import config as config_lib
from tf_pretrain.data import tokenization
from tf_pretrain.interchange.loading import load_encoder_and_tokenizer


@dataclasses.dataclass(frozen=True)
class Initial:
    """The start of every trial.

    Attributes:
        path: The path that was read.
        encoder_config: The encoder's sizes.
        tokenizer: Its vocabulary.
        weights: {variable path: array}; None for random weights.
    """

    path: str
    encoder_config: config_lib.EncoderConfig
    tokenizer: tokenization.Tokenizer
    weights: dict[str, np.ndarray] | None

    def sha256(self) -> str:
        """Checksum of tokenizer and weights; of tokenizer and sizes without weights."""
        digest = hashlib.sha256(self.tokenizer.fingerprint.encode())
        if self.weights is None:
            sizes = config_lib.to_dict(self.encoder_config)
            digest.update(json.dumps(sizes, sort_keys=True).encode())
            return digest.hexdigest()
        for path, array in sorted(self.weights.items()):
            digest.update(path.encode() + array.tobytes())
        return digest.hexdigest()


def load_initial(path, from_scratch=False) -> Initial:
    """Loads encoder and tokenizer of pretrained weights or of a fine-tuning workdir.

    Args:
        from_scratch: Whether to load only sizes and vocabulary.

    Raises:
        UserError: If they cannot be read.
    """
    encoder, tokenizer = load_encoder_and_tokenizer(path)
    # The first part of a path is the network's name, for example "discriminator".
    weights = {
        "encoder/" + v.path.partition("/")[2]: keras.ops.convert_to_numpy(v)
        for v in encoder.trainable_variables
    }
    return Initial(
        str(path), encoder.config, tokenizer, None if from_scratch else weights
    )
