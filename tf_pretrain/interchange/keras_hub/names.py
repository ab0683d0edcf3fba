"""The names in keras-hub for our encoders: classes, settings, variables."""

import dataclasses

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.data.tokenization import SentencePieceTokenizer, WordPieceTokenizer
from tf_pretrain.interchange import families
from tf_pretrain.interchange.pretrained import InterchangeError, read_json

SETTINGS_FILE = "pretrain_config.json"
_PACKAGES = ("keras_hub", "keras_nlp")  # keras-nlp is keras-hub's former name
POOLER = "pooled_dense/"
# Argument of all backbones -> EncoderConfig field.
_FIELDS = {
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "dropout": "hidden_dropout_prob",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}


@dataclasses.dataclass(frozen=True)
class Family:
    """One of the backbone classes."""

    name: str  # see `families`
    backbone: str
    tokenizer: str
    fields: dict[str, str]  # argument -> EncoderConfig field
    projection: str | None  # its name for the layer from E to H, if it has one
    tokenizer_class: type
    vocabulary: str  # file under assets/tokenizer


ELECTRA = Family(
    "electra",
    "ElectraBackbone",
    "ElectraTokenizer",
    {"vocab_size": "vocab_size", "embedding_dim": "embedding_size", **_FIELDS},
    "embeddings_projection/",
    WordPieceTokenizer,
    "vocabulary.txt",
)
BERT = Family(
    "bert",
    "BertBackbone",
    "BertTokenizer",
    {"vocabulary_size": "vocab_size", **_FIELDS},
    None,
    WordPieceTokenizer,
    "vocabulary.txt",
)
ALBERT = Family(
    "albert",
    "AlbertBackbone",
    "AlbertTokenizer",
    {
        "vocabulary_size": "vocab_size",
        "embedding_dim": "embedding_size",
        **_FIELDS,
        "num_groups": "num_hidden_groups",
        "num_inner_repetitions": "inner_group_num",
    },
    "embedding_projection/",
    SentencePieceTokenizer,
    "vocabulary.spm",
)
_FAMILIES = {family.backbone: family for family in (ELECTRA, BERT, ALBERT)}


def read_backbone_config(file):
    """The family and the backbone's arguments, checked to be plain numbers."""
    values = read_json(file)
    name = values.get("class_name")
    registered = [f"{package}>{name}" for package in _PACKAGES]
    if name not in _FAMILIES or values.get("registered_name") not in registered:
        raise InterchangeError(
            f"{file} names the class {values.get('registered_name') or name!r}; "
            f"expected keras_hub's {' or '.join(_FAMILIES)}"
        )
    family = _FAMILIES[name]
    settings = dict(values.get("config") or {})
    for ignored in ("name", "trainable", "dtype"):
        settings.pop(ignored, None)
    if set(settings) != set(family.fields):
        differing = sorted(set(settings) ^ set(family.fields))
        raise InterchangeError(
            f"{file}: the settings {differing} are unknown or missing; expected "
            f"{sorted(family.fields)}"
        )
    for key, value in settings.items():
        is_number = type(value) is int and value > 0
        if not is_number and not (key == "dropout" and type(value) in (int, float)):
            raise InterchangeError(f"{file}: {key} is {value!r}; expected a number")
    return family, settings


