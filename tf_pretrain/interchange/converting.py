"""`convert`: trained weights from one format to another."""

from tf_pretrain import atomic_files
from tf_pretrain.interchange import (
    combine,
    huggingface,
    keras_hub_presets,
    reading,
    tf1,
    workdir,
)
from tf_pretrain.interchange.pretrained import Pretrained

WRITERS = {
    "keras": workdir,
    "huggingface": huggingface,
    "tf1": tf1,
    "keras_hub": keras_hub_presets,
}


def convert(source, output, to: str, generator=None) -> Pretrained:
    """Reads `source`, with the generator if there is one apart, and writes `output`.

    Args:
        source, generator: Paths, see tf_pretrain.interchange.reading.
        output: Folder that is made; it appears whole or not at all.
        to: "keras", "huggingface", "tf1" or "keras_hub".

    Returns:
        What was written; its notes say what could not go along.

    Raises:
        InterchangeError: If something cannot be read, or not be said in that format.
        FileExistsError: If `output` is there already.
    """
    pretrained = reading.read(source)
    if generator is not None:
        pretrained = combine.combine(pretrained, reading.read(generator))
    with atomic_files.new_folder(output) as folder:
        notes = WRITERS[to].write(pretrained, folder)
    pretrained.notes += notes or []
    return pretrained
