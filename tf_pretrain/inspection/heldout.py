"""Chooses one held-out sentence that shows what a run has learned."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.text import Text

from tf_pretrain import atomic_files
from tf_pretrain.inspection import picture, terminal, texts
from tf_pretrain.inspection.example import Example, examine

# pieces of a sentence, so that it fits into one line
_FEWEST_PIECES, _MOST_PIECES = 8, 13
_CANDIDATES = 64
_FILE, _PICTURE = "example.json", "example.png"
_SENTENCE_ENDS = frozenset(".!?\u3002\uff01\uff1f")


def telling_example(network, tokenizer, batches, seed: int) -> Example | None:
    """A held-out sentence with masks that, with a generator, are filled.

    It is the first of a few sentences in which the generator draws both a word of the
    text and another word, so that both cases can be seen. Whether the discriminator
    finds the other word does not matter. Without a generator it is the first sentence.

    Args:
        network: An objective.
        batches: Feature dicts of held-out text.
        seed: The seed of masks and samples.

    Returns:
        None if no text has enough pieces.
    """
    data = network.config.data
    sentences = []
    for find in (_sentences, _beginnings):
        sentences = sentences or list(
            itertools.islice(find(batches, tokenizer), _CANDIDATES)
        )
    if not sentences:
        return None
    features = texts.as_written(
        tokenizer, [(ids,) for ids in sentences], data.max_seq_length
    )
    features = texts.with_masks(features, data, tokenizer, seed)
    found = examine(network, tokenizer, features)
    return next(filter(_shows_both, found), found[0])


def write(example: Example, workdir: Path, title: str) -> None:
    """Writes `example.json`, which `read` reads, and `example.png`."""
    atomic_files.write_json(workdir / _FILE, dataclasses.asdict(example))
    picture.save(example, title, workdir / _PICTURE)


def read(workdir) -> Example | None:
    """The example of a finished run, or None if it has none."""
    path = Path(workdir) / _FILE
    if not path.exists():
        return None
    return Example(**json.loads(path.read_text(encoding="utf-8")))


def show(workdir) -> None:
    """Prints the example of a finished run, if it has one."""
    example = read(workdir)
    if example is None:
        return
    console = Console()
    console.print(Text("\nWhat it has learnt, on a held-out sentence:", "bold"))
    console.print(terminal.words(example, console.width))
    console.print()
    console.print(terminal.masks(example))
    picture_path = Path(workdir) / _PICTURE
    console.print(Text(f"\nThe same as a picture: {picture_path}"), soft_wrap=True)


def _shows_both(example):
    if example.replaced is None:
        return True
    labels = itertools.compress(example.replaced, example.chosen)
    return set(labels) == {0, 1}


def _sentences(batches, tokenizer):
    """Whole sentences of a suitable length, as int32 ids.

    A text may begin inside a sentence, so everything before the first end of a sentence
    is left out.
    """
    ends = [i for i, p in enumerate(tokenizer.pieces) if p[-1:] in _SENTENCE_ENDS]
    for ids in _texts(batches):
        breaks = np.flatnonzero(np.isin(ids, [*ends, tokenizer.sep_id]))
        for start, stop in itertools.pairwise(breaks):
            sentence = ids[start + 1 : stop + 1]
            is_whole = ids[stop] != tokenizer.sep_id
            if is_whole and _FEWEST_PIECES <= len(sentence) <= _MOST_PIECES:
                yield sentence


def _beginnings(batches, tokenizer):
    """The first pieces of each text, for text without sentence punctuation."""
    for ids in _texts(batches):
        words = ids[ids != tokenizer.sep_id][1 : 1 + _MOST_PIECES]
        if len(words):
            yield words


def _texts(batches):
    """int32 ids of each text, [CLS] first, without padding."""
    for features in batches:
        rows = zip(
            np.asarray(features["input_ids"]),
            np.asarray(features["input_mask"]),
            strict=True,
        )
        for ids, mask in rows:
            yield ids[: mask.sum()].astype(np.int32)
