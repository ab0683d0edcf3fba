"""Names of our variables in checkpoints of the original programs."""

import re

_ELECTRA = (
    (r"^discriminator/embeddings/", "electra/embeddings/"),
    (r"^discriminator/embeddings_project", "electra/embeddings_project"),
    (
        r"^discriminator/(attention|feed_forward)_(\d+)/",
        r"electra/encoder/layer_\2/\1/",
    ),
    (r"^generator/(attention|feed_forward)_(\d+)/", r"generator/encoder/layer_\2/\1/"),
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


def electra_name(path):
    for pattern, replacement in _ELECTRA:
        path = re.sub(pattern, replacement, path)
    return path


def albert_name(path, inner_group_num):
    def unit(match):
        group, inner = divmod(int(match[2]), inner_group_num)
        prefix = f"bert/encoder/transformer/group_{group}/inner_group_{inner}"
        rest = match[3]
        if match[1] == "attention":
            if rest.startswith("layer_norm"):
                return f"{prefix}/LayerNorm/{rest.split('/')[1]}"
            if rest.startswith("output"):
                return f"{prefix}/attention_1/output/dense/{rest.split('/')[1]}"
            return f"{prefix}/attention_1/self/{rest}"
        if rest.startswith("layer_norm"):
            return f"{prefix}/LayerNorm_1/{rest.split('/')[1]}"
        if rest.startswith("output"):
            return f"{prefix}/ffn_1/intermediate/output/dense/{rest.split('/')[1]}"
        return f"{prefix}/ffn_1/intermediate/dense/{rest.split('/')[1]}"

    path = re.sub(r"^encoder/(attention|feed_forward)_(\d+)/(.*)", unit, path)
    path = path.replace("encoder/embeddings/layer_norm/", "bert/embeddings/LayerNorm/")
    path = path.replace("encoder/embeddings/", "bert/embeddings/")
    path = path.replace(
        "encoder/embeddings_project/", "bert/encoder/embedding_hidden_mapping_in/"
    )
    path = path.replace("encoder/pooler/", "bert/pooler/dense/")
    path = path.replace("masked_lm_head/output_bias", "cls/predictions/output_bias")
    path = path.replace(
        "masked_lm_head/layer_norm/", "cls/predictions/transform/LayerNorm/"
    )
    path = path.replace("masked_lm_head/dense/", "cls/predictions/transform/dense/")
    path = path.replace(
        "sentence_head/dense/kernel", "cls/seq_relationship/output_weights"
    )
    return path.replace("sentence_head/dense/bias", "cls/seq_relationship/output_bias")
