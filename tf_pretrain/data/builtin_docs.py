"""A small corpus on every machine: the documentation of the installed Python packages.

English prose is taken from the docstrings of the standard library and of the packages
in PACKAGES, and from Python's language reference (`pydoc_data.topics`). The sources are
parsed, never imported. Code, tables and markup are dropped, the rest is split into
sentences, and repeated sentences are left out.

The text depends only on the installed versions, which `describe` returns.
"""

import ast
import functools
import importlib.metadata
import importlib.util
import inspect
import platform
import re
import sysconfig
import warnings
from pathlib import Path

# What requirements.txt installs. A package that is not installed is left out.
PACKAGES = (
    "absl",
    "fontTools",
    "h5py",
    "huggingface_hub",
    "keras",
    "keras_hub",
    "matplotlib",
    "numpy",
    "optree",
    "packaging",
    "PIL",
    "pip",
    "psutil",
    "pyparsing",
    "requests",
    "rich",
    "sentencepiece",
    "setuptools",
    "tensorflow",
    "tensorflow_datasets",
    "tensorflow_text",
    "tokenizers",
    "urllib3",
)
MIN_SENTENCES = 3  # of a module
MIN_WORDS = 4  # of a sentence
MIN_LETTERS = 0.9  # share of letters and blanks in a sentence

_TOPICS = "pydoc_data.topics"  # holds a dict of long strings instead of docstrings
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_CODE_LINE = re.compile(r">>>|\.\.\.|\$ |\||\+-|[-=~^*#_]{3,}|\.\. |@|#")
# "Args:", "x : int, optional": a line that introduces the next lines.
_LABEL_LINE = re.compile(r"\w[\w ]{0,30}:|[\w*.`, ]+ : .*")
# "name: text", "name (type): text", ":param name: text", "- text", "1. text".
_ENTRY = re.compile(r"(?:[-*+•]|\d+[.)]|:[^:]+:|[*`]*\w[\w.]*[`*]*(?: ?\([^)]*\))?:) +")
_MARKUP = (
    (re.compile(r":[\w:+-]+:`~?([^`<]*?)(?: ?<[^>]*>)?`"), r"\1"),  # :class:`Name`
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),  # [text](address)
    (re.compile(r"`([^`<]+) <[^>]*>`_*"), r"\1"),  # `text <address>`_
    (re.compile(r" ?\[[\w#*]+\]_"), ""),  # [1]_
    (re.compile(r"(\*\*?)(?=\S)([^*]+)(?<=\S)\1"), r"\2"),  # *text*, **text**
    (re.compile(r"``?([^`]*)``?_{0,2}"), r"\1"),  # `text`, ``text``, `text`_
)
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?<!cf\.)(?<!vs\.)\s+(?=[A-Z\"'(])"
)
_SENTENCE = re.compile(r"[A-Z\"'(].*[.!?][\"')]?")


@functools.cache  # a run reads it twice, 8 MB: for the vocabulary and for records
def modules() -> list[tuple[str, list[str]]]:
    """(module name, its sentences in source order) for all modules, in a fixed order.

    A module with fewer than MIN_SENTENCES new sentences is left out.
    """
    found, seen = [], set()
    for name, path in _source_files():
        sentences = []
        for text in _documentation(name, path.read_bytes()):
            for paragraph in _paragraphs(text):
                for sentence in _SENTENCE_END.split(paragraph):
                    if sentence not in seen and _is_prose(sentence):
                        seen.add(sentence)
                        sentences.append(sentence)
        if len(sentences) >= MIN_SENTENCES:
            found.append((name, sentences))
    return found


def describe() -> dict:
    """Identifies this corpus: the number of source bytes and all versions."""
    distributions = importlib.metadata.packages_distributions()
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        for distribution in distributions.get(package, ()):
            versions[distribution] = importlib.metadata.version(distribution)
    size = sum(path.stat().st_size for _, path in _source_files())
    return {"size": size, "versions": versions}


def _source_files():
    """Yields (module name, path) of all sources: standard library, then PACKAGES."""
    roots = [(Path(sysconfig.get_path("stdlib")), "")]
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            roots.append((Path(spec.submodule_search_locations[0]), package))
    for root, package in roots:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if any(
                part.startswith("test") or part in ("site-packages", "dist-packages")
                for part in parts
            ):
                continue
            names = [package, *parts] if package else parts
            yield ".".join(names).removesuffix(".__init__"), path


def _documentation(name, source):
    """Yields the docstrings of a module and what it passes to NumPy's `add_newdoc`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(source)
    except (SyntaxError, ValueError):  # templates, and sources of another Python
        return
    for node in _in_source_order(tree):
        if isinstance(node, _DOCUMENTED):
            yield ast.get_docstring(node) or ""
        elif isinstance(node, ast.Call) and "add_newdoc" in ast.unparse(node.func):
            for constant in ast.walk(node):
                if isinstance(constant, ast.Constant) and isinstance(
                    constant.value, str
                ):
                    yield inspect.cleandoc(constant.value)
        elif isinstance(node, ast.Dict) and name == _TOPICS:
            for value in node.values:
                yield inspect.cleandoc(ast.literal_eval(value))


def _in_source_order(tree):
    """The nodes that may have documentation. Function bodies are not searched."""
    yield tree
    for node in getattr(tree, "body", ()):
        if isinstance(node, _DOCUMENTED):
            if isinstance(node, ast.ClassDef):
                yield from _in_source_order(node)
            else:
                yield node
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) and node.value:
            yield node.value


def _without_code(text):
    """The lines of a docstring, with an empty one for each line of code."""
    lines = []
    in_fence = False
    block_indent = None  # of the line with "::" that a block of code belongs to
    for line in text.expandtabs().split("\n"):
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if stripped.startswith(("```", "~~~")):
            in_fence = not in_fence
            stripped = ""
        if stripped and block_indent is not None and indent <= block_indent:
            block_indent = None
        if in_fence or block_indent is not None or _CODE_LINE.match(stripped):
            stripped = ""
        if stripped.endswith("::"):
            block_indent = indent
        lines.append(line if stripped else "")
    return lines


def _paragraphs(text):
    """Yields the paragraphs of a docstring as single lines, without code and markup.

    A paragraph ends at an empty line, where the indentation decreases, and before each
    entry of a list of arguments or bullets. The bullet is dropped.
    """
    words, indent = [], 0
    for line in [*_without_code(text), ""]:
        stripped = line.strip()
        outer_indent, indent = indent, len(line) - len(line.lstrip())
        is_label = bool(_LABEL_LINE.fullmatch(stripped))
        entry = _ENTRY.match(stripped)
        if words and (not stripped or is_label or entry or indent < outer_indent):
            yield _without_markup(" ".join(words))
            words = []
        if not is_label:
            words += stripped[entry.end() if entry else 0 :].split()


def _without_markup(text):
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return text


def _is_prose(sentence):
    """Whether a line is an English sentence rather than code or a fragment."""
    letters = sum(char.isalpha() or char == " " for char in sentence)
    return (
        _SENTENCE.fullmatch(sentence) is not None
        and len(sentence.split()) >= MIN_WORDS
        and letters >= MIN_LETTERS * len(sentence)
    )