def read_config(path, family, settings, notes):
    """Our config: the one that `write` left in the preset, or the family's."""
    fields = {ours: settings[theirs] for theirs, ours in family.fields.items()}
    if (path / SETTINGS_FILE).exists():
        saved = read_json(path / SETTINGS_FILE)
        config = config_lib.from_dict(PretrainConfig, saved)
        for theirs, ours in family.fields.items():
            expected, found = getattr(config.model, ours), settings[theirs]
            if expected != found:
                raise InterchangeError(
                    f"{path / 'config.json'}: {theirs} is {found}, but "
                    f"{SETTINGS_FILE} beside it has {ours} {expected}"
                )
        return config
    if "embedding_size" not in fields:
        fields["embedding_size"] = fields["hidden_size"]
    model = families.encoder_config(
        path / "config.json",
        family.name,
        **fields,
        attention_probs_dropout_prob=fields["hidden_dropout_prob"],
        hidden_act="gelu_tanh",
    )
    if family is not ALBERT:
        notes.append(
            "hidden_act is gelu_tanh, what keras-hub computes; weights that come from "
            "the original ELECTRA or from PyTorch were trained with gelu"
        )
    if family is ELECTRA:
        notes.append(
            "a preset does not say which network it holds: it is taken as the "
            "discriminator, and the pooler, which ELECTRA does not have, is unused"
        )
    return families.pretrain_config(family.name, model, heads=())


def choose_family(pretrained):
    """The backbone class for an encoder, and what differs there."""
    model, notes = pretrained.config.model, []
    reasons = []
    if model.parameter_sharing not in ("none", "all"):
        reasons.append(f"layers that share {model.parameter_sharing} only")
    if model.parameter_sharing == "none" and model.inner_group_num > 1:
        reasons.append("several blocks in a layer without sharing")
    is_shared = model.parameter_sharing != "none"  # else groups mean nothing
    if is_shared and model.num_hidden_layers % model.num_hidden_groups:
        reasons.append(
            f"{model.num_hidden_layers} layers in {model.num_hidden_groups} groups of "
            "unequal size"
        )
    if model.hidden_act not in ("gelu", "gelu_tanh"):
        reasons.append(f"the activation {model.hidden_act}")
    if reasons:
        raise InterchangeError(
            f"{pretrained.source}: keras-hub has no {', and no '.join(reasons)}"
        )
    if model.hidden_act == "gelu":
        notes.append(
            "keras-hub computes the tanh form of GELU, this model the exact one: "
            "outputs there differ in the third or fourth decimal"
        )
    if model.attention_probs_dropout_prob != model.hidden_dropout_prob:
        notes.append(
            f"keras-hub has one dropout rate: {model.hidden_dropout_prob}, in place of "
            f"{model.attention_probs_dropout_prob} for attention"
        )
    if model.parameter_sharing != "none":
        return ALBERT, notes
    is_bert = families.family_of(pretrained.config) == "bert"
    return (BERT if is_bert else ELECTRA), notes


def encoder_prefix(config):
    is_electra = config.objective.name == "replaced_token_detection"
    return "discriminator/" if is_electra else "encoder/"


def name_of(ours, config, family):
    """keras-hub's path of our variable; None for what is not in a backbone."""
    prefix = encoder_prefix(config)
    if not ours.startswith(prefix):
        return None
    layer, *rest = ours.removeprefix(prefix).split("/")
    rest = "/".join(rest)
    if layer == "embeddings":
        return {
            "word_embeddings": "token_embedding/embeddings",
            "position_embeddings": "position_embedding/embeddings",
            "token_type_embeddings": "segment_embedding/embeddings",
        }.get(rest, rest.replace("layer_norm/", "embeddings_layer_norm/"))
    if layer in ("embeddings_project", "pooler"):
        return (family.projection if layer != "pooler" else POOLER) + rest
    part, _, index = layer.rpartition("_")
    block = f"transformer_layer_{index}/"
    if family is ALBERT:
        group, inner = divmod(int(index), config.model.inner_group_num)
        block = f"group_{group}_inner_layer_{inner}/"
    theirs = "self_attention" if part == "attention" else "feedforward"
    name, _, variable = rest.partition("/")
    if name == "layer_norm":
        return f"{block}{theirs}_layer_norm/{variable}"
    if part == "attention":
        name = "attention_output" if name == "output" else name
        return f"{block}self_attention_layer/{name}/{variable}"
    return f"{block}feedforward_{name}_dense/{variable}"
