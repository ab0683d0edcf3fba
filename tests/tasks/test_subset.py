"""finetune.max_train_examples: nested parts of the training examples."""

import numpy as np
import pytest

from tf_pretrain.tasks.subset import with_training_examples
from tf_pretrain.tasks.tagging.conll_files import Sentence
from tf_pretrain.tasks.tagging.task import TaggingTask
from tf_pretrain.tasks.task import Split, Task

pytestmark = pytest.mark.unit


def _task(count, is_pair):
    texts = [f"text {i}" for i in range(count)]
    split = Split(texts, texts[::-1] if is_pair else None, np.arange(count) % 3)
    return Task("t", ("a", "b", "c"), ("accuracy",), {"train": split, "dev": split})


@pytest.mark.parametrize("is_pair", [False, True])
def test_rows_stay_together_and_parts_are_nested(is_pair):
    task, inner = _task(100, is_pair), set()
    for count in (1, 10, 50):
        part = with_training_examples(task, count, seed=7)
        train = part.splits["train"]
        numbers = [int(text.split()[1]) for text in train.texts_a]
        assert len(set(numbers)) == count
        assert inner < set(numbers)
        inner = set(numbers)
        assert train.labels.tolist() == [number % 3 for number in numbers]
        if is_pair:
            assert train.texts_b == [f"text {99 - number}" for number in numbers]
        assert part.splits["dev"] is task.splits["dev"]
        assert part.notes == (
            f"only {count} of 100 training examples are used "
            "(finetune.max_train_examples)",
        )


def test_the_seed_decides_which_examples_are_kept():
    task = _task(100, False)
    parts = [with_training_examples(task, 10, seed).splits["train"] for seed in (0, 1)]
    assert parts[0].texts_a != parts[1].texts_a


@pytest.mark.parametrize("count", [0, 100, 101])
def test_all_examples(count):
    task = _task(100, False)
    assert with_training_examples(task, count, seed=0) is task


def test_lists_of_examples():
    sentences = [Sentence((f"word{i}",), ("O",)) for i in range(9)]
    task = TaggingTask("tags", {"train": sentences, "dev": sentences})
    kept = with_training_examples(task, 4, seed=0).splits["train"]
    assert len(kept) == 4 and all(sentence in sentences for sentence in kept)
