"""A part of a task's training examples, to see what fewer labels would give."""

import dataclasses

import numpy as np

from tf_pretrain.tasks.task import Split


def with_training_examples(task, max_train_examples, seed):
    """A task of any kind with fewer training examples.

    The examples are the first of a random order that depends on `seed` only. So a
    smaller part is within every larger one.

    Args:
        max_train_examples: How many to keep; 0 for all.
    """
    train = task.splits["train"]
    if not 0 < max_train_examples < len(train):
        return task
    chosen = np.random.default_rng(seed).permutation(len(train))[:max_train_examples]
    note = (
        f"only {max_train_examples:,} of {len(train):,} training examples are used "
        "(finetune.max_train_examples)"
    )
    return dataclasses.replace(
        task,
        splits={**task.splits, "train": _take(train, np.sort(chosen))},
        notes=(*task.notes, note),
    )


def _take(split, indices):
    if not isinstance(split, Split):
        return [split[i] for i in indices]
    return Split(
        [split.texts_a[i] for i in indices],
        None if split.texts_b is None else [split.texts_b[i] for i in indices],
        split.labels[indices],
    )
