"""Hugging Face's `config.json` as our config and back, and what it cannot say."""

import dataclasses

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)
from tf_pretrain.errors import ConfigError
from tf_pretrain.interchange.pretrained import InterchangeError
from tf_pretrain.models.layers import LAYER_NORM_EPSILON

_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
_WRITTEN_ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new", "relu": "relu"}
_ELECTRA_SIZES = (
    "vocab_size",
    "embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
_SIZES = {
    "electra": _ELECTRA_SIZES,
    "albert": (*_ELECTRA_SIZES, "num_hidden_groups", "inner_group_num"),
}
_FRACTIONS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "initializer_range",
)
_LARGEST = 10_000_000  # number: a damaged file must keep no loop busy
# What changes the model and must have the one value that we have too.
_FIXED = {
    "layer_norm_eps": LAYER_NORM_EPSILON,
    "position_embedding_type": "absolute",
    "is_decoder": False,
}


def encoder_config(path, values: dict, family: str, use_pooler: bool) -> EncoderConfig:
    """The encoder that `config.json` describes.

    Args:
        path: Of the file, for messages.
        values: Its content.
        family: "electra" or "albert".

    Raises:
        InterchangeError: If a value is missing, of another type, or asks for
            something that our encoder does not do.
    """
    fields = {}
    for names, kinds, least, expected in (
        (_SIZES[family], int, 1, f"a whole number of 1 or more, up to {_LARGEST:,}"),
        (_FRACTIONS, (int, float), 0, "a number of 0 or more"),
    ):
        for name in names:
            value = values.get(name)
            is_number = isinstance(value, kinds) and not isinstance(value, bool)
            if not is_number or not least <= value <= _LARGEST:
                raise InterchangeError(
                    f"{path}: {name} is {value!r}; expected {expected}"
                )
            fields[name] = value
    act = values.get("hidden_act")
    if act not in _ACTIVATIONS:
        raise InterchangeError(
            f"{path}: hidden_act is {act!r}; expected one of {list(_ACTIVATIONS)}"
        )
    for name, expected in _FIXED.items():
        value = values.get(name, expected)
        if value != expected:
            raise InterchangeError(
                f"{path}: {name} is {value!r}; only {expected!r} is supported"
            )
    is_albert = family == "albert"
    try:
        model = EncoderConfig(
            **fields,
            hidden_act=_ACTIVATIONS[act],
            parameter_sharing="all" if is_albert else "none",
            use_pooler=use_pooler,
            projection_initializer="truncated_normal"
            if is_albert
            else "glorot_uniform",
        )
    except ConfigError as error:
        raise InterchangeError(f"{path}: {error}") from None
    if is_albert:
        _check_groups(path, model)
    return model


def pretrain_config(model: EncoderConfig, name: str, sentence: str) -> PretrainConfig:
    """A run of the family with this encoder; what weights do not say is default.

    Args:
        name: Of the objective.
        sentence: Sentence objective.
    """
    length = min(512, model.max_position_embeddings)
    if model.parameter_sharing != "none":
        return PretrainConfig(
            model=model,
            objective=ObjectiveConfig(name, sentence_objective=sentence),
            data=DataConfig(
                max_seq_length=length,
                tokenizer="sentencepiece",
                example_format="sentence_order",
            ),
            train=TrainConfig(optimizer="lamb", schedule="albert"),
        )
    # A fresh generator of about a quarter of the width (Clark et al., 2020, sec. 3.2),
    # in whole heads of 64.
    width = round(model.hidden_size / 4)
    width -= width % 64 if width > 64 else 0
    return PretrainConfig(
        model=model,
        objective=ObjectiveConfig(
            name, generator_hidden_size=width / model.hidden_size
        ),
        data=DataConfig(max_seq_length=length),
    )


def check_head_activation(source, family: str, model: EncoderConfig) -> None:
    """Raises InterchangeError where theirs and our masked-LM head differ."""
    if family == "electra" and model.hidden_act != "gelu":
        raise InterchangeError(
            f"{source}: hidden_act is {model.hidden_act!r}, but the masked-LM head of "
            "ElectraForMaskedLM is always the exact GELU's; here it follows hidden_act"
        )


def class_name(config: PretrainConfig, source: str) -> str:
    """The Hugging Face class that can hold the model.

    Raises:
        InterchangeError: If there is none; says why.
    """
    model, objective = config.model, config.objective
    is_plain = (
        model.parameter_sharing == "none"
        and model.inner_group_num == 1
        and not model.use_pooler
    )
    reason = None
    if objective.name == "replaced_token_detection":
        if is_plain and objective.sentence_objective == "none":
            return "ElectraForPreTraining"
        reason = (
            "its ELECTRA classes have no shared layers, inner groups, pooler or "
            "sentence head, and its ALBERT classes no replaced-token head"
        )
    elif model.parameter_sharing in ("attention", "ffn"):
        reason = (
            "no class shares attention or feed-forward alone (parameter_sharing "
            f"{model.parameter_sharing!r})"
        )
    elif objective.sentence_objective == "next_sentence":
        reason = (
            "no class has factorised embeddings and a next-sentence head "
            "(AlbertForPreTraining's predicts the order of sentences)"
        )
    if reason:
        raise InterchangeError(f"{source} cannot be written for Hugging Face: {reason}")
    if is_plain and model.hidden_act == "gelu":
        return "ElectraForMaskedLM"
    _check_groups(source, model)
    if objective.sentence_objective == "sentence_order":
        return "AlbertForPreTraining"
    return "AlbertForMaskedLM"


def config_json(config: PretrainConfig, architecture: str, tokenizer) -> dict:
    """The content of `config.json`.

    Args:
        architecture: Name of the class.
        tokenizer: Our tokenizer, or None.
    """
    model = config.model
    family = "electra" if architecture.startswith("Electra") else "albert"
    values = dataclasses.asdict(model)
    written = {
        "architectures": [architecture],
        "model_type": family,
        **{name: values[name] for name in (*_SIZES[family], *_FRACTIONS)},
        "hidden_act": _WRITTEN_ACTIVATIONS[model.hidden_act],
        "layer_norm_eps": LAYER_NORM_EPSILON,
        "tie_word_embeddings": True,
    }
    if family == "albert":
        written["num_hidden_groups"] = _num_groups(model)
    if tokenizer is not None:
        written["pad_token_id"] = tokenizer.pad_id
    if tokenizer is not None and family == "albert":
        written["bos_token_id"] = tokenizer.cls_id
        written["eos_token_id"] = tokenizer.sep_id
    return written


def _num_groups(model):
    is_shared = model.parameter_sharing == "all"
    return model.num_hidden_groups if is_shared else model.num_hidden_layers


def _check_groups(source, model):
    """Raises InterchangeError where rounding puts a layer into another group."""
    num_layers, num_groups = model.num_hidden_layers, _num_groups(model)
    for layer in range(num_layers):
        if int(layer / (num_layers / num_groups)) != layer * num_groups // num_layers:
            raise InterchangeError(
                f"{source}: {num_groups} groups over {num_layers} layers: Hugging "
                f"Face's arithmetic puts layer {layer} into another group"
            )
