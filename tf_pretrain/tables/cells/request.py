"""The request for a cell's process, and the key by which a cell is identified.

    WORKDIR/tokenizers/KEY, WORKDIR/records/KEY    made once, shared by cells
    WORKDIR/cells/KEY/request.json                 what is to be done
                      pretrain/, TASK-KEY/         workdirs of the runs
                      log.txt                      what they print
                      cell.json                    the results, written last

A cell is identified by its settings and by the names and sizes of its input files. Its
key is a hash of them. Tables that share a row therefore share its cells. This module
does not import TensorFlow.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

from tf_pretrain import config as config_lib
from tf_pretrain.config import DataConfig, FinetuneConfig, PretrainConfig
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.data import text
from tf_pretrain.errors import UserError
from tf_pretrain.tasks.glue import NAMES

# These change ELECTRA-Small's values for every task. A larger learning rate does
# better, and with half as many steps nothing can be seen (docs/log).
_LAB_FINETUNE = {
    "num_trials": 1,
    "num_evaluations": 1,
    "num_steps": 1200,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "bias_correction": True,
    "layerwise_decay": 1.0,  # shared layers cannot have different rates
    "subsets": True,
}


@dataclasses.dataclass(frozen=True)
class Setup:
    """The settings that all cells of one command share.

    Attributes:
        workdir: Folder of all results.
        scale: "lab" or "paper".
        inputs: Text, see tf_pretrain.data.text.
        vocab: Vocabulary file; None to train one for each kind and size.
        data_dir: Folder with GLUE's folders; None for tensorflow-datasets.
        tasks: GLUE names, or folders of own tasks.
        finetune: {field of FinetuneSettings: text}, which override the scale's values.
        num_workers: Processes that build records.
        backend: Keras' backend for pretraining: "tensorflow", "jax" or "torch".
        command: The command line, for the report.
    """

    workdir: str
    scale: str = "lab"
    inputs: str = "docs"
    vocab: str | None = None
    data_dir: str | None = None
    tasks: tuple[str, ...] = ()
    finetune: dict = dataclasses.field(default_factory=dict)
    num_workers: int = 1
    backend: str = "tensorflow"
    command: str = ""

    def identity(self) -> dict:
        """Names and sizes of the text's files, and the vocabulary's checksum."""
        described = [
            {**item, "name": Path(item["name"]).name}
            for item in text.describe_inputs(self.inputs)
        ]
        vocab = None
        if self.vocab is not None:
            vocab = hashlib.sha256(Path(self.vocab).read_bytes()).hexdigest()
        return {"inputs": described, "vocab": vocab}


@dataclasses.dataclass(frozen=True)
class TaskRequest:
    """A task to fine-tune on: `task` and `data_dir` as in Setup."""

    settings: FinetuneConfig
    task: str
    data_dir: str | None


@dataclasses.dataclass(frozen=True)
class RecordsRequest:
    """Records of one example format: folders of their tokenizer and their shards."""

    tokenizer: str
    records: str
    data: DataConfig


@dataclasses.dataclass(frozen=True)
class Request:
    """All that the process of a cell needs, in the form of `request.json`.

    Attributes:
        key: The cell's key.
        config: The pretraining config, with the cell's seed.
        data: {example format: its records}.
        intrinsic: Example formats to score the model on.
        tasks: {TASK-KEY: what to fine-tune}.
        workdir, inputs, vocab, num_workers, backend, command: As in Setup.
    """

    key: str
    workdir: str
    config: PretrainConfig
    inputs: str
    vocab: str | None
    data: dict[str, RecordsRequest]
    intrinsic: list[str]
    tasks: dict[str, TaskRequest]
    num_workers: int
    backend: str
    command: str


def make_request(
    setup: Setup, config: PretrainConfig, intrinsic: tuple[str, ...], identity: dict
) -> Request:
    """The request for a run with this config.

    Args:
        config: With the cell's seed.
        intrinsic: Example formats to score the model on.
        identity: `setup.identity()`, which reads the folder of the text.

    Raises:
        UserError: If a task's folder is missing, or two tasks have one name.
    """
    content = {"config": _content(config), **identity}
    if setup.backend != "tensorflow":  # other samples and another speed
        content["backend"] = setup.backend
    return Request(
        key=_hash(content)[:16],
        workdir=str(setup.workdir),
        config=config,
        inputs=setup.inputs,
        vocab=setup.vocab,
        data={
            name: _records_request(setup, _with_format(config, name), identity)
            for name in dict.fromkeys((config.data.example_format, *intrinsic))
        },
        intrinsic=list(intrinsic),
        tasks=_task_requests(setup, config),
        num_workers=setup.num_workers,
        backend=setup.backend,
        command=setup.command,
    )


def _task_requests(setup, config):
    names = [t if t in NAMES else Path(t).resolve().name for t in setup.tasks]
    if len(set(names)) < len(names):
        raise UserError(f"two of the tasks have one name: {', '.join(sorted(names))}")
    requests = {}
    for task, name in zip(setup.tasks, names, strict=True):
        settings = finetune_config(setup, task, config)
        files = _task_files(task, setup.data_dir)
        key = _hash([name, files, _differing(FinetuneConfig(), settings)])[:8]
        requests[f"{name}-{key}"] = TaskRequest(settings, task, setup.data_dir)
    return requests


def finetune_config(setup: Setup, task: str, config: PretrainConfig) -> FinetuneConfig:
    """The settings with which a task is fine-tuned after a run.

    At paper scale they are those of the run's paper, which reports medians of 10
    (ELECTRA) or 5 (ALBERT) trials. One thing differs: RTE, STS-B and MRPC start from
    pretraining, while ALBERT starts them from MNLI. At lab scale every model is
    fine-tuned in the same way, once for each pretraining seed. If a model has a pooler,
    the classifier uses it.
    """
    pooled = config.model.use_pooler
    file, num_trials = "finetune_electra.py", 10
    if setup.scale == "paper" and pooled:
        file, num_trials = "finetune_albert.py", 5
    elif setup.scale == "paper":
        hidden = config.model.hidden_size
        file += ":small" if hidden <= 256 else ":base" if hidden <= 768 else ":large"
    values = config_lib.to_dict(load_config(f"{CONFIGS}/{file}", task))
    values["seed"] = config.seed
    values["finetune"]["num_trials"] = num_trials
    if setup.scale == "lab":
        values["finetune"].update(_LAB_FINETUNE)
        if pooled:
            values["finetune"]["head"] = "pooled"
    for field, value in setup.finetune.items():
        config_lib.override(FinetuneConfig, values, f"finetune.{field}", value)
    return config_lib.from_dict(FinetuneConfig, values)


def _content(config):
    """The fields of a run's config that change its results."""
    lines = _differing(PretrainConfig(), config)
    return [line for line in lines if not line.startswith(config_lib.RUN_FIELDS)]


