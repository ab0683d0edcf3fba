"""The tasks of a cell: how each is fine-tuned, its key, and its data.

A task is one of GLUE, one of the papers' other tasks (`kinds.OFFICIAL`), or a folder of
the user's own. This module does not import TensorFlow, except to load a task.
"""

import dataclasses
from pathlib import Path

from tf_pretrain import config as config_lib
from tf_pretrain.config import FinetuneConfig, PretrainConfig
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.errors import UserError
from tf_pretrain.tables.cells.keys import differing, hash_of
from tf_pretrain.tables.cells.setup import Setup
from tf_pretrain.tasks import kinds
from tf_pretrain.tasks.glue import NAMES

# These change ELECTRA-Small's values for every task. A larger learning rate does
# better, and with half as many steps nothing can be seen (docs/log).
_LAB_FINETUNE = {
    "num_evaluations": 1,
    "num_steps": 1200,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "bias_correction": True,
    "layerwise_decay": 1.0,  # shared layers cannot have different rates
    "subsets": True,
}


@dataclasses.dataclass(frozen=True)
class TaskRequest:
    """A task to fine-tune on.

    Attributes:
        settings: How.
        task, data_dir: As in Setup.
        kind: As `kinds.find_kind` names it.
    """

    settings: FinetuneConfig
    task: str
    data_dir: str | None
    kind: str = "texts"


def task_requests(setup: Setup, config: PretrainConfig) -> dict[str, TaskRequest]:
    """{TASK-KEY: request} for a run with this config.

    Raises:
        UserError: If a task's folder is missing, or two tasks have one name.
    """
    names = [_name(task) for task in setup.tasks]
    if len(set(names)) < len(names):
        raise UserError(f"two of the tasks have one name: {', '.join(sorted(names))}")
    requests = {}
    for task, name in zip(setup.tasks, names, strict=True):
        kind, files = _kind(task), _files(task, setup.data_dir)
        settings = finetune_config(setup, task, config)
        key = hash_of([name, files, differing(FinetuneConfig(), settings)])[:8]
        requests[f"{name}-{key}"] = TaskRequest(settings, task, setup.data_dir, kind)
    return requests


def finetune_config(setup: Setup, task: str, config: PretrainConfig) -> FinetuneConfig:
    """The settings with which a task is fine-tuned after a run.

    At paper scale they are those of the run's paper, which reports medians of 10
    (ELECTRA) or 5 (ALBERT) trials. One thing differs: RTE, STS-B and MRPC start from
    pretraining, while ALBERT starts them from MNLI. At lab scale every model is
    fine-tuned in the same way, once for each pretraining seed. Only the head is that of
    the family: a model with a pooler has ALBERT's heads, any other has ELECTRA's.
    """
    is_lab, is_albert, kind = setup.scale == "lab", config.model.use_pooler, _kind(task)
    file, num_trials = _recipe(config, setup.scale)
    values = config_lib.to_dict(load_config(f"{CONFIGS}/{file}", task))
    values["seed"] = config.seed
    finetune, questions = values["finetune"], values["questions"]
    finetune["num_trials"] = num_trials
    if is_lab:
        finetune.update(_LAB_FINETUNE)
    if is_lab and is_albert:
        finetune["head"] = "pooled"
        if kind == "questions":
            albert = load_config(f"{CONFIGS}/finetune_albert.py", task)
            questions.update(config_lib.to_dict(albert)["questions"])
    # Some encoders are pretrained on shorter texts than the task's.
    positions = config.model.max_position_embeddings
    finetune["max_seq_length"] = min(finetune["max_seq_length"], positions)
    for field, value in setup.finetune.items():
        config_lib.override(FinetuneConfig, values, f"finetune.{field}", value)
    if kind == "choices":  # half of a short input is left for the article
        half = finetune["max_seq_length"] // 2
        questions["max_choice_length"] = min(questions["max_choice_length"], half)
    return config_lib.from_dict(FinetuneConfig, values)


def _recipe(config, scale):
    """The config file, and the number of trials."""
    if scale == "lab":
        return "finetune_electra.py", 1
    if config.model.use_pooler:
        return "finetune_albert.py", 5
    hidden = config.model.hidden_size
    size = "small" if hidden <= 256 else "base" if hidden <= 768 else "large"
    return f"finetune_electra.py:{size}", 10


def load(request: TaskRequest):
    """The task of a request, without the splits that have no labels.

    Predictions for these are for leaderboards, and take their time.
    """
    from tf_pretrain.tasks.columns import Columns
    from tf_pretrain.tasks.loading import load_task

    # As a path, a folder is never taken for a task that has its name.
    name, folder = request.task, request.data_dir
    if name in kinds.OFFICIAL:
        folder = Path(request.data_dir) / name
    elif name not in NAMES:
        name = Path(name)
    subsets = request.settings.finetune.subsets
    task = load_task(name, folder, Columns(), subsets=subsets)
    kept = ("train", *task.scored_splits)
    return dataclasses.replace(task, splits={n: task.splits[n] for n in kept})


def _name(task):
    is_named = task in NAMES or task in kinds.OFFICIAL
    return task if is_named else Path(task).resolve().name


def _kind(task):
    if task in NAMES:
        return "texts"
    return kinds.OFFICIAL.get(task) or kinds.find_kind(task)


def _files(task, data_dir):
    """Names and sizes of a task's files; nothing for tensorflow-datasets."""
    if task not in NAMES and task not in kinds.OFFICIAL:
        folder = Path(task)
    elif data_dir is not None:
        folder = Path(data_dir) / task
    elif task in NAMES:
        return []
    else:
        raise UserError(
            f"--tasks={task} needs --data_dir, a folder that holds a folder {task} "
            "with the official files"
        )
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder} for the task {task}")
    # RACE's files lie in folders for each split and level.
    found = folder.rglob("*") if _kind(task) == "choices" else folder.glob("*")
    return sorted(
        (str(path.relative_to(folder)), path.stat().st_size)
        for path in found
        if path.is_file()
    )
