"""`EncoderConfig`: sizes and structure of a Transformer encoder."""

import dataclasses

from tf_pretrain.config.checks import (
    require,
    require_at_least,
    require_dropout,
    require_one_of,
)

PARAMETER_SHARING = ("none", "all", "attention", "ffn")


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Sizes and structure of a Transformer encoder: ELECTRA's, BERT's or ALBERT's.

    `parameter_sharing` says what the layers share (Lan et al., 2019, sec. 4.5): "none"
    (ELECTRA, BERT), "all" (ALBERT), or only "attention" or "ffn". Weights are shared
    within each of `num_hidden_groups` groups; layer i belongs to group floor(i *
    num_hidden_groups / num_hidden_layers). A layer applies `inner_group_num` attention
    + feed-forward blocks in a row.
    """

    vocab_size: int = 30522
    embedding_size: int = 128  # E; a projection to hidden_size follows if it differs
    hidden_size: int = 256
    num_hidden_layers: int = 12
    num_attention_heads: int = 4
    intermediate_size: int = 1024
    hidden_act: str = "gelu"  # "gelu" is exact (ELECTRA), "gelu_tanh" ALBERT's form
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    parameter_sharing: str = "none"
    num_hidden_groups: int = 1
    inner_group_num: int = 1
    use_pooler: bool = False  # dense tanh over [CLS] (BERT, ALBERT)
    # ELECTRA leaves the E -> H projection at Glorot uniform; ALBERT draws it from the
    # truncated normal like every other kernel.
    projection_initializer: str = "glorot_uniform"
    # "sinusoidal": trained like the references', but from sines and cosines.
    position_initializer: str = "truncated_normal"

    def __post_init__(self):
        require_at_least(
            1,
            self,
            "model",
            "vocab_size",
            "embedding_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
            "inner_group_num",
        )
        require_at_least(0, self, "model", "initializer_range")
        require(
            self.hidden_size % self.num_attention_heads == 0,
            f"hidden_size {self.hidden_size} is not a multiple of "
            f"num_attention_heads {self.num_attention_heads}",
        )
        require_one_of("hidden_act", self.hidden_act, ("gelu", "gelu_tanh", "relu"))
        require_one_of("parameter_sharing", self.parameter_sharing, PARAMETER_SHARING)
        require_one_of(
            "projection_initializer",
            self.projection_initializer,
            ("glorot_uniform", "truncated_normal"),
        )
        require_one_of(
            "position_initializer",
            self.position_initializer,
            ("truncated_normal", "sinusoidal"),
        )
        require(
            1 <= self.num_hidden_groups <= self.num_hidden_layers,
            f"num_hidden_groups is {self.num_hidden_groups}; expected 1 to "
            f"num_hidden_layers ({self.num_hidden_layers})",
        )
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            require_dropout(f"model.{name}", getattr(self, name))

    def shares(self, part: str) -> bool:
        """Whether layers share a part of their weights, "attention" or "ffn"."""
        return self.parameter_sharing in ("all", part)

    def num_units(self, part: str) -> int:
        """The number of different weights of a part, "attention" or "ffn"."""
        groups = self.num_hidden_layers
        if self.shares(part):
            groups = self.num_hidden_groups
        return groups * self.inner_group_num