def _differing(defaults, config):
    """The values of a config that differ from the defaults.

    A new field with its default therefore changes no key.
    """
    return config_lib.differing_fields(
        config_lib.to_dict(defaults), config_lib.to_dict(config)
    )


def _with_format(config, example_format):
    data = dataclasses.replace(config.data, example_format=example_format)
    objective = dataclasses.replace(config.objective, sentence_objective="none")
    return dataclasses.replace(config, data=data, objective=objective)


def _records_request(setup, config, identity):
    data = config_lib.to_dict(config.data)
    del data["shuffle_buffer"]
    names = ["tokenizer", "lower_case", "strip_accents", "errors"]
    if data["encoding"] == DataConfig().encoding:
        del data["encoding"]  # a newer field, which must not change the keys
    else:
        names.append("encoding")
    pieces = {name: data[name] for name in names}
    pieces |= {"vocab_size": config.model.vocab_size, **identity}
    workdir = Path(setup.workdir)
    return RecordsRequest(
        tokenizer=str(workdir / "tokenizers" / _hash(pieces)[:16]),
        records=str(workdir / "records" / _hash(pieces | {"data": data})[:16]),
        data=config.data,
    )


def _task_files(task, data_dir):
    """Names and sizes of a task's files; nothing for tensorflow-datasets."""
    if task not in NAMES:
        folder = Path(task)
    elif data_dir is not None:
        folder = Path(data_dir) / task
    else:
        return []
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder} for the task {task}")
    return sorted((p.name, p.stat().st_size) for p in folder.glob("*") if p.is_file())


def _hash(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
