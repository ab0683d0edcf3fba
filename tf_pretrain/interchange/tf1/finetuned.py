"""Fine-tuned networks in checkpoints of the original TensorFlow 1 programs."""

from tf_pretrain.interchange.finetuned_parts import (
    UNKNOWN_SETTINGS,
    Converted,
    built,
    encoder_of,
    own_settings,
    weights_of,
)
from tf_pretrain.interchange.pretrained import InterchangeError, peek_json
from tf_pretrain.interchange.tf1 import checkpoint as tf1_checkpoint
from tf_pretrain.interchange.tf1 import heads as tf1_heads
from tf_pretrain.interchange.tf1 import names as tf1_names


def write(tuned, source, folder) -> list[str]:
    """Writes a network into an empty folder.

    Returns:
        Notes about what was changed: none.

    Raises:
        InterchangeError: If the program of its encoder has no such head.
    """
    weights = weights_of(tuned.network)
    pretrained = encoder_of(tuned, source, weights)
    program = tf1_names.program_of(pretrained.config)
    try:
        names = tf1_heads.names_of(tuned.model, program)
    except InterchangeError as error:
        raise InterchangeError(
            f"{source} cannot be written with --to=tf1: {error}"
        ) from None
    heads = dict(
        tf1_heads.transposed(name, weights[path]) for path, name in names.items()
    )
    tf1_checkpoint.write(pretrained, folder, heads)
    return []


def read(path) -> Converted | None:
    """The network in a checkpoint; None if it has none of these heads.

    Raises:
        InterchangeError: If the head is not one of ours, or does not fit.
    """
    shapes, folder = tf1_checkpoint.read_tensors(path)
    source = f"TF1 checkpoint {path}"
    if not any(name.startswith(tf1_heads.STARTS) for name in shapes):
        return None
    pretrained = tf1_checkpoint.read(path)
    encoder = pretrained.config.model
    model, notes = own_settings(folder, encoder), list(pretrained.notes)
    if model is None:
        numbers = peek_json(folder / "label_mapping.json")
        tags = sorted(numbers, key=numbers.get) if numbers else None
        model = tf1_heads.model_of(shapes, encoder, tags, source)
        if model is None:
            return None
        notes.append(UNKNOWN_SETTINGS[model.kind])
    names = tf1_heads.names_of(model, tf1_names.program_of(pretrained.config))
    stored = [name.removesuffix("^T") for name in names.values()]
    values, _ = tf1_checkpoint.read_tensors(path, stored)
    head = {
        ours: tf1_heads.transposed(name, values[name.removesuffix("^T")])[1]
        for ours, name in names.items()
    }
    if model.kind == "multiple_choice":
        notes.append("a head with one output is taken as RACE's")
    return Converted(built(model, pretrained, head, source), source, notes)
