"""Recognises files of unsupported kinds of tasks, to give a clear message."""

import json

from tf_pretrain.tasks.task import TaskError

SUPPORTED = (
    "expected texts, or pairs of texts, with one label each: a class or a score. For "
    "another kind of task give the folder of its files (docs/more_tasks.md)"
)
# Columns, or the keys of a whole file -> the kind of task.
_KEYS = {
    ("data", "version"): "question answering in SQuAD's form",
    ("data",): "question answering in SQuAD's form",
    ("title", "paragraphs"): "question answering in SQuAD's form",
    ("context", "question", "answers"): "question answering in SQuAD's form",
    ("article", "questions", "options"): "multiple choice in RACE's form",
    ("tokens", "ner_tags"): "a label for each word (tagging)",
    ("tokens", "tags"): "a label for each word (tagging)",
}
_CONLL_LINES = 200  # enough to recognise the format


def check_columns(path, columns):
    """Refuses JSON of another kind of task by its keys.

    Raises:
        TaskError: It names the kind, and what is supported.
    """
    for keys, kind in _KEYS.items():
        if set(keys) <= set(columns):
            _refuse(path, kind)


def check_lines(path, content):
    """Refuses CoNLL files: a word and its tags a line, blank lines between sentences.

    Raises:
        TaskError: It names the kind, and what is supported.
    """
    if is_conll(content):
        _refuse(path, "a label for each word in CoNLL's form (tagging)")


def is_conll(content) -> bool:
    """Whether a text has a word and its tags in each line, and sentences between."""
    lines = [line.strip() for line in content.split("\n", _CONLL_LINES)]
    lines = [line for line in lines[:_CONLL_LINES] if not line.startswith("-DOCSTART-")]
    text = "\n".join(lines).strip("\n")
    widths = {len(line.split()) for line in text.split("\n")} - {0}
    return text.count("\n\n") >= 2 and len(widths) == 1 and widths.pop() > 1


def check_file(path, content):
    """Refuses a JSON file, or a file of JSON lines, of another kind of task.

    Raises:
        TaskError: It names the kind, and what is supported.
    """
    for text in (content, content.partition("\n")[0]):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            check_columns(path, value)


def check_document(path, text):
    """Refuses folders of JSON files, such as RACE's, that look like folders of classes.

    Raises:
        TaskError: It says so, and what is supported.
    """
    if text.lstrip().startswith("{") and text.rstrip().endswith("}"):
        _refuse(path, "JSON, not a text; in RACE's form that is multiple choice")


def _refuse(path, kind):
    raise TaskError(f"{path} holds {kind}; {SUPPORTED}")
