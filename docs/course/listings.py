"""Figures 13 to 15: listings of examples/; and the tables that explain them."""

import difflib
import re
from pathlib import Path

from docs.course import example_code
from docs.course.captions import LANGUAGES
from docs.course.code_words import LABELS, NOTES, PAIRS
from docs.course.printed import NONE
from tf_pretrain.tables.report import markdown

_ROOT = "../../"  # of the repository, from a page
_BACKENDS = Path(__file__).parents[1] / "backends.md"


def f13(language: str) -> str:
    """ELECTRA in TensorFlow."""
    return _listing("electra_tensorflow", language)


def f14(language: str) -> str:
    """ELECTRA in PyTorch."""
    return _listing("electra_pytorch", language)


def f15(language: str) -> str:
    """ALBERT in TensorFlow and, folded, in PyTorch."""
    folded = markdown.folded(
        _label("in_pytorch", language), _listing("albert_pytorch", language)
    )
    return markdown.joined([_listing("albert_tensorflow", language), folded])


def t13(language: str) -> str:
    """The lines of both frameworks side by side."""
    rows = []
    for *names, tensorflow, pytorch in PAIRS:
        fragments = {"electra_tensorflow": tensorflow, "electra_pytorch": pytorch}
        rows.append(
            [_in(language, names), *(_quoted(*item) for item in fragments.items())]
        )
    header = [_label("step", language), "TensorFlow", "PyTorch"]
    masked_lm, replaced_token = example_code.first_losses("electra")
    note = _label("equal_note", language).format(
        masked_lm=masked_lm, replaced_token=replaced_token
    )
    return markdown.joined([_text_table(header, rows), note])


def t15(language: str) -> str:
    """Every callout of the listings, explained."""
    blocks = []
    for letter, model in zip("AB", NOTES, strict=True):
        files = {name: f"{model}_{name}" for name in ("tensorflow", "pytorch")}
        links = {name: _link(f"examples/{file}.py") for name, file in files.items()}
        blocks += [
            f"**{letter}. {_label(f'{model}_part', language)}**",
            _callout_table(model, files, language),
            _label("line_note", language).format(**links),
        ]
    return markdown.joined(blocks)


def library(language: str) -> str:
    """The same training with the package, and which lines PyTorch changes."""
    tensorflow, pytorch = (library_code(n).splitlines() for n in LIBRARY)
    changes = [
        line
        for line in difflib.ndiff(tensorflow, pytorch)
        if line.startswith(("- ", "+ ")) and line[2:].strip()
    ]
    return markdown.joined(
        [
            "\n".join(["```python", *tensorflow, "```"]),
            _label("library_changes", language),
            "\n".join(["```diff", *changes, "```"]),
        ]
    )


LIBRARY = ("TensorFlow", "PyTorch")


def library_code(framework: str) -> str:
    """The training of docs/backends.md, one of LIBRARY, up to its second evaluation."""
    section = _BACKENDS.read_text(encoding="utf-8").split(f"\n## {framework}\n")[1]
    code = re.search(r"```python\n(.*?)```", section, flags=re.S)[1]
    last = code.rindex("print(pretrainer.evaluate")
    code = code[: code.index("\n", last)]
    return re.sub(r"^import (?:numpy as np|torch)\n", "", code, flags=re.M)  # unused


def _callout_table(model, files, language):
    tensorflow, pytorch = (example_code.callouts(file) for file in files.values())
    rows = []
    for number, note in NOTES[model].items():
        rows.append(
            [
                f"({number})",
                f"{tensorflow[number].number}, {pytorch[number].number}",
                f"`{tensorflow[number].code}`",
                _in(language, note),
                note.source,
                _link(note.module, note.name),
            ]
        )
    names = ("callout", "lines", "code", "meaning", "source", "project")
    return _text_table([_label(name, language) for name in names], rows)


def _listing(name, language):
    """The regions of a file, and a link to the whole."""
    code = "\n\n\n".join(example_code.regions(name).values())
    link = _link(f"examples/{name}.py")
    separator = _in(language, (": ", "："))
    whole = f"{_label('complete', language)}{separator}{link}"
    return markdown.joined([f"```python\n{code}\n```", whole])


def _quoted(name, fragment):
    if fragment is None:
        return NONE
    return f"`{example_code.line(name, fragment).code}`"


def _text_table(header, rows):
    return markdown.table(header, rows).replace("---:", "---")


def _link(path, name=None):
    return f"[`{name or path}`]({_ROOT}{path})"


def _label(name, language):
    return _in(language, LABELS[name])


def _in(language, texts):
    return texts[LANGUAGES.index(language)]
