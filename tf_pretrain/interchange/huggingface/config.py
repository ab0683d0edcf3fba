"""Converts Hugging Face's `config.json` to our config and back."""

import dataclasses

from tf_pretrain.config import EncoderConfig, PretrainConfig
from tf_pretrain.interchange import families
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
# The fields that config.json has, by family. BERT has no projection, so it has no size
# of embeddings.
_SIZES = {
    "electra": families.SIZES,
    "bert": tuple(name for name in families.SIZES if name != "embedding_size"),
    "albert": (*families.SIZES, *families.GROUP_SIZES),
}
# largest number, so that a damaged file does not keep a loop busy
_LARGEST = 10_000_000
# Settings that change the model; only the value that our encoder has is accepted.
_FIXED = {
    "layer_norm_eps": LAYER_NORM_EPSILON,
    "position_embedding_type": "absolute",
    "is_decoder": False,
}


def encoder_config(path, values: dict, family: str, use_pooler: bool) -> EncoderConfig:
    """The encoder that `config.json` describes.

    Args:
        path: The path of the file, for messages.
        values: Its content.
        family: "electra", "bert" or "albert".

    Raises:
        InterchangeError: If a value is missing, has another type, or asks for something
            that our encoder does not support.
    """
    fields = {}
    for names, kinds, least, expected in (
        (_SIZES[family], int, 1, f"a whole number of 1 or more, up to {_LARGEST:,}"),
        (families.RATES, (int, float), 0, "a number of 0 or more"),
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
    if family == "bert":
        fields["embedding_size"] = fields["hidden_size"]
    fields |= {"hidden_act": _ACTIVATIONS[act], "use_pooler": use_pooler}
    model = families.encoder_config(path, family, **fields)
    if family == "albert":
        _check_groups(path, model)
    return model


def check_head_activation(source, family: str, model: EncoderConfig) -> None:
    """Raises InterchangeError if their masked-LM head differs from ours."""
    if family == "electra" and model.hidden_act != "gelu":
        raise InterchangeError(
            f"{source}: hidden_act is {model.hidden_act!r}, but the masked-LM head of "
            "ElectraForMaskedLM is always the exact GELU's; here it follows hidden_act"
        )


def class_name(config: PretrainConfig, source: str, family: str) -> str:
    """The Hugging Face class that can hold the model.

    Args:
        config, source: The model's config and its name for messages.
        family: The model's family, see `families.family_of`.

    Raises:
        InterchangeError: If there is no such class. The message says why.
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
    elif objective.sentence_objective == "next_sentence" and family != "bert":
        reason = (
            "no class has factorised embeddings and a next-sentence head "
            "(AlbertForPreTraining's predicts the order of sentences)"
        )
    if reason:
        raise InterchangeError(f"{source} cannot be written for Hugging Face: {reason}")
    if family == "bert":
        is_pair = objective.sentence_objective == "next_sentence"
        return "BertForPreTraining" if is_pair else "BertForMaskedLM"
    if is_plain and model.hidden_act == "gelu":
        return "ElectraForMaskedLM"
    _check_groups(source, model)
    if objective.sentence_objective == "sentence_order":
        return "AlbertForPreTraining"
    return "AlbertForMaskedLM"


def family_of_class(name: str) -> str:
    """The family of a Hugging Face class, for example "bert" for "BertForMaskedLM"."""
    return next(family for family in _SIZES if name.lower().startswith(family))


def config_json(config: PretrainConfig, architecture: str, tokenizer) -> dict:
    """The content of `config.json`.

    Args:
        architecture: Name of the class.
        tokenizer: Our tokenizer, or None.
    """
    model = config.model
    family = family_of_class(architecture)
    values = dataclasses.asdict(model)
    written = {
        "architectures": [architecture],
        "model_type": family,
        **{name: values[name] for name in (*_SIZES[family], *families.RATES)},
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
    """Raises InterchangeError if rounding puts a layer into another group."""
    num_layers, num_groups = model.num_hidden_layers, _num_groups(model)
    for layer in range(num_layers):
        if int(layer / (num_layers / num_groups)) != layer * num_groups // num_layers:
            raise InterchangeError(
                f"{source}: {num_groups} groups over {num_layers} layers: Hugging "
                f"Face's arithmetic puts layer {layer} into another group"
            )
