"""Names of our variables in checkpoints of the original TensorFlow 1 programs.

One direction only, ours to theirs: readers go over the variables that a config
describes and ask for each one's name.
"""

import re

from tf_pretrain.config import PretrainConfig

_ELECTRA_LAYERS = (
    (r"/(attention|feed_forward)_(\d+)/", r"/encoder/layer_\2/\1/"),
    (r"attention/(query|key|value)/", r"attention/self/\1/"),
    (r"attention/output/", "attention/output/dense/"),
    (r"attention/layer_norm/", "attention/output/LayerNorm/"),
    (r"feed_forward/(intermediate|output)/", r"\1/dense/"),
    (r"feed_forward/layer_norm/", "output/LayerNorm/"),
    (r"^masked_lm_head/", "generator_predictions/"),
    (r"^replaced_token_head/dense/", "discriminator_predictions/dense/"),
    (r"^replaced_token_head/prediction/", "discriminator_predictions/dense_1/"),
    (r"layer_norm/", "LayerNorm/"),
)

_ALBERT_PARTS = {
    "attention": (
        ("layer_norm/", "LayerNorm/"),
        ("output/", "attention_1/output/dense/"),
        ("", "attention_1/self/"),
    ),
    "feed_forward": (
        ("layer_norm/", "LayerNorm_1/"),
        ("output/", "ffn_1/intermediate/output/dense/"),
        ("intermediate/", "ffn_1/intermediate/dense/"),
    ),
}

_ALBERT_REST = (
    (r"^encoder/embeddings/layer_norm/", "bert/embeddings/LayerNorm/"),
    (r"^encoder/embeddings/", "bert/embeddings/"),
    (r"^encoder/embeddings_project/", "bert/encoder/embedding_hidden_mapping_in/"),
    (r"^encoder/pooler/", "bert/pooler/dense/"),
    (r"^masked_lm_head/output_bias", "cls/predictions/output_bias"),
    (r"^masked_lm_head/layer_norm/", "cls/predictions/transform/LayerNorm/"),
    (r"^masked_lm_head/dense/", "cls/predictions/transform/dense/"),
    (r"^sentence_head/dense/kernel", "cls/seq_relationship/output_weights"),
    (r"^sentence_head/dense/bias", "cls/seq_relationship/output_bias"),
)


def electra_name(path: str, encoder_scope: str = "electra") -> str:
    """The name in a checkpoint of google-research/electra.

    Args:
        path: Ours, e.g. "discriminator/attention_0/query/kernel".
        encoder_scope: Where "encoder/" of a masked-LM objective is found: "electra"
            in a checkpoint trained without the ELECTRA objective, "generator" where
            the generator alone is read. Embeddings are under "electra" in both.
    """
    path = re.sub(r"^(discriminator|encoder)/embeddings/", "electra/embeddings/", path)
    path = re.sub(r"^discriminator/", "electra/", path)
    path = re.sub(r"^encoder/", f"{encoder_scope}/", path)
    for pattern, replacement in _ELECTRA_LAYERS:
        path = re.sub(pattern, replacement, path)
    return path


def albert_name(path: str, inner_group_num: int) -> str:
    """The name in a checkpoint of google-research/albert."""
    match = re.match(r"encoder/(attention|feed_forward)_(\d+)/(.*)", path)
    if match:
        part, unit, rest = match.groups()
        group, inner = divmod(int(unit), inner_group_num)
        for ours, theirs in _ALBERT_PARTS[part]:
            if rest.startswith(ours):
                rest = theirs + rest[len(ours) :]
                break
        return f"bert/encoder/transformer/group_{group}/inner_group_{inner}/{rest}"
    for pattern, replacement in _ALBERT_REST:
        path = re.sub(pattern, replacement, path)
    return path


def name_of(path: str, config: PretrainConfig, encoder_scope: str = "electra") -> str:
    """The name by the family of `config`: ALBERT's if it has a pooler or sharing."""
    if is_albert(config):
        return albert_name(path, config.model.inner_group_num)
    return electra_name(path, encoder_scope)


def is_albert(config: PretrainConfig) -> bool:
    """Whether the original program for this model is ALBERT's, else ELECTRA's."""
    return config.objective.name == "masked_lm" and (
        config.model.use_pooler or config.model.parameter_sharing != "none"
    )


def is_transposed(path: str, config: PretrainConfig) -> bool:
    """Whether the original stores the tensor as [out, in] (ALBERT's sentence head)."""
    return is_albert(config) and path == "sentence_head/dense/kernel"
