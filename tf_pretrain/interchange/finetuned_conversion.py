"""Fine-tuned networks of every kind: from one format to another."""

from pathlib import Path

from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.interchange.finetuned_parts import Converted, write_settings
from tf_pretrain.interchange.huggingface import finetuned as huggingface_finetuned
from tf_pretrain.interchange.pretrained import InterchangeError
from tf_pretrain.interchange.tf1 import finetuned as tf1_finetuned


def read(path, kind) -> Converted | None:
    """The fine-tuned network at a path, or None if it holds another kind of network.

    Args:
        path: A fine-tuning workdir, or a path of another format.
        kind: Its key in `formats.FORMATS`, or None.

    Raises:
        InterchangeError: If its head is not known here, or does not fit.
    """
    if finetuning_workdir.is_finetuned(path):
        tuned = finetuning_workdir.load_finetuned(path)
        return Converted(tuned, f"fine-tuning workdir {path}", [])
    readers = {"huggingface": huggingface_finetuned, "tf1": tf1_finetuned}
    return readers[kind].read(path) if kind in readers else None


def write(converted: Converted, folder, to: str) -> list[str]:
    """Writes a network in a format: "keras" (a workdir), "huggingface" or "tf1".

    Returns:
        Notes about what was changed.

    Raises:
        InterchangeError: If the format has no such head.
    """
    tuned, folder = converted.tuned, Path(folder)
    if to == "keras":
        finetuning_workdir.write(tuned, folder)
        return []
    if to == "keras_hub":
        raise InterchangeError(
            f"{converted.source}: keras-hub has no such head ({tuned.model.kind}); "
            "expected --to=huggingface, tf1 or keras"
        )
    writer = huggingface_finetuned if to == "huggingface" else tf1_finetuned
    notes = writer.write(tuned, converted.source, folder)
    write_settings(tuned.model, folder)
    return notes
