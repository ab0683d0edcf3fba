"""BERT, ELECTRA and ALBERT side by side: weights as areas, costs below."""

import dataclasses

from docs.drawing.canvas import EMBEDDINGS, ENCODER, FAINT, Canvas, tint
from tf_pretrain.config import PretrainConfig, generator_config
from tf_pretrain.models import flops, sizes

_GREY = "#c9ced6"
_SCALE = 0.024  # inches of height for a million weights
_LEFT, _STEP, _BOTTOM = 4.4, 3.0, 2.55
LENGTH, BATCH = 128, 32  # of the texts that are counted


def draw(configs: dict[str, PretrainConfig], words: dict[str, str]) -> Canvas:
    """Three columns with one scale.

    Args:
        configs: {name: config}.
        words: The texts in one language (docs.course.words).
    """
    canvas = Canvas(words["sides_title"], words["sides_subtitle"])
    for number, (name, config) in enumerate(configs.items()):
        x = _LEFT + number * _STEP
        canvas.text(x, 6.25, name, 15, ENCODER, ha="left", weight="bold")
        _weights(canvas, x, config, words)
    y = 2.05
    for name, count in _COSTS.items():
        text = words[name].format(length=LENGTH, batch=BATCH)
        canvas.text(0.45, y, text, 11.5, ha="left")
        for number, config in enumerate(configs.values()):
            x = _LEFT + number * _STEP
            canvas.text(x, y, count(config), 12.5, ha="left", weight="bold")
        y -= 0.34
    return canvas


def _weights(canvas, x, config, words):
    """Boxes upon each other, from the embeddings to the heads."""
    model, y = config.model, _BOTTOM
    counts = sizes.parameter_counts(model)
    layers = counts["attention"] + counts["feed_forward"]
    generator = 0
    if config.objective.has_generator_network:
        parts = sizes.parameter_counts(generator_config(config))
        generator = parts["total"] - parts["embeddings"]
    is_shared = model.parameter_sharing == "all"
    boxes = (
        ("sides_embeddings", counts["embeddings"] + counts["projection"], EMBEDDINGS),
        ("sides_shared" if is_shared else "sides_layers", layers, ENCODER),
        ("sides_generator", generator, _GREY),
    )
    for name, count, color in boxes:
        if not count:
            continue
        height = _SCALE * count / 1e6
        canvas.box(x, y, 1.15, height, "", color, edge=tint(FAINT, 0.4))
        text = words[name].format(count=count / 1e6, layers=model.num_hidden_layers)
        canvas.text(x + 1.27, y + max(height / 2, 0.12), text, 11, ha="left")
        y += max(height, 0.42) + 0.06
    lines = [words["sides_heads"].format(count=(dropped(config) - generator) / 1e6)]
    if counts["pooler"]:
        lines.append(words["sides_pooler"].format(count=counts["pooler"] / 1e6))
    canvas.text(x, y + 0.1 * len(lines), "\n".join(lines), 10.5, FAINT, ha="left")


def step_memory(config: PretrainConfig) -> float:
    """GiB of one training step of BATCH texts of LENGTH tokens, estimated."""
    data = dataclasses.replace(config.data, max_seq_length=LENGTH)
    train = dataclasses.replace(config.train, batch_size=BATCH, accumulation_steps=1)
    config = dataclasses.replace(config, data=data, train=train)
    return sizes.memory_bytes(config) / 2**30


def kept(config: PretrainConfig) -> int:
    """Parameters of the encoder that fine-tuning starts from."""
    return sizes.parameter_counts(config.model)["total"]


def dropped(config: PretrainConfig) -> int:
    """Parameters that only pretraining has: heads, and ELECTRA's generator."""
    return sizes.trained_parameters(config) - kept(config)


def _targets(config):
    """Of the objectives together, for 1,000 tokens of full examples."""
    data, objective = config.data, config.objective
    found = data.num_predictions / data.max_seq_length
    found += 1 if objective.has_discriminator else 0
    found += (objective.sentence_objective != "none") / data.max_seq_length
    return f"{1000 * found:,.0f}"


_COSTS = {
    "sides_kept": lambda config: f"{kept(config):,}",
    "sides_dropped": lambda config: f"{dropped(config):,}",
    "sides_products": lambda config: (
        f"{flops.encoder_matmul_flops(config.model, LENGTH):.2e}".replace("e+", "e")
    ),
    "sides_counted": lambda config: (
        f"{flops.inference_flops(config.model, LENGTH):.2e}".replace("e+", "e")
    ),
    "sides_memory": lambda config: f"{step_memory(config):.2f}",
    "sides_targets": _targets,
}
