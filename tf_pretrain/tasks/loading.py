"""Loads a task of any kind by its name or path."""

from tf_pretrain.errors import UserError
from tf_pretrain.tasks import docs_task, glue, kinds, own_task
from tf_pretrain.tasks.columns import Columns
from tf_pretrain.tasks.multiple_choice import task as choice_task
from tf_pretrain.tasks.question_answering import task as question_task
from tf_pretrain.tasks.tagging import task as tagging_task

NAMES = (*glue.NAMES, "docs", *kinds.OFFICIAL)


def load_task(name, data_dir, wanted: Columns, encoding="utf-8", seed=0, subsets=False):
    """Loads a task.

    Args:
        name: One of NAMES, or the path of a user's folder or file.
        data_dir: Folder with the official files of a named task.
        wanted: Columns of the user's files.
        encoding: Encoding of the user's files.
        seed: Seed for choosing the dev set, if there is none.
        subsets: See `FinetuneSettings.subsets`.

    Raises:
        UserError: If files are missing or cannot be used; the message names them.
    """
    if name == "docs":
        return docs_task.load()
    if name in glue.NAMES:
        return glue.load(name, data_dir, subsets)
    if name in question_task.NAMES:
        return question_task.load(name, data_dir)
    if name == "RACE":
        return choice_task.load(data_dir)
    if name == "chunk":
        return tagging_task.load(data_dir, seed=seed)
    kind = kinds.find_kind(name)
    if kind == "questions":
        return question_task.load_folder(name)
    if kind == "choices":
        return choice_task.load_folder(name)
    if kind == "tags":
        word = _number(wanted.text, "--text_column") or 1
        tag = _number(wanted.label, "--label_column")
        return tagging_task.load_folder(name, word, tag, seed)
    return own_task.load(name, wanted, encoding, seed)


def _number(column, flag):
    """The number of a column in a file without a header."""
    if column is None:
        return None
    if not str(column).isdecimal() or int(column) == 0:
        raise UserError(
            f"{flag} is {column!r}; columns of files in CoNLL's form have no names: "
            "give a number from 1"
        )
    return int(column)
