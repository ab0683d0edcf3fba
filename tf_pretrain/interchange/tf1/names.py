"""Names of our variables in checkpoints of the original TensorFlow 1 programs.

The names are translated in one direction only, from ours to theirs: readers iterate
over the variables that a config describes and ask for each one's name.
"""

import re

from tf_pretrain.config import PretrainConfig
from tf_pretrain.interchange import families

# Within an encoder of ELECTRA or BERT.
_LAYERS = (
    (r"/(attention|feed_forward)_(\d+)/", r"/encoder/layer_\2/\1/"),
    (r"attention/(query|key|value)/", r"attention/self/\1/"),
    (r"attention/output/", "attention/output/dense/"),
    (r"attention/layer_norm/", "attention/output/LayerNorm/"),
    (r"feed_forward/(intermediate|output)/", r"\1/dense/"),
    (r"feed_forward/layer_norm/", "output/LayerNorm/"),
    (r"layer_norm/", "LayerNorm/"),
)

_ELECTRA_HEADS = (
    (r"^masked_lm_head/", "generator_predictions/"),
    (r"^replaced_token_head/dense/", "discriminator_predictions/dense/"),
    (r"^replaced_token_head/prediction/", "discriminator_predictions/dense_1/"),
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

# Names outside of the layers; ALBERT's program kept BERT's names.
_BERT_REST = (
    (r"^encoder/embeddings/layer_norm/", "bert/embeddings/LayerNorm/"),
    (r"^encoder/embeddings/", "bert/embeddings/"),
    (r"^encoder/embeddings_project/", "bert/encoder/embedding_hidden_mapping_in/"),
    (r"^encoder/pooler/", "bert/pooler/dense/"),
    (r"^encoder/", "bert/"),
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
    return _replace(path, *_ELECTRA_HEADS, *_LAYERS)


def bert_name(path: str) -> str:
    """The name in a checkpoint of google-research/bert."""
    return _replace(path, *_BERT_REST, *_LAYERS)


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
    return _replace(path, *_BERT_REST)


def name_of(
    path: str, config: PretrainConfig, program: str, encoder_scope: str = "electra"
) -> str:
    """The name in a checkpoint of one of the programs.

    Args:
        path: Ours.
        config: The model's config.
        program: "electra", "bert" or "albert".
        encoder_scope: See `electra_name`.
    """
    if program == "electra":
        return electra_name(path, encoder_scope)
    if program == "bert":
        return bert_name(path)
    return albert_name(path, config.model.inner_group_num)


def program_of(config: PretrainConfig) -> str:
    """The original program for a model: that of its family.

    A BERT with the exact GELU and no pooler is ELECTRA's program's without its
    objective: BERT's own program computes the tanh form.
    """
    model, family = config.model, families.family_of(config)
    is_exact = model.hidden_act == "gelu" and not model.use_pooler
    return "electra" if family == "bert" and is_exact else family


def is_transposed(path: str) -> bool:
    """Whether the original stores the tensor as [out, in] (BERT's sentence head)."""
    return path == "sentence_head/dense/kernel"


def _replace(path, *rules):
    for pattern, replacement in rules:
        path = re.sub(pattern, replacement, path)
    return path
