"""What a config costs, computed before anything is trained (`--dry_run`)."""

import json

from tf_pretrain import config as config_lib
from tf_pretrain.config import PretrainConfig
from tf_pretrain.models import flops, sizes


def describe(config: PretrainConfig) -> str:
    """Resolved config, parameters, FLOPs, memory estimate and steps, as text."""
    train, data = config.train, config.data
    parameters = sizes.trained_parameters(config)
    encoder = sizes.parameter_counts(config.model)
    memory = sizes.memory_bytes(config) / 2**30
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
        f"memory of one device, estimated: {memory:.2f} GiB",
        f"steps: {train.num_steps:,} of {train.batch_size} examples, at most "
        f"{train.num_steps * train.batch_size * data.max_seq_length:,} tokens",
    ]
    return "\n".join(lines)
