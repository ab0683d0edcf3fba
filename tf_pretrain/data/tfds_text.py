"""Text of tensorflow-datasets: `tfds:NAME[/CONFIG][:SPLIT]`.

Imports tensorflow, hence is itself imported only for such an input.
"""

from collections.abc import Iterator

import tensorflow_datasets as tfds

from tf_pretrain.data import text_lines
from tf_pretrain.data.sources import TFDS_PREFIX
from tf_pretrain.data.text_files import Notes, TextError


def load(name: str):
    """The builder, its data prepared, and the split of an input.

    Raises:
        TextError: If there is no such data set or split, or it cannot be prepared.
    """
    dataset, _, split = name.removeprefix(TFDS_PREFIX).partition(":")
    split = split or "train"
    try:
        builder = tfds.builder(dataset)
        builder.download_and_prepare()
        builder.info.splits[split]
    # tfds, its readers and the network raise errors of many kinds.
    except Exception as error:
        raise TextError(f"cannot load {name}: {error}") from error
    return builder, split


def line_blocks(
    name: str, start: int, stop: int, errors: str, notes: Notes
) -> Iterator[list[str]]:
    """Yields the lines of one example at a time, and an empty one after each.

    Args:
        start: Number of the first example of the split.
        stop: One more than the number of the last one.
    """
    builder, split = load(name)
    features = builder.info.features
    strings = [
        key
        for key, feature in features.items()
        if feature.shape == () and feature.tf_dtype == "string"
    ]
    if not strings:
        raise TextError(f"{name} has no string feature, only {list(features)}")
    key = "text" if "text" in strings else strings[0]
    # One shard after the other, so that the order does not depend on the range.
    config = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
    data = builder.as_dataset(split=split, shuffle_files=False, read_config=config)
    data = data.skip(start).take(stop - start)
    for index, example in enumerate(data.as_numpy_iterator(), start):
        place = text_lines.Place(f"{name} example {index}")
        lines = text_lines.decode(example[key], place, errors, notes).split("\n")
        # An empty line between paragraphs does not end the document.
        yield [line for line in lines if line.strip()] + [""]
