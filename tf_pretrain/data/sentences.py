"""Splits the lines of text into sentences, so that records can have one in each line.

The rules and the lists of abbreviations are those of `sentencex` (Wikimedia), an
optional library. Files are split one by one. Each is written completely or not at all.
"""

import collections
import concurrent.futures
import glob
import importlib.metadata
import json
import multiprocessing
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tf_pretrain import atomic_files, config
from tf_pretrain.data import text, text_files
from tf_pretrain.data.progress import print_line
from tf_pretrain.errors import ConfigError, UserError

PLAN = "sentences.json"
# sentencex treats a digit after these as the rest of a number, as after a full stop.
_BEFORE_DIGIT = re.compile(r"(?<=[。！？])(?=\d)")


class SentenceError(UserError, RuntimeError):
    """Text that cannot be split. Finished files are kept."""


def split_sentences(
    inputs: str | list[str],
    output_folder: str | os.PathLike,
    language: str,
    encoding: str = "utf-8",
    errors: str = "strict",
    num_workers: int = 1,
    progress: Callable[[str], None] | None = print_line,
) -> dict[str, int]:
    """Writes a file with one sentence in each line for each file of text.

    Lines of the text are treated as paragraphs, so a sentence never crosses the end of
    a line. Empty lines between documents are kept. If a call was killed, the same call
    finishes its work.

    Args:
        inputs: See `text.iter_documents`.
        output_folder: Created if it is missing.
        language: ISO 639 code of two or three letters.
        encoding: The encoding of files from which it cannot be detected. The output is
            UTF-8.
        errors: "strict", or "replace" to read invalid bytes as U+FFFD.
        num_workers: Processes. Each splits one file at a time.
        progress: Called with a line for each file; None for silence.

    Returns:
        Numbers of `files`, `documents`, `lines` (of the text) and `sentences` that this
        call wrote.

    Raises:
        ConfigError: If the language is not a code, or the folder holds other files.
        text.TextError: If an input cannot be read.
        SentenceError: If sentencex is not installed or a worker process died.
        OSError: If a file cannot be written.
    """
    folder, progress = Path(output_folder), progress or (lambda line: None)
    if not re.fullmatch("[a-z]{2,3}", language):
        raise ConfigError(
            f"language is {language!r}; expected an ISO 639 code of two or three small "
            "letters, such as en, de or zh"
        )
    described = text.describe_inputs(inputs, encoding)
    plan = {
        "inputs": described,
        "language": language,
        "encoding": encoding,
        "errors": errors,
        "splitter": f"sentencex {_version()}",
    }
    outputs = _output_names([item["name"] for item in described])
    _begin(folder, plan, outputs.values())
    tasks = [
        (name, folder / output, language, encoding, errors)
        for name, output in outputs.items()
        if not (folder / output).exists()
    ]
    if len(tasks) < len(outputs):
        progress(f"{len(outputs) - len(tasks)} files found finished")
    counts = collections.Counter(files=0, documents=0, lines=0, sentences=0)
    for task, found in zip(tasks, _run(tasks, num_workers), strict=True):
        counts.update(found)
        progress(f"{task[1]}: {found['lines']} lines, {found['sentences']} sentences")
    return dict(counts)


def sentences(line: str, language: str) -> Iterator[str]:
    """The sentences of a paragraph, without white space at their ends."""
    import sentencex  # optional

    for part in sentencex.segment(language, line):
        yield from filter(None, map(str.strip, _BEFORE_DIGIT.split(part)))


def _version():
    try:
        return importlib.metadata.version("sentencex")
    except importlib.metadata.PackageNotFoundError:
        raise SentenceError(
            "splitting sentences needs sentencex: pip install 'tf_pretrain[sentences]'"
        ) from None


def _output_names(names):
    """{input: file name}; files of several folders get what differs in their paths."""
    files = [name for name in names if Path(name).is_file()]
    folders = [str(Path(name).absolute().parent) for name in files]
    root = os.path.commonpath(folders) if folders else "."
    outputs = {}
    for name in names:
        short = os.path.relpath(name, root) if name in files else name
        for suffix in (*text_files.PACKED_SUFFIXES, ".txt"):
            short = short.removesuffix(suffix)
        outputs[name] = re.sub(r"[/\\:]", "-", short) + ".txt"
    for output, number in collections.Counter(outputs.values()).items():
        if number > 1:
            same = [name for name in names if outputs[name] == output]
            raise ConfigError(
                f"{' and '.join(same[:2])} would both become {output}; split them "
                "into different folders"
            )
    return outputs


def _begin(folder, plan, outputs):
    """Writes the plan, or compares it with the plan of existing files."""
    path = folder / PLAN
    written = [folder / output for output in outputs if (folder / output).exists()]
    if written and not path.exists():
        raise ConfigError(
            f"{written[0]} exists and would be overwritten; use another folder for "
            "--output"
        )
    if written:
        found = json.loads(path.read_text(encoding="utf-8"))
        differences = config.differing_fields(_comparable(found), _comparable(plan))
        if differences:
            raise ConfigError(
                f"{folder} holds sentences of another call; use another folder or "
                "delete it. What differs:\n  " + "\n  ".join(differences)
            )
    folder.mkdir(parents=True, exist_ok=True)
    atomic_files.write_json(path, plan)


def _comparable(plan):
    inputs = {str(i): item for i, item in enumerate(plan["inputs"])}
    return plan | {"inputs": inputs}


def _run(tasks, num_workers):
    """Yields the counts of each task, in order."""
    if num_workers == 1 or len(tasks) == 1:
        yield from map(_split_file, tasks)
        return
    spawn = multiprocessing.get_context("spawn")
    executor = concurrent.futures.ProcessPoolExecutor(num_workers, spawn)
    try:
        yield from executor.map(_split_file, tasks)
    except concurrent.futures.process.BrokenProcessPool as error:
        raise SentenceError(
            "a worker process died (killed, or out of memory?); finished files are "
            "kept, and the same command continues"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _split_file(task):
    """Writes the sentences of one input; returns its counts."""
    name, output, language, encoding, errors = task
    source = glob.escape(name) if Path(name).is_file() else name
    counts = collections.Counter(files=1)
    with (
        atomic_files.replacing(output) as temporary,
        open(temporary, "w", encoding="utf-8", newline="\n") as file,
    ):
        for document in text.iter_documents([source], errors, encoding):
            if counts["documents"]:
                file.write("\n")
            for line in document:
                for sentence in sentences(line, language):
                    file.write(sentence + "\n")
                    counts["sentences"] += 1
            counts.update(documents=1, lines=len(document))
    return counts
