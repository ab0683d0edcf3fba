"""The reference of all settings in Markdown, made from their declarations."""

import ast
import dataclasses
import inspect
import textwrap
import typing

from tf_pretrain.config.finetune import FinetuneConfig
from tf_pretrain.config.pretrain import PretrainConfig

_INTRODUCTION = """\
# Settings

Every field of a config, with its type, its default, what it may hold, and its meaning.
Set one in a config file, or on the command line as `--config.FIELD=VALUE`, for example
`--config.train.num_steps=100`. This page is printed by `python -m tf_pretrain.config`.
"""


def markdown() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for title, cls in (
        ("Pretraining (`run_pretraining.py`)", PretrainConfig),
        ("Fine-tuning (`run_finetuning.py`)", FinetuneConfig),
    ):
        parts.append(f"## {title}\n")
        hints: dict[str, type] = typing.get_type_hints(cls)
        sections: dict[str, type] = {
            n: h for n, h in hints.items() if dataclasses.is_dataclass(h)
        }
        parts.append(_table(cls, "", set(hints) - set(sections)))
        for name, section in sections.items():
            parts.append(f"### `{name}`: {section.__name__}\n")
            parts.append(f"{inspect.getdoc(section)}\n")
            parts.append(
                _table(section, f"{name}.", set(typing.get_type_hints(section)))
            )
    return "\n".join(parts)


def _table(cls, prefix, names):
    hints, comments = typing.get_type_hints(cls), _comments(cls)
    lines = ["| field | type | default | may hold | meaning |", "|---|---|---|---|---|"]
    for field in dataclasses.fields(cls):
        if field.name not in names:
            continue
        choices = typing.get_args(hints[field.name])
        bounds = field.metadata.get("bounds")
        allowed = ", ".join(f"`{choice}`" for choice in choices)
        cells = (
            f"`{prefix}{field.name}`",
            "str" if choices else hints[field.name].__name__,
            f"`{field.default}`",
            allowed or (bounds.description if bounds else ""),
            comments.get(field.name, ""),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _comments(cls) -> dict[str, str]:
    """{field: comment} of a dataclass and its bases; a later comment wins.

    The comment of a field stands above it, or at the end of its line.
    """
    found = {}
    for owner in reversed(cls.__mro__[:-1]):
        source = textwrap.dedent(inspect.getsource(owner))
        lines = source.splitlines()
        (definition,) = ast.parse(source).body
        assert isinstance(definition, ast.ClassDef)
        for node in definition.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                comment = _comment(lines, node)
                if comment:
                    found[node.target.id] = comment[0].upper() + comment[1:]
    return found


def _comment(lines, node):
    last = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
    above = []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.strip().startswith("#"):
            break
        above.insert(0, line)
    return " ".join(line.strip().lstrip("# ") for line in [*above, last]).strip()
