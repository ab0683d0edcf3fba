"""The alignment of characters in a graph against the one in NumPy."""

import random

import numpy as np
import pytest
import tensorflow as tf

from tf_pretrain.data import alignment
from tf_pretrain.serving.question_answering.alignment import align, end_of, start_of


@pytest.fixture(scope="module")
def graph():
    specs = [tf.TensorSpec([None], tf.int32)] * 2
    return tf.function(align, input_signature=specs, autograph=False)


def cleaned_char(char):
    """Some characters become none or two, as in a clean-up of real text."""
    return {"-": "", "W": "vv"}.get(char, char.lower())


def made_up(draw):
    """A text of few different characters, and its clean-up with more changes."""
    weights = [9, 9, 9, 9, 9, 2, 2]
    text = "".join(draw.choices("aAbB -W", weights, k=draw.randint(0, 60)))
    cleaned = [cleaned_char(char) for char in text]
    for _ in range(draw.randint(0, 2)):
        if cleaned:
            cleaned[draw.randrange(len(cleaned))] = draw.choice(["", "ab", "x"])
    return text, " " + "".join(cleaned)


@pytest.mark.parametrize("seed", range(150))
def test_graph_and_numpy_align_alike(seed, graph):
    text, glued = made_up(random.Random(seed))
    expected = alignment.align(text, glued, cleaned_char)
    chars = [cleaned_char(char) for char in text]
    wanted = [ord(char) if len(char) == 1 else -1 for char in chars]
    got = graph(
        tf.constant(wanted, tf.int32, [len(wanted)]),
        tf.constant([ord(char) for char in glued], tf.int32, [len(glued)]),
    )
    if expected is None:
        assert got.shape[0] == 0
        return
    np.testing.assert_array_equal(got, expected)
    pairs = got[:, ::-1]
    partial = alignment.PartialMap(len(glued), pairs.numpy())
    places, size = tf.range(len(glued)), len(text)
    for found, function in ((partial.start, start_of), (partial.end, end_of)):
        want = [found(place, size) for place in range(len(glued))]
        np.testing.assert_array_equal(function(pairs, places, size), want)


def test_most_of_these_texts_are_aligned():
    draws = [made_up(random.Random(seed)) for seed in range(150)]
    found = [alignment.align(*draw, cleaned_char) is not None for draw in draws]
    assert 60 < sum(found) < 150
