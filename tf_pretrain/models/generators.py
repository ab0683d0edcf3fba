"""Generators, which fill the masks: a small network, or fixed token frequencies.

All generators have one interface (Clark et al., 2020, sec. 3.1 and 3.2):

    call(features, dropout) -> {
        "generator_logits": float32 [B, P, V],
        "sampled_ids": int32 [B, P],
        "corrupted_input_ids", "replaced_labels": int32 [B, S],
    }

A generator that is a network also returns "generator_output" [B, P, D], its final
states at the slots. Features and shape letters are those of objectives.py.
"""

import keras
import numpy as np
from keras import ops

from tf_pretrain import config as config_lib
from tf_pretrain.errors import ConfigError
from tf_pretrain.models import heads
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.models.layers import no_dropout


class Generator(keras.layers.Layer):
    """Base class of generators: it samples from logits and corrupts the text.

    Subclasses define `predict(features, dropout)`, which returns the outputs before
    sampling.
    """

    def __init__(self, config, dtype=None, name="token_generator"):
        # No autocast: the batch's uniform numbers and weights stay float32.
        super().__init__(dtype=dtype, name=name, autocast=False)
        self.temperature = config.objective.temperature
        self.sample = heads.sample_categorical
        if config.objective.sampling == "gumbel":
            self.sample = heads.sample_gumbel

    def check_is_ready(self):
        """Raises ConfigError if something must be set before training."""

    def call(self, features, dropout=no_dropout):
        outputs = self.predict(features, dropout)
        # No gradient flows through the sampling (sec. 3.1).
        logits = ops.stop_gradient(outputs["generator_logits"])
        sampled_ids = self._sample(logits / self.temperature, features)
        corrupted_ids, replaced = corrupt(features, sampled_ids)
        return {
            **outputs,
            "sampled_ids": sampled_ids,
            "corrupted_input_ids": corrupted_ids,
            "replaced_labels": replaced,
        }

    def _sample(self, logits, features):
        if "sampled_ids" in features:  # given from outside, for comparisons
            return features["sampled_ids"]
        uniform = features.get("sampling_uniform")
        if uniform is None:
            uniform = keras.random.uniform(ops.shape(logits)[:-1])
        return self.sample(logits, uniform)


class TransformerGenerator(Generator):
    """An encoder with a masked-LM head, which reads the masked text.

    Args:
        config: A PretrainConfig; `config.generator_config` gives the sizes.
        main_encoder: The encoder that is pretrained. With `weight_tying` "embeddings"
            the generator uses its embeddings, with "all" the whole encoder (sec. 3.2).
        head_name: Name of the head, needed if the pretrained encoder has one too.
    """

    def __init__(self, config, main_encoder, head_name="masked_lm_head", dtype=None):
        super().__init__(config, dtype=dtype)
        encoder_config = config_lib.generator_config(config)
        tying = config.objective.weight_tying
        self.encoder = main_encoder
        if tying != "all":
            self.encoder = Encoder(
                encoder_config,
                main_encoder.embeddings if tying == "embeddings" else None,
                dtype=dtype,
                name="generator",
            )
        self.head = heads.MaskedLMHead(
            encoder_config, encoder_config.embedding_size, dtype=dtype, name=head_name
        )
        self.head.build()
        self.built = True

    def predict(self, features, dropout):
        encoded = self.encoder(
            {**features, "input_ids": features["masked_input_ids"]}, dropout=dropout
        )
        states, positions = encoded["sequence_output"], features["masked_lm_positions"]
        table = self.encoder.embeddings.word_embeddings
        return {
            "generator_logits": self.head(states, positions, table),
            "generator_output": heads.gather_positions(states, positions),
        }


class FrequencyGenerator(Generator):
    """Draws every token from one fixed distribution: the uniform or a unigram one.

    The unigram generator (Clark et al., 2020, sec. 3.2 and Figure 3) draws tokens by
    their frequency in the corpus. Call `set_counts` before training; the counts are
    saved with the weights. One is added to every count, so that held-out losses are
    finite. The uniform generator is `uniform_generator` of the released code. Neither
    has trainable weights.
    """

    encoder = None

    def __init__(self, config, dtype=None):
        super().__init__(config, dtype=dtype)
        self.vocab_size = config.model.vocab_size
        self.token_counts = None
        if config.objective.generator == "unigram":
            self.token_counts = self.add_weight(
                name="token_counts",
                shape=(self.vocab_size,),
                dtype="float32",
                initializer="zeros",
                trainable=False,
                autocast=False,
            )
        self.built = True

    def check_is_ready(self):
        super().check_is_ready()
        counts = self.token_counts
        if counts is not None and not np.any(ops.convert_to_numpy(counts)):
            raise ConfigError(
                "objective.generator 'unigram' draws tokens by their frequency, but "
                "has no counts: call network.token_generator.set_counts(...) first"
            )

    def set_counts(self, counts):
        """Sets the frequencies: numbers >= 0 of shape [V], by token id."""
        self.token_counts.assign(counts)

    def predict(self, features, dropout):
        del dropout
        logits = ops.zeros((self.vocab_size,), dtype="float32")
        if self.token_counts is not None:
            logits = ops.log(self.token_counts + 1.0)
        shape = (*ops.shape(features["masked_lm_ids"]), self.vocab_size)
        return {"generator_logits": ops.broadcast_to(logits, shape)}


def build_generator(config, main_encoder, head_name="masked_lm_head", dtype=None):
    """The generator of `config.objective`; see TransformerGenerator for arguments."""
    if config.objective.generator == "transformer":
        return TransformerGenerator(config, main_encoder, head_name, dtype=dtype)
    return FrequencyGenerator(config, dtype=dtype)


def corrupt(features, sampled_ids):
    """Puts the generator's samples into the text (Clark et al., 2020, sec. 3.1).

    Samples are put at every chosen position, also where the generator saw the original
    token.

    Returns:
        corrupted_input_ids int32 [B, S]; labels int32 [B, S], 1 where a token was
        replaced by a different one.
    """
    corrupted_ids, written = heads.scatter_ids(
        features["input_ids"],
        features["masked_lm_positions"],
        sampled_ids,
        features["masked_lm_weights"],
    )
    differs = ops.cast(corrupted_ids != features["input_ids"], "int32")
    return corrupted_ids, written * differs
