"""A small real task without a download: which package a passage documents.

The passages are from the docstrings of the installed packages
(tf_pretrain.data.builtin_docs). All passages of a module are in one split. Sentences
that name one of the packages are left out, so the answer depends on the topic of the
text.
"""

import re

import numpy as np

from tf_pretrain.data import builtin_docs
from tf_pretrain.tasks.task import Split, Task, TaskError

NUM_CLASSES = 8
SENTENCES = 2  # sentences of a passage
MAX_PASSAGES = 400  # passages of a package, in both splits
DEV_FRACTION = 0.25  # share of the modules
_STANDARD_LIBRARY = "python"


def load() -> Task:
    """Loads the task, which depends on the versions of the installed packages only.

    Raises:
        TaskError: If fewer than two packages have documentation.
    """
    by_package = _passages()
    sizes = {name: sum(map(len, modules)) for name, modules in by_package.items()}
    names = sorted(sorted(sizes, key=sizes.get, reverse=True)[:NUM_CLASSES])
    if len(names) < 2:
        raise TaskError(f"documentation was found of {names} only; expected 2 packages")

    texts = {"train": [], "dev": []}
    for label, name in enumerate(names):
        rng = np.random.default_rng(label)
        modules = [by_package[name][i] for i in rng.permutation(len(by_package[name]))]
        limits = {
            "dev": round(MAX_PASSAGES * DEV_FRACTION),
            "train": round(MAX_PASSAGES * (1 - DEV_FRACTION)),
        }
        num_dev = max(1, round(DEV_FRACTION * len(modules)))
        parts = {"dev": modules[:num_dev], "train": modules[num_dev:]}
        for split, part in parts.items():
            passages = [passage for module in part for passage in module]
            chosen = rng.permutation(len(passages))[: limits[split]]
            texts[split] += [(passages[i], label) for i in chosen]
    return Task(
        name="docs",
        class_names=tuple(names),
        metrics=("accuracy", "macro_f1", "matthews"),
        splits={split: _split(pairs) for split, pairs in texts.items()},
        label_texts=tuple(names),
    )


def _passages():
    """{package: lists of passages, one for each module}, without package names."""
    by_package: dict[str, list[list[str]]] = {}
    packages = set(builtin_docs.PACKAGES)
    names = "|".join(sorted(packages | {_STANDARD_LIBRARY, "tf"}))
    named = re.compile(rf"\b({names})", re.IGNORECASE)
    for module, sentences in builtin_docs.modules():
        package = module.partition(".")[0]
        if package not in packages:
            package = _STANDARD_LIBRARY
        kept = [sentence for sentence in sentences if not named.search(sentence)]
        passages = [
            " ".join(kept[i : i + SENTENCES])
            for i in range(0, len(kept) - SENTENCES + 1, SENTENCES)
        ]
        by_package.setdefault(package, []).append(passages)
    return by_package


def _split(pairs):
    labels = np.array([label for _, label in pairs], np.int32)
    return Split([text for text, _ in pairs], None, labels)
