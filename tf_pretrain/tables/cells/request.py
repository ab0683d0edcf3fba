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
from pathlib import Path

from tf_pretrain import config as config_lib
from tf_pretrain.config import DataConfig, PretrainConfig
from tf_pretrain.tables.cells.fine_tuning import TaskRequest, task_requests
from tf_pretrain.tables.cells.keys import differing, hash_of
from tf_pretrain.tables.cells.setup import Setup


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
        key=hash_of(content)[:16],
        workdir=str(setup.workdir),
        config=config,
        inputs=setup.inputs,
        vocab=setup.vocab,
        data={
            name: _records_request(setup, _with_format(config, name), identity)
            for name in dict.fromkeys((config.data.example_format, *intrinsic))
        },
        intrinsic=list(intrinsic),
        tasks=task_requests(setup, config),
        num_workers=setup.num_workers,
        backend=setup.backend,
        command=setup.command,
    )


def _content(config):
    """The fields of a run's config that change its results."""
    lines = differing(PretrainConfig(), config)
    return [line for line in lines if not line.startswith(config_lib.RUN_FIELDS)]


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
        tokenizer=str(workdir / "tokenizers" / hash_of(pieces)[:16]),
        records=str(workdir / "records" / hash_of(pieces | {"data": data})[:16]),
        data=config.data,
    )
