"""What a config costs, computed before anything is trained (`--dry_run`)."""

import json

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig, generator_config
from tf_pretrain.models import flops

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def describe(config: PretrainConfig) -> str:
    """Resolved config, parameters, FLOPs, memory estimate and steps, as text."""
    train, data = config.train, config.data
    parameters = trained_parameters(config)
    encoder = flops.parameter_counts(config.model)
    lines = [
        json.dumps(config_lib.to_dict(config), indent=2),
        "",
        "parameters of the encoder that is kept: "
        + ", ".join(f"{name} {count:,}" for name, count in encoder.items()),
        f"parameters that are trained, generator and heads included: {parameters:,}",
        "FLOPs as the ELECTRA paper counts them: "
        f"{flops.training_flops(config):.3g} for the run, "
        f"{flops.inference_flops(config.model, data.max_seq_length):.3g} to read one "
        f"sequence of {data.max_seq_length}",
        f"FLOPs of the matrix products of one step: {flops.matmul_flops(config):.3g}",
        f"memory of one device, estimated: {memory_bytes(config) / 2**30:.2f} GiB",
        f"steps: {train.num_steps:,} of {train.batch_size} examples, at most "
        f"{train.num_steps * train.batch_size * data.max_seq_length:,} tokens",
    ]
    return "\n".join(lines)


def trained_parameters(config: PretrainConfig) -> int:
    """Number of trainable parameters of the objective, by formula."""
    model, objective = config.model, config.objective
    hidden = model.hidden_size
    total = flops.parameter_counts(model)["total"]
    if objective.has_discriminator:
        total += hidden * hidden + hidden + hidden + 1  # replaced-token head
    else:
        total += _masked_lm_head_parameters(model)
    if objective.name == "all_tokens_mlm":
        total += hidden + 1  # copy gate
    if objective.has_generator_network:
        generator = generator_config(config)
        total += _masked_lm_head_parameters(generator)
        if objective.weight_tying != "all":
            counts = flops.parameter_counts(generator)
            tied = objective.weight_tying == "embeddings"
            total += counts["total"] - (counts["embeddings"] if tied else 0)
        if objective.generator_training == "adversarial":
            total += generator.hidden_size + 1  # baseline
    if objective.sentence_objective != "none":
        total += 2 * hidden + 2
    return total


def _masked_lm_head_parameters(model):
    embedding = model.embedding_size
    return model.hidden_size * embedding + 3 * embedding + model.vocab_size


def memory_bytes(config: PretrainConfig) -> int:
    """A rough estimate for one device: weights, gradients, moments and activations.

    Activations are the numbers that the backward pass reads. For each layer and token
    these are about 9 hidden_size + 3 intermediate_size numbers and 3 attention maps. In
    addition there are three arrays of vocabulary logits. The estimate does not know
    what a compiler saves or what a framework stores in addition.
    """
    train, data = config.train, config.data
    rows = train.batch_size // train.accumulation_steps
    networks = [config.model]
    if config.objective.has_generator_network:
        networks.append(generator_config(config))
    predicted = data.num_predictions
    if config.objective.name == "all_tokens_mlm":
        predicted += data.max_seq_length
    numbers = 3 * rows * predicted * config.model.vocab_size
    for model in networks:
        token = 9 * model.hidden_size + 3 * model.intermediate_size
        token += 3 * model.num_attention_heads * data.max_seq_length
        blocks = model.num_hidden_layers * model.inner_group_num
        numbers += rows * data.max_seq_length * blocks * token
    state = 4 * 4 * trained_parameters(config)  # weight, gradient, two moments
    return state + numbers * _BYTES[train.mixed_precision]
