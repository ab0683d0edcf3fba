"""Numbers of weights, read from built networks."""

import keras

from tf_pretrain.config import PretrainConfig
from tf_pretrain.models.building import build_objective
from tf_pretrain.models.encoder import Encoder


def encoder_counts(encoder: Encoder) -> dict[str, int]:
    """Weights of an encoder by its parts; those it has not are 0.

    Of attention and feed-forward all the copies that there are together.
    """
    return {
        "embeddings": encoder.embeddings.count_params(),
        "projection": _count(encoder.embeddings_project),
        "attention": sum(map(_count, encoder.attention)),
        "feed_forward": sum(map(_count, encoder.feed_forward)),
        "pooler": _count(encoder.pooler),
    }


def electra_counts(config: PretrainConfig) -> dict[str, int]:
    """Weights of ELECTRA with tied embeddings by its parts; their sum is all of them.

    "embeddings" are of both networks; other parts have "generator " or
    "discriminator " before their names.
    """
    network = build_objective(config)
    found = {"embeddings": network.encoder.embeddings.count_params()}
    for name, encoder, head in (
        ("generator", network.generator, network.token_generator.head),
        ("discriminator", network.discriminator, network.replaced_token_head),
    ):
        parts = encoder_counts(encoder)
        del parts["embeddings"]
        found |= {f"{name} {part}": count for part, count in parts.items()}
        found[f"{name} head"] = head.count_params()
    keras.backend.clear_session()
    return found


def built_counts(model) -> dict[str, int]:
    """`encoder_counts` of an EncoderConfig's network, built and let go again."""
    counts = encoder_counts(Encoder(model))
    keras.backend.clear_session()
    return counts


def _count(layer):
    return 0 if layer is None else layer.count_params()
