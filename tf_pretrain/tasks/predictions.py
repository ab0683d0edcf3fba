"""Files of predictions in the layout of the GLUE leaderboard."""

from pathlib import Path

import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain.tasks.task import Task


def write(folder, task: Task, predictions: dict[str, np.ndarray]) -> dict[str, Path]:
    """Writes a TSV with `index` (row in the file, from 0) and `prediction` a split.

    Labels are written as in the task's files. Scores of a labelled split are written
    with all digits, so that the score of the file is that of the trial. STS-B's scores
    for the leaderboard are clipped to its range, 0 to 5.

    Returns:
        {split: path}.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for split, values in predictions.items():
        is_labelled = task.splits[split].labels is not None
        name = split if is_labelled else task.submission_names.get(split, split)
        if task.is_regression:
            if not is_labelled and task.name == "STS-B":
                values = np.clip(values, 0.0, task.target_scale)
            texts = [f"{value:.9g}" for value in values]
        else:
            texts = [task.label_texts[value] for value in values]
        lines = [f"{index}\t{text}\n" for index, text in enumerate(texts)]
        paths[split] = folder / f"{name}.tsv"
        with atomic_files.replacing(paths[split]) as temporary:
            temporary.write_text(
                "index\tprediction\n" + "".join(lines), encoding="utf-8", newline="\n"
            )
    return paths


def read(path, task: Task) -> np.ndarray:
    """Reads what `write` wrote: int [N] classes or float [N] scores."""
    lines = Path(path).read_text(encoding="utf-8").split("\n")[1:-1]
    texts = [line.split("\t")[1] for line in lines]
    if task.is_regression:
        return np.array(texts, np.float32)
    numbers = {text: number for number, text in enumerate(task.label_texts)}
    return np.array([numbers[text] for text in texts])
