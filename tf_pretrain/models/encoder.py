"""The encoder of both papers, which differ in width E, sharing, GELU and pooler."""

import dataclasses

import keras
from keras import ops

from tf_pretrain.config import EncoderConfig
from tf_pretrain.models import layers


@keras.saving.register_keras_serializable("tf_pretrain")
class Encoder(keras.Model):
    """Transformer encoder with factorised embeddings and cross-layer sharing.

    `parameter_sharing` is "none" for ELECTRA and BERT, and "all" for ALBERT (Lan et
    al., 2019, sec. 3.1). Table 4 of that paper also has "attention" and "ffn" alone.

    Args:
        config: An EncoderConfig.
        embeddings: An Embeddings layer to share, as ELECTRA's generator shares the
            discriminator's. By default the encoder has its own.
        dtype: Keras dtype or policy, e.g. "mixed_bfloat16".

    Call it with a dict of `input_ids` int32 [B, S] and optionally `input_mask` (1 for
    a real token; by default all are real), `segment_ids` (default 0) and
    `dropout_seed` int32 [B]. It returns a dict with `sequence_output` [B, S, D] and, if
    the config has a pooler, `pooled_output` [B, D].

    Raises:
        ValueError: If S exceeds `config.max_position_embeddings`.
    """

    def __init__(self, config, embeddings=None, dtype=None, name="encoder"):
        super().__init__(dtype=dtype, name=name)
        self.config = config
        self.embeddings = embeddings or layers.Embeddings(config, dtype=dtype)
        self.embeddings_project = None
        if self.embeddings.config.embedding_size != config.hidden_size:
            initializer = config.projection_initializer
            if initializer == "truncated_normal":
                initializer = layers.truncated_normal(config.initializer_range)
            self.embeddings_project = keras.layers.Dense(
                config.hidden_size,
                kernel_initializer=initializer,
                dtype=dtype,
                name="embeddings_project",
            )
        self.attention = [
            layers.SelfAttention(config, dtype=dtype, name=f"attention_{i}")
            for i in range(config.num_units("attention"))
        ]
        self.feed_forward = [
            layers.FeedForward(config, dtype=dtype, name=f"feed_forward_{i}")
            for i in range(config.num_units("ffn"))
        ]
        self.pooler = None
        if config.use_pooler:
            self.pooler = layers.dense(
                config, config.hidden_size, dtype, "pooler", activation="tanh"
            )
        self.build()

    def _unit_index(self, part, layer, inner):
        """Index of the weights that run as inner block `inner` of layer `layer`."""
        config = self.config
        group = layer
        if config.shares(part):
            group = layer * config.num_hidden_groups // config.num_hidden_layers
        return group * config.inner_group_num + inner

    def build(self, input_shape=None):
        config = self.config
        if not self.embeddings.built:
            self.embeddings.build(None)
        if self.embeddings_project is not None:
            self.embeddings_project.build((None, self.embeddings.config.embedding_size))
        for unit in (*self.attention, *self.feed_forward):
            unit.build((None, config.hidden_size))
        if self.pooler is not None:
            self.pooler.build((None, config.hidden_size))
        self.built = True

    def get_config(self):
        """The arguments for Keras' `save`. Shared embeddings are saved as its own."""
        config = dataclasses.asdict(self.config)
        return {"config": config, "dtype": self.dtype_policy.name, "name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "config": EncoderConfig(**config["config"])})

    def call(self, features, training=False, dropout=None):
        if dropout is None:
            dropout = dropout_for(features, training)
        input_ids = features["input_ids"]
        length = input_ids.shape[1]  # None if the length is unknown
        if length is not None and length > self.config.max_position_embeddings:
            raise ValueError(
                f"input_ids have length {length}, but the encoder has "
                f"{self.config.max_position_embeddings} positions"
            )
        segment_ids = features.get("segment_ids")
        if segment_ids is None:
            segment_ids = ops.zeros_like(input_ids)
        input_mask = features.get("input_mask")
        if input_mask is None:
            input_mask = ops.ones_like(input_ids)
        bias = (1.0 - ops.cast(input_mask, "float32")) * -10000.0
        bias = bias[:, None, None, :]

        x = self.embeddings(input_ids, segment_ids, dropout=dropout)
        # From here on the tokens are rows of a matrix. The product of two matrices is
        # one operation, also in a graph that takes sequences of any length.
        x = ops.reshape(x, (-1, x.shape[-1]))
        if self.embeddings_project is not None:
            x = self.embeddings_project(x)
        for layer in range(self.config.num_hidden_layers):
            for inner in range(self.config.inner_group_num):
                attention = self._unit_index("attention", layer, inner)
                x = self.attention[attention](x, bias, dropout=dropout)
                feed_forward = self._unit_index("ffn", layer, inner)
                x = self.feed_forward[feed_forward](x, dropout=dropout)
        x = ops.reshape(x, (-1, ops.shape(input_ids)[1], self.config.hidden_size))
        outputs = {"sequence_output": x}
        if self.pooler is not None:
            outputs["pooled_output"] = self.pooler(x[:, 0])
        return outputs


def dropout_for(features, training):
    """The dropout of one forward pass: none, or with seeds from the batch.

    If a batch has no `dropout_seed` (a user's own data), the seeds are drawn from
    Keras' global generator. JAX cannot compile that, so there the batch must have them.
    """
    if not training:
        return layers.no_dropout
    seeds = features.get("dropout_seed")
    if seeds is None:
        batch = ops.shape(features["input_ids"])[0]
        seeds = keras.random.randint((batch,), 0, 2**31 - 1)
    return layers.RowDropout(seeds)
