"""What the original programs' files say about a model, as our config and back.

Beside the weights ALBERT's releases have `albert_config.json`. ELECTRA's have none:
sizes follow from the shapes; what does not (heads, dropout) is read from
`hparams.json`, the settings in the form of the original's `--hparams` option, or else
is the released code's rule, and noted.
"""

import dataclasses
import re

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
    generator_config,
)
from tf_pretrain.interchange.pretrained import InterchangeError, read_json
from tf_pretrain.interchange.tf1 import names as tf1_names

# What the two programs' "gelu" computes.
_ACTIVATIONS = {"electra": {"gelu": "gelu"}, "albert": {"gelu": "gelu_tanh"}}
_LAYER_0 = "encoder/layer_0/attention/self/query/kernel"


def config_of(prefix, shapes, notes) -> tuple[PretrainConfig, str]:
    """The model that a checkpoint holds.

    Args:
        prefix: Path of the checkpoint.
        shapes: {name: shape} of its tensors.
        notes: List that receives what had to be assumed.

    Returns:
        The config, and the encoder's scope (see tf1_names.electra_name).

    Raises:
        InterchangeError: If it is neither ELECTRA nor ALBERT, or a file is missing.
    """
    if any(name.startswith("bert/encoder/transformer/group_0/") for name in shapes):
        return _albert_config(prefix, shapes), "electra"
    if any(re.match("(electra|generator)/encoder/layer_0/", n) for n in shapes):
        return _electra_config(prefix, shapes, notes)
    raise InterchangeError(
        f"{prefix} holds neither ELECTRA nor ALBERT: names begin with "
        f"{sorted(shapes)[:3]}"
    )


def settings_file(config: PretrainConfig) -> tuple[str, dict]:
    """Name and content of the JSON file that goes beside a checkpoint."""
    if tf1_names.is_albert(config):
        return "albert_config.json", _albert_json(config.model)
    return "hparams.json", _electra_json(config)


def _encoder_config(path, values, family, **fixed):
    """EncoderConfig from the original's JSON keys; other keys are not ours."""
    fields = EncoderConfig.__dataclass_fields__
    values = {key: values[key] for key in values if key in fields} | fixed
    act = values.get("hidden_act", "gelu")
    values["hidden_act"] = _ACTIVATIONS[family].get(act, act)
    try:
        return EncoderConfig(**values)
    except (TypeError, ValueError) as error:
        raise InterchangeError(f"{path}: {error}") from None


def _albert_config(prefix, shapes):
    path = prefix.parent / "albert_config.json"
    if not path.is_file():
        raise InterchangeError(
            f"{prefix} needs its albert_config.json beside it: heads, groups and "
            "dropout cannot be told from the weights"
        )
    model = _encoder_config(
        path,
        read_json(path),
        "albert",
        parameter_sharing="all",
        use_pooler="bert/pooler/dense/kernel" in shapes,
        projection_initializer="truncated_normal",
    )
    sentence = "none"
    if "cls/seq_relationship/output_weights" in shapes and model.use_pooler:
        sentence = "sentence_order"
    return PretrainConfig(
        model=model,
        objective=ObjectiveConfig("masked_lm", sentence_objective=sentence),
        data=DataConfig(
            max_seq_length=min(512, model.max_position_embeddings),
            tokenizer="sentencepiece",
            example_format="sentence_order",
        ),
        train=TrainConfig(optimizer="lamb", schedule="albert"),
    )


