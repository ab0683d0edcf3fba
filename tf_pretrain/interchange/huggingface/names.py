"""Names of our variables in Hugging Face's `Electra*`, `Bert*` and `Albert*` classes.

The names are translated in one direction only, from ours to theirs: readers iterate
over the variables that a config describes and ask for each one's name.
"""

import re

# Within a layer of ELECTRA and BERT.
_LAYER = (
    (r"/attention/(query|key|value)/", r"/attention/self/\1/"),
    (r"/attention/output/", "/attention/output/dense/"),
    (r"/attention/layer_norm/", "/attention/output/LayerNorm/"),
    (r"/feed_forward/(intermediate|output)/", r"/\1/dense/"),
    (r"/feed_forward/layer_norm/", "/output/LayerNorm/"),
)

_ELECTRA = (
    (r"^(discriminator|encoder)/(attention|feed_forward)_(\d+)/", r"\1/layer/\3/\2/"),
    (r"^(discriminator|encoder)/layer/", "electra/encoder/layer/"),
    (r"^(discriminator|encoder)/", "electra/"),
    *_LAYER,
    (r"^masked_lm_head/output_bias$", "generator_lm_head/bias"),
    (r"^masked_lm_head/", "generator_predictions/"),
    (
        r"^replaced_token_head/prediction/",
        "discriminator_predictions/dense_prediction/",
    ),
    (r"^replaced_token_head/", "discriminator_predictions/"),
)

_BERT = (
    (r"^encoder/(attention|feed_forward)_(\d+)/", r"bert/encoder/layer/\2/\1/"),
    (r"^encoder/pooler/", "bert/pooler/dense/"),
    (r"^encoder/", "bert/"),
    *_LAYER,
    (r"^masked_lm_head/output_bias$", "cls/predictions/bias"),
    (r"^masked_lm_head/", "cls/predictions/transform/"),
    (r"^sentence_head/dense/", "cls/seq_relationship/"),
)

_ALBERT = (
    (r"^encoder/feed_forward_(\d+)/layer_norm/", r"unit_\1/full_layer_layer_norm/"),
    (r"^encoder/feed_forward_(\d+)/output/", r"unit_\1/ffn_output/"),
    (r"^encoder/feed_forward_(\d+)/intermediate/", r"unit_\1/ffn/"),
    (r"^encoder/attention_(\d+)/output/", r"unit_\1/attention/dense/"),
    (r"^encoder/attention_(\d+)/", r"unit_\1/attention/"),
    (r"^encoder/embeddings_project/", "albert/encoder/embedding_hidden_mapping_in/"),
    (r"^encoder/", "albert/"),
    (r"^masked_lm_head/output_bias$", "predictions/bias"),
    (r"^masked_lm_head/", "predictions/"),
    (r"^sentence_head/dense/", "sop_classifier/classifier/"),
)

_ALL = (
    (r"(^|/)layer_norm/", r"\1LayerNorm/"),
    (r"/(kernel|gamma)$", "/weight"),
    (r"/beta$", "/bias"),
    (r"(word|position|token_type)_embeddings$", r"\g<0>/weight"),
    (r"/", "."),
)

_FAMILIES = {"electra": _ELECTRA, "bert": _BERT, "albert": _ALBERT}

# Prefixes of the names of each head and of the pooler.
HEADS = {
    "electra": {
        "masked_lm": "generator_predictions.",
        "replaced_token": "discriminator_predictions.",
    },
    "bert": {"masked_lm": "cls.predictions.", "sentence": "cls.seq_relationship."},
    "albert": {"masked_lm": "predictions.", "sentence": "sop_classifier."},
}
POOLERS = {"bert": "bert.pooler.", "albert": "albert.pooler."}

# The heads' copies of other tensors, and which tensors these are. Files may have them.
TIED = {
    "generator_lm_head.weight": "electra.embeddings.word_embeddings.weight",
    "predictions.decoder.weight": "albert.embeddings.word_embeddings.weight",
    "predictions.decoder.bias": "predictions.bias",
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def name_of(path: str, family: str, inner_group_num: int = 1) -> str:
    """The name in a file of Hugging Face's.

    Args:
        path: Ours, e.g. "discriminator/attention_0/query/kernel".
        family: "electra", "bert" or "albert".
        inner_group_num: Blocks a layer (ALBERT).
    """

    def group(match):
        outer, inner = divmod(int(match[1]), inner_group_num)
        return f"albert/encoder/albert_layer_groups/{outer}/albert_layers/{inner}/"

    for pattern, replacement in _FAMILIES[family]:
        path = re.sub(pattern, replacement, path)
    path = re.sub(r"^unit_(\d+)/", group, path)
    for pattern, replacement in _ALL:
        path = re.sub(pattern, replacement, path)
    return path


def is_transposed(path: str) -> bool:
    """Whether theirs is [out, in] where ours is [in, out]."""
    return path.endswith("/kernel")


def modern_name(name: str, family: str) -> str:
    """The current form of a name from an older file or from a class without heads.

    Early files call LayerNorm's vectors gamma and beta. `ElectraModel`, `BertModel` and
    `AlbertModel` save their tensors without the family's prefix.
    """
    name = re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", name))
    if re.match(r"(embeddings|embeddings_project|encoder|pooler)\.", name):
        name = f"{family}.{name}"
    return name


def is_buffer(name: str) -> bool:
    """Whether a tensor is a constant that older versions saved."""
    return name.endswith((".position_ids", "embeddings.token_type_ids"))
