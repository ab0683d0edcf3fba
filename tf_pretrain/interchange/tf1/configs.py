"""Converts the settings of the original programs' files to our config and back.

ALBERT's releases have `albert_config.json` beside the weights, and BERT's have
`bert_config.json`. ELECTRA's have no such file. Its sizes follow from the shapes of the
weights. Heads and dropout are read from `hparams.json`, in the form of the original's
`--hparams` option. Without that file the rule of the released code is used, and a note
says so.
"""

import dataclasses
import re

from tf_pretrain.config import PretrainConfig, generator_config
from tf_pretrain.interchange import families
from tf_pretrain.interchange.pretrained import InterchangeError, read_json

# The function that each program computes under the name "gelu".
_ACTIVATIONS = {
    "electra": {"gelu": "gelu"},
    "bert": {"gelu": "gelu_tanh"},
    "albert": {"gelu": "gelu_tanh"},
}
# Prefixes of names that only one of two related programs writes.
_FIRST_LAYERS = {
    "albert": "bert/encoder/transformer/group_0/",
    "bert": "bert/encoder/layer_0/",
}
_LAYER_0 = "encoder/layer_0/attention/self/query/kernel"


def config_of(prefix, shapes, notes) -> tuple[PretrainConfig, str, str]:
    """The config of the model in a checkpoint.

    Args:
        prefix: Path of the checkpoint.
        shapes: {name: shape} of its tensors.
        notes: List that receives what had to be assumed.

    Returns:
        The config; the program that wrote it ("electra", "bert" or "albert"); and the
        encoder's scope (see tf1_names.electra_name).

    Raises:
        InterchangeError: If it belongs to none of the three, or a file is missing.
    """
    for program, start in _FIRST_LAYERS.items():
        if any(name.startswith(start) for name in shapes):
            return _bert_config(prefix, shapes, program), program, ""
    if any(re.match("(electra|generator)/encoder/layer_0/", n) for n in shapes):
        config, scope = _electra_config(prefix, shapes, notes)
        return config, "electra", scope
    raise InterchangeError(
        f"{prefix} holds neither ELECTRA nor ALBERT nor BERT: names begin with "
        f"{sorted(shapes)[:3]}"
    )


def settings_file(config: PretrainConfig, program: str) -> tuple[str, dict]:
    """Name and content of the JSON file that goes beside a program's checkpoint."""
    if program == "electra":
        return "hparams.json", _electra_json(config)
    return f"{program}_config.json", _bert_json(config.model, program)


def _encoder_config(path, values, program, **fixed):
    """EncoderConfig from the original's JSON keys; other keys are not ours."""
    known = (*families.SIZES, *families.GROUP_SIZES, *families.RATES, "hidden_act")
    values = {key: values[key] for key in values if key in known} | fixed
    act = values.get("hidden_act", "gelu")
    values["hidden_act"] = _ACTIVATIONS[program].get(act, act)
    return families.encoder_config(path, program, **values)


def _bert_config(prefix, shapes, program):
    """PretrainConfig of a checkpoint of BERT's program, or ALBERT's."""
    path = prefix.parent / f"{program}_config.json"
    if not path.is_file():
        raise InterchangeError(
            f"{prefix} needs its {path.name} beside it: heads, groups and dropout "
            "cannot be told from the weights"
        )
    values, fixed = read_json(path), {}
    if program == "bert":
        fixed = {"embedding_size": values.get("hidden_size")}
    model = _encoder_config(
        path,
        values,
        program,
        use_pooler="bert/pooler/dense/kernel" in shapes,
        **fixed,
    )
    heads = {
        head
        for head, name in (
            ("masked_lm", "cls/predictions/output_bias"),
            ("sentence", "cls/seq_relationship/output_weights"),
        )
        if name in shapes
    }
    return families.pretrain_config(program, model, heads)


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

    heads = {
        head
        for head, start in (
            ("masked_lm", "generator_predictions/"),
            ("replaced_token", "discriminator_predictions/"),
        )
        if any(name.startswith(start) for name in shapes)
    }
    fields = {}
    if scope == "generator" or (heads == {"masked_lm"} and len(scopes) == 1):
        heads = {"masked_lm"}
    else:
        fields = _objective_fields(shapes, model, heads, hparams, len(scopes) == 2)
        heads.add("replaced_token")
    length = hparams.get("max_seq_length")
    config = families.pretrain_config("electra", model, heads, length, **fields)
    return config, scope


def _objective_fields(shapes, model, heads, hparams, has_two_networks):
    """Fields of ObjectiveConfig for a discriminator, with or without a generator."""
    fields = {
        ours: float(hparams[theirs])
        for ours, theirs in (
            ("generator_weight", "gen_weight"),
            ("discriminator_weight", "disc_weight"),
            ("temperature", "temperature"),
        )
        if theirs in hparams
    }
    if has_two_networks:
        generator = _electra_sizes(shapes, "generator")
        layers = generator["num_hidden_layers"] / model.num_hidden_layers
        untied = "generator/embeddings/word_embeddings" in shapes
        fields |= {
            "generator_hidden_size": generator["hidden_size"] / model.hidden_size,
            "generator_layers": layers,
            "weight_tying": "none" if untied else "embeddings",
        }
    elif "masked_lm" in heads:
        fields |= {
            "generator_hidden_size": 1.0,
            "generator_layers": 1.0,
            "weight_tying": "all",
        }
    return fields


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


def check_is_expressible(config: PretrainConfig, program: str) -> None:
    """Raises InterchangeError if the original program cannot hold the model."""
    model = config.model
    expected = _ACTIVATIONS[program]["gelu"]
    reason = None
    if model.hidden_act not in (expected, "relu"):
        reason = f"its hidden_act is {model.hidden_act!r}, not {expected!r}"
    elif program == "albert" and model.parameter_sharing in ("attention", "ffn"):
        reason = "ALBERT's program cannot share attention or feed-forward alone"
    elif program != "electra":
        pass
    elif model.parameter_sharing != "none" or model.use_pooler:
        reason = "ELECTRA's program has neither shared layers nor a pooler"
    elif model.inner_group_num != 1:
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


def _bert_json(model, program):
    """The content of `bert_config.json` or `albert_config.json`."""
    values = dataclasses.asdict(model)
    names = [*families.SIZES, *families.RATES]
    if program == "bert":
        names.remove("embedding_size")
    else:
        names += families.GROUP_SIZES
    if model.parameter_sharing == "none":
        values["num_hidden_groups"] = model.num_hidden_layers
    act = "gelu" if model.hidden_act == "gelu_tanh" else "relu"
    return {name: values[name] for name in names} | {"hidden_act": act}


def _electra_json(config):
    model, objective = config.model, config.objective
    values = dataclasses.asdict(model)
    kept = [*families.SIZES, *families.RATES, "hidden_act"]
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
        "model_hparam_overrides": {key: values[key] for key in kept},
    }
