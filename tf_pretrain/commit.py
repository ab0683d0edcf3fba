"""The commit of the code that runs, for records of results."""

import subprocess
from pathlib import Path


def current() -> str | None:
    """Its short hash, with "+" if files differ from it; None outside git."""
    repository = Path(__file__).parents[1]

    def git(*arguments):
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None