def _electra_config(prefix, shapes, notes):
    """PretrainConfig, and the scope of the encoder (see tf1_names.electra_name)."""
    path = prefix.parent / "hparams.json"
    hparams = read_json(path) if path.is_file() else {}
    scopes = [s for s in ("electra", "generator") if f"{s}/{_LAYER_0}" in shapes]
    scope = scopes[0]
    sizes = _electra_sizes(shapes, scope)
    overrides = hparams.get("model_hparam_overrides") or {}
    if scope == "generator" or "num_attention_heads" not in overrides:
        # Original code: 64 units a head. A generator ignores the override.
        overrides = {k: v for k, v in overrides.items() if k != "num_attention_heads"}
        overrides["num_attention_heads"] = max(1, sizes["hidden_size"] // 64)
        if not hparams:
            notes.append(
                f"no hparams.json: {overrides['num_attention_heads']} attention heads "
                "(hidden_size / 64) and dropout 0.1, as in the released code"
            )
    model = _encoder_config(path, overrides, "electra", **sizes)

    has_mlm = any(name.startswith("generator_predictions/") for name in shapes)
    has_replaced = any(name.startswith("discriminator_predictions/") for name in shapes)
    settings = {
        ours: float(hparams[theirs])
        for ours, theirs in (
            ("generator_weight", "gen_weight"),
            ("discriminator_weight", "disc_weight"),
            ("temperature", "temperature"),
        )
        if theirs in hparams
    }
    if scope == "generator" or (has_mlm and not has_replaced and len(scopes) == 1):
        objective = ObjectiveConfig("masked_lm")
    elif len(scopes) == 2:
        generator = _electra_sizes(shapes, "generator")
        settings |= {
            "generator_hidden_size": generator["hidden_size"] / model.hidden_size,
            "generator_layers": generator["num_hidden_layers"]
            / model.num_hidden_layers,
        }
        untied = "generator/embeddings/word_embeddings" in shapes
        objective = ObjectiveConfig(
            weight_tying="none" if untied else "embeddings", **settings
        )
    elif has_mlm:
        objective = ObjectiveConfig(
            weight_tying="all",
            generator_hidden_size=1.0,
            generator_layers=1.0,
            **settings,
        )
    else:
        objective = ObjectiveConfig(**settings)
    length = hparams.get("max_seq_length", 512)
    return PretrainConfig(
        model=model,
        objective=objective,
        data=DataConfig(max_seq_length=min(length, model.max_position_embeddings)),
    ), scope


def _electra_sizes(shapes, scope):
    """Sizes of one network, from the shapes of its tensors."""
    embeddings = "electra/embeddings"
    if f"{scope}/embeddings/word_embeddings" in shapes:
        embeddings = f"{scope}/embeddings"
    layers = {
        int(match[1])
        for match in (re.match(rf"{scope}/encoder/layer_(\d+)/", n) for n in shapes)
        if match
    }
    try:
        vocab_size, embedding_size = shapes[f"{embeddings}/word_embeddings"]
        return {
            "vocab_size": vocab_size,
            "embedding_size": embedding_size,
            "hidden_size": shapes[f"{scope}/{_LAYER_0}"][0],
            "intermediate_size": shapes[
                f"{scope}/encoder/layer_0/intermediate/dense/kernel"
            ][1],
            "num_hidden_layers": len(layers),
            "max_position_embeddings": shapes[f"{embeddings}/position_embeddings"][0],
            "type_vocab_size": shapes[f"{embeddings}/token_type_embeddings"][0],
        }
    except KeyError as error:
        raise InterchangeError(f"the checkpoint lacks {error}") from None


def check_is_expressible(config: PretrainConfig) -> None:
    """Raises InterchangeError if neither original program can hold the model."""
    model, is_albert = config.model, tf1_names.is_albert(config)
    expected = "gelu_tanh" if is_albert else "gelu"
    reason = None
    if model.hidden_act not in (expected, "relu"):
        reason = f"its hidden_act is {model.hidden_act!r}, not {expected!r}"
    elif is_albert and model.parameter_sharing in ("attention", "ffn"):
        reason = "ALBERT's program cannot share attention or feed-forward alone"
    elif not is_albert and (model.parameter_sharing != "none" or model.use_pooler):
        reason = "ELECTRA's program has neither shared layers nor a pooler"
    elif not is_albert and model.inner_group_num != 1:
        reason = "ELECTRA's program has one block a layer"
    elif _has_other_generator(config):
        reason = "ELECTRA's program gives a generator 64 units a head"
    if reason:
        raise InterchangeError(f"no original TF1 program can hold this model: {reason}")


def _has_other_generator(config):
    """Whether an untied generator has other heads than the program would give it."""
    if not config.objective.has_generator_network:
        return False
    generator = generator_config(config)
    usual = max(1, generator.hidden_size // 64), 4 * generator.hidden_size
    return config.objective.weight_tying != "all" and usual != (
        generator.num_attention_heads,
        generator.intermediate_size,
    )


def _albert_json(model):
    values = dataclasses.asdict(model)
    for ours in ("parameter_sharing", "use_pooler", "projection_initializer"):
        del values[ours]
    if model.parameter_sharing == "none":
        values["num_hidden_groups"] = model.num_hidden_layers
    values["hidden_act"] = "gelu" if model.hidden_act == "gelu_tanh" else "relu"
    return values


def _electra_json(config):
    model, objective = config.model, config.objective
    sizes = dataclasses.asdict(model)
    kept = (
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "initializer_range",
        "hidden_act",
    )
    return {
        "model_size": "small",
        "vocab_size": model.vocab_size,
        "embedding_size": model.embedding_size,
        "max_seq_length": config.data.max_seq_length,
        "gen_weight": objective.generator_weight,
        "disc_weight": objective.discriminator_weight,
        "temperature": objective.temperature,
        "generator_hidden_size": objective.generator_hidden_size,
        "generator_layers": objective.generator_layers,
        "untied_generator": objective.weight_tying != "all",
        "untied_generator_embeddings": objective.weight_tying == "none",
        "electra_objective": objective.name == "replaced_token_detection",
        "model_hparam_overrides": {key: sizes[key] for key in kept},
    }
