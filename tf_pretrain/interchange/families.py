"""The defaults of ELECTRA, BERT and ALBERT for what weights and their files do not say.

The readers of all formats use them, so the same model gives the same config from each
format.
"""

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange.pretrained import InterchangeError

# Fields of EncoderConfig that the shapes of the weights or the files beside them
# determine.
SIZES = (
    "vocab_size",
    "embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
GROUP_SIZES = ("num_hidden_groups", "inner_group_num")  # for ALBERT only
RATES = ("hidden_dropout_prob", "attention_probs_dropout_prob", "initializer_range")

# the same in all three papers; smaller if there are fewer positions
_MAX_SEQ_LENGTH = 512

# Fields of EncoderConfig that no file names. The original programs draw every kernel
# from a truncated normal, except that ELECTRA leaves its projection from E to H at
# Keras' default, Glorot's uniform (google-research/electra, modeling.py).
_ENCODERS = {
    "electra": {
        "parameter_sharing": "none",
        "use_pooler": False,
        "projection_initializer": "glorot_uniform",
    },
    "bert": {
        "parameter_sharing": "none",
        "use_pooler": True,
        "projection_initializer": "truncated_normal",
    },
    "albert": {
        "parameter_sharing": "all",
        "use_pooler": True,
        "projection_initializer": "truncated_normal",
    },
}
# Devlin et al., 2019, sec. 3.1; Lan et al., 2019, sec. 3.1; ELECTRA has none.
_SENTENCE_OBJECTIVES = {"bert": "next_sentence", "albert": "sentence_order"}
# BERT's rate is warmed up to its peak and then decays, as ALBERT's does
# (google-research/bert, optimization.py); ELECTRA's is the product of both.
_TRAINING = {
    "electra": {"optimizer": "adamw", "schedule": "electra"},
    "bert": {"optimizer": "adamw", "schedule": "albert"},
    "albert": {"optimizer": "lamb", "schedule": "albert"},
}


def family_of(config: PretrainConfig) -> str:
    """The family that a model belongs to: "electra", "bert" or "albert"."""
    model, objective = config.model, config.objective
    if objective.has_generator:
        return "electra"
    is_shared = model.parameter_sharing != "none" or model.inner_group_num > 1
    if is_shared or objective.sentence_objective == "sentence_order":
        return "albert"
    if model.embedding_size == model.hidden_size:
        return "bert"
    return "albert" if model.use_pooler else "electra"


def family_of_encoder(model: EncoderConfig) -> str:
    """The family of an encoder whose pretraining is not known."""
    if model.parameter_sharing != "none" or model.inner_group_num > 1:
        return "albert"
    is_factorised = model.embedding_size != model.hidden_size
    if model.use_pooler:
        return "albert" if is_factorised else "bert"
    # Without a pooler BERT's program has the tanh form of the GELU, ELECTRA's not.
    return "electra" if is_factorised or model.hidden_act == "gelu" else "bert"


def encoder_config(source, family: str, **fields) -> EncoderConfig:
    """The encoder of a family.

    Args:
        source: Where the fields are from, for messages.
        family: "electra", "bert" or "albert".
        fields: The fields that the source gives. They override the family's defaults.

    Raises:
        InterchangeError: If EncoderConfig does not accept a value.
    """
    try:
        return EncoderConfig(**_ENCODERS[family] | fields)
    except (ConfigError, TypeError, ValueError) as error:
        raise InterchangeError(f"{source}: {error}") from None


def pretrain_config(
    family: str, model: EncoderConfig, heads, max_seq_length=None, **objective
) -> PretrainConfig:
    """The family's pretraining with this encoder.

    Args:
        family: "electra", "bert" or "albert".
        model: The encoder.
        heads: Those of "masked_lm", "replaced_token" and "sentence" that the source
            has. An encoder without heads is assumed to be trained on all objectives of
            its family.
        max_seq_length: Pieces of an example, if the source says.
        objective: Fields of ObjectiveConfig that the source determines.
    """
    if family == "electra":
        objective = _electra_objective(model, heads) | objective
    else:
        has_sentences = model.use_pooler and ("sentence" in heads or not heads)
        sentence = _SENTENCE_OBJECTIVES[family] if has_sentences else "none"
        objective = {"name": "masked_lm", "sentence_objective": sentence} | objective
    objective = ObjectiveConfig(**objective)
    is_albert = family == "albert"
    example_format = objective.sentence_objective
    if example_format == "none":
        example_format = "sentence_pair" if is_albert else "electra"
    length = max_seq_length or _MAX_SEQ_LENGTH
    return PretrainConfig(
        model=model,
        objective=objective,
        data=DataConfig(
            max_seq_length=min(length, model.max_position_embeddings),
            tokenizer="sentencepiece" if is_albert else "wordpiece",
            example_format=example_format,
        ),
        train=TrainConfig(**_TRAINING[family]),
    )


def _electra_objective(model, heads):
    if "masked_lm" in heads and "replaced_token" not in heads:
        return {"name": "masked_lm"}
    # A fresh generator of about a quarter of the width (Clark et al., 2020, sec. 3.2),
    # in whole heads of 64.
    width = round(model.hidden_size / 4)
    width -= width % 64 if width > 64 else 0
    return {"generator_hidden_size": width / model.hidden_size}
