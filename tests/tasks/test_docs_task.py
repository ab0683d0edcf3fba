"""The quick start's fine-tuning task, from modules with known sentences."""

import pytest

from tf_pretrain.data import builtin_docs
from tf_pretrain.tasks import docs_task
from tf_pretrain.tasks.task import TaskError


def modules_of(package, number, sentences=9):
    """Modules whose sentences say where they are from; every third names a package."""
    for module in range(number):
        name = f"{package}.module{module}" if module else package
        marks = [f"{package[0]}{module} is sentence {i}." for i in range(sentences)]
        marks[::3] = [f"{mark} See AlphaPy." for mark in marks[::3]]
        yield name, marks


@pytest.fixture
def documentation(monkeypatch):
    found = [
        *modules_of("alphapy", 8),
        *modules_of("betapy", 4),
        *modules_of("json", 3),
        *modules_of("zlib", 1),
    ]
    monkeypatch.setattr(builtin_docs, "PACKAGES", ("alphapy", "betapy"))
    monkeypatch.setattr(builtin_docs, "modules", lambda: found)


def test_passages_of_a_module_are_in_one_split(documentation):
    task = docs_task.load()
    assert task.class_names == ("alphapy", "betapy", "python")  # json and zlib
    where = {}
    for split, content in task.splits.items():
        for text, label in zip(content.texts_a, content.labels, strict=True):
            # Two sentences in a row of one module; none that names a package.
            first, second = text.split(" is sentence ")[0], text.split(". ")[1]
            assert second.startswith(f"{first} is sentence ")
            assert "alphapy" not in text.lower()
            expected = {"a": "alphapy", "b": "betapy"}.get(first[0], "python")
            assert task.class_names[label] == expected
            assert where.setdefault(first, split) == split
    # A quarter of the modules is held out; six sentences are left of each, 3 passages.
    splits = list(where.values())
    assert (splits.count("dev"), splits.count("train")) == (2 + 1 + 1, 6 + 3 + 3)
    sizes = {name: len(split.texts_a) for name, split in task.splits.items()}
    assert sizes == {"dev": 12, "train": 36}


def test_it_is_the_same_every_time(documentation):
    first, second = docs_task.load(), docs_task.load()
    assert first.splits["train"].texts_a == second.splits["train"].texts_a


def test_one_package_is_no_task(monkeypatch):
    monkeypatch.setattr(builtin_docs, "PACKAGES", ("alphapy",))
    monkeypatch.setattr(builtin_docs, "modules", lambda: list(modules_of("alphapy", 3)))
    with pytest.raises(TaskError, match="expected 2 packages"):
        docs_task.load()
