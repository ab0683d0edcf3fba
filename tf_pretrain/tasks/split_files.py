"""Finds the training, dev and test file of a folder, by the beginnings of names."""

from pathlib import Path

from tf_pretrain.tasks.task import TaskError

SPLITS = {
    "train": ("train",),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test",),
}


def find_split_files(folder, suffixes) -> dict[str, Path]:
    """{split: file} of the splits that exist.

    Args:
        folder: The folder that holds the files.
        suffixes: Accepted endings, such as ".json"; ".gz" may follow.

    Raises:
        TaskError: If two files could be one split, or there is no training file.
    """
    folder = Path(folder)
    files = [p for p in sorted(folder.iterdir()) if _has_suffix(p.name, suffixes)]
    found = {}
    for split, names in SPLITS.items():
        matching = [p for p in files if p.name.lower().startswith(names)]
        if len(matching) > 1:
            shown = ", ".join(path.name for path in matching)
            raise TaskError(f"{folder} has several files for {split}: {shown}")
        if matching:
            found[split] = matching[0]
    if "train" not in found:
        raise TaskError(
            f"{folder} has no training file; expected a name that begins with train "
            f"and ends in {', '.join(suffixes)}"
        )
    return found


def _has_suffix(name, suffixes):
    return name.lower().removesuffix(".gz").endswith(tuple(suffixes))
