"""What becomes of docstrings, on small sources and on the installed packages."""

import sys

import pytest

from tf_pretrain.data import builtin_docs

SOURCE = '''"""Opening sentence of the module.
It has a second one, e.g. this sentence, and no more.

Wrapped prose that goes on
over two lines with ``code`` and :class:`~a.Thing` names.

Example of use::

    This indented block is code and should go away.

>>> doctest_goes_away()

```python
This fenced block should go away.
```
"""

def function(x):
    """Computes the answer to a question.

    Args:
      x: A tensor that holds the question,
        wrapped over two lines.
      y (optional): The other tensor to look at.

    Returns:
      A tensor of the answers.

    Parameters
    ----------
    axis : int, optional
        Axis along which the answer is computed.
        The default is the last axis.

    - The first of the bullets is here.
    - The second of the bullets is here.
    """
    def inner():
        """Docstrings inside of functions are left out."""

class Thing:
    "Opening sentence of the module."
    def method(self):
        """Calls f(x)[0] = {'a': 1} -> b_c[d] != e * 2.  Has no more to say."""
'''
EXPECTED = [
    "Opening sentence of the module.",
    "It has a second one, e.g. this sentence, and no more.",
    "Wrapped prose that goes on over two lines with code and a.Thing names.",
    "Computes the answer to a question.",
    "A tensor that holds the question, wrapped over two lines.",
    "The other tensor to look at.",
    "A tensor of the answers.",
    "Axis along which the answer is computed.",
    "The default is the last axis.",
    "The first of the bullets is here.",
    "The second of the bullets is here.",
    "Has no more to say.",
]


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A standard library and one package that hold SOURCE; returns their folder."""
    library, package = tmp_path / "library", tmp_path / "path" / "some_package"
    for folder in (library, package, package / "tests"):
        folder.mkdir(parents=True)
    (library / "b.py").write_text(SOURCE)
    (library / "a.py").write_text("not python")
    (package / "__init__.py").write_text(SOURCE.replace("answer", "result"))
    (package / "tests" / "c.py").write_text(SOURCE.replace("answer", "test"))
    monkeypatch.setattr(
        builtin_docs.sysconfig, "get_path", {"stdlib": str(library)}.__getitem__
    )
    monkeypatch.syspath_prepend(tmp_path / "path")
    monkeypatch.setattr(builtin_docs, "PACKAGES", ("some_package", "not_installed"))
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_remembered():
    builtin_docs.modules.cache_clear()
    yield
    builtin_docs.modules.cache_clear()


def test_prose_is_kept_and_code_dropped(packages):
    modules = dict(builtin_docs.modules())
    assert modules["b"] == EXPECTED


def test_sentences_seen_before_are_dropped(packages):
    modules = list(builtin_docs.modules())
    assert [name for name, _ in modules] == ["b", "some_package"]
    assert modules[1][1] == [
        line.replace("answer", "result") for line in EXPECTED if "answer" in line
    ]
    assert "some_package" not in sys.modules


def test_description_changes_with_the_sources(packages):
    before = builtin_docs.describe()
    assert before["size"] == 10 + 2 * len(SOURCE.encode())
    (packages / "library" / "d.py").write_text("x = 1\n")
    assert builtin_docs.describe()["size"] == before["size"] + 6


def test_installed_packages_give_english_prose(monkeypatch):
    monkeypatch.setattr(builtin_docs, "PACKAGES", ("absl", "optree"))  # small ones
    modules = builtin_docs.modules()
    assert modules[-1][0].startswith("optree")
    lines = [line for _, sentences in modules for line in sentences]
    assert len(lines) > 3000 and len(set(lines)) == len(lines)
    assert min(len(sentences) for _, sentences in modules) >= 3
    words = " ".join(lines).lower().split()
    # 4 to 8 % of English words are "the" and 2 % or more "is".
    assert 0.04 < words.count("the") / len(words) < 0.09
    assert words.count("is") / len(words) > 0.015
    for mark in (">>>", "```", "::", "=="):
        assert sum(mark in line for line in lines) < 0.005 * len(lines), mark
