"""The markers of tests, which follow from where a test is.

`unit` marks what trains nothing and starts no process, a marker for the inner loop:
`pytest -m unit`.
"""

from pathlib import PurePath

import pytest

# Folders and files of tests that train whole models or start processes.
NOT_UNIT = {
    "benchmarks",
    "faults",
    "runs",
    "tasks/test_finetune.py",
    "tasks/test_run_finetuning.py",
    "tasks/test_text_classifier.py",
    "tables/test_tables_runner.py",
    "test_golden.py",
    "test_installed.py",
}


def file_of(item) -> str:
    """The path of its file within the folder of the tests."""
    parts = PurePath(item.nodeid.partition("::")[0]).parts
    return "/".join(parts[1:] if parts[0] == "tests" else parts)
