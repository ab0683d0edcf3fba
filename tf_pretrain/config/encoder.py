"""`EncoderConfig`: sizes and structure of a Transformer encoder."""

import dataclasses
from typing import Literal

from tf_pretrain.config.checks import at_least, check_fields, dropout, require


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Sizes and structure of a Transformer encoder: ELECTRA's, BERT's or ALBERT's.

    `parameter_sharing` says what the layers share (Lan et al., 2019, sec. 4.5): "none"
    (ELECTRA, BERT), "all" (ALBERT), or only "attention" or "ffn". Weights are shared
    within each of `num_hidden_groups` groups; layer i belongs to group floor(i *
    num_hidden_groups / num_hidden_layers). A layer applies `inner_group_num` attention
    + feed-forward blocks in a row.
    """

    vocab_size: int = at_least(1, default=30522)  # pieces of the vocabulary
    # E; a projection to hidden_size follows if it differs.
    embedding_size: int = at_least(1, default=128)
    hidden_size: int = at_least(1, default=256)  # width of the layers (H)
    num_hidden_layers: int = at_least(1, default=12)
    num_attention_heads: int = at_least(1, default=4)
    # Width of the feed-forward networks.
    intermediate_size: int = at_least(1, default=1024)
    # "gelu" is exact (ELECTRA), "gelu_tanh" is ALBERT's approximation.
    hidden_act: Literal["gelu", "gelu_tanh", "relu"] = "gelu"
    hidden_dropout_prob: float = dropout(0.1)
    attention_probs_dropout_prob: float = dropout(0.1)
    max_position_embeddings: int = at_least(1, default=512)
    type_vocab_size: int = at_least(1, default=2)
    # Standard deviation of the initial weights.
    initializer_range: float = at_least(0, default=0.02)
    # What the layers of a group share.
    parameter_sharing: Literal["none", "all", "attention", "ffn"] = "none"
    num_hidden_groups: int = 1  # groups of layers that share; at most num_hidden_layers
    # Attention and feed-forward blocks in a layer.
    inner_group_num: int = at_least(1, default=1)
    # A dense layer with tanh over [CLS], as in BERT and ALBERT.
    use_pooler: bool = False
    # ELECTRA leaves the E -> H projection at Glorot uniform; ALBERT draws it from the
    # truncated normal like every other kernel.
    projection_initializer: Literal["glorot_uniform", "truncated_normal"] = (
        "glorot_uniform"
    )
    # "sinusoidal": trained like the references', but from sines and cosines.
    position_initializer: Literal["truncated_normal", "sinusoidal"] = "truncated_normal"

    def __post_init__(self):
        check_fields(self, "model")
        require(
            self.hidden_size % self.num_attention_heads == 0,
            f"hidden_size {self.hidden_size} is not a multiple of "
            f"num_attention_heads {self.num_attention_heads}",
        )
        require(
            1 <= self.num_hidden_groups <= self.num_hidden_layers,
            f"num_hidden_groups is {self.num_hidden_groups}; expected 1 to "
            f"num_hidden_layers ({self.num_hidden_layers})",
        )

    def shares(self, part: str) -> bool:
        """Whether layers share a part of their weights, "attention" or "ffn"."""
        return self.parameter_sharing in ("all", part)

    def num_units(self, part: str) -> int:
        """The number of different weights of a part, "attention" or "ffn"."""
        groups = self.num_hidden_layers
        if self.shares(part):
            groups = self.num_hidden_groups
        return groups * self.inner_group_num
