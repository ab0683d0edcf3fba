"""Folders of the repository that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
TESTS = ROOT / "tests"
SUPPORT = TESTS / "support"
VOCABULARIES = TESTS / "golden" / "vocab"

# For a process that imports this package and the tests' helpers.
PYTHONPATH = f"{ROOT}:{TESTS}"
