"""A pretraining run: from text or records to a trained encoder in a workdir."""

import time
from pathlib import Path

from tf_pretrain.config import PretrainConfig
from tf_pretrain.data import record_sets
from tf_pretrain.runs.data import Sources, prepare_data
from tf_pretrain.runs.initial import DECIDED_DATA_FIELDS, InitialWeights
from tf_pretrain.runs.run import GoBack, Run
from tf_pretrain.runs.workdir import claim_workdir
from tf_pretrain.training.building import check_backend
from tf_pretrain.training.strategy import (
    build_strategy,
    is_chief,
    naming_lost_workers,
)


def pretrain(
    config: PretrainConfig,
    workdir,
    sources: Sources,
    initial: InitialWeights | None = None,
    extra_callbacks=(),
) -> dict:
    """Trains the encoder that `config` describes, or continues where it stopped.

    It runs on the Keras backend that KERAS_BACKEND names. At SIGTERM it writes a
    checkpoint at the end of the step and exits with code 143.

    Args:
        workdir: Folder for everything that is kept.
        initial: Trained weights to start from. They decide sizes, objective and, unless
            `sources` names one, the vocabulary.
        extra_callbacks: Keras callbacks that are told of the steps too; on JAX as
            JaxStep.run says.

    Returns:
        What `results.json` holds.

    Raises:
        ConfigError: If the workdir belongs to another config, data and config do not
            fit, or the backend cannot do what the config says.
        InterchangeError: If the initial weights cannot be read, or do not fit.
        NumericsError: If losses or gradients are not finite for
            `train.max_skipped_steps` steps in a row, and are not either from the last
            checkpoint on with other batches.
        RecordError: If a record cannot be used; see `train.bad_records`.
        WorkerError: If another worker of the run is gone.
    """
    began = time.perf_counter()
    workdir = Path(workdir)
    strategy = build_strategy(config.train.strategy)
    if initial is not None:
        config, sources = initial.resolve(config, sources)
        print(initial.pretrained.report(), flush=True)
        initial.check(config)
    check_backend(config)
    if is_chief(strategy):
        claim_workdir(config, workdir, DECIDED_DATA_FIELDS if initial else ())
    data = prepare_data(config, workdir, sources)
    with (
        naming_lost_workers(strategy),
        record_sets.naming_bad_records(
            data.record_sets, config.data, data.tokenizer.vocab_size
        ),
    ):
        run = Run(config, workdir, data, strategy, began, extra_callbacks)
        try:
            return run.finish(initial)
        except GoBack as failure:
            print(f"{failure}; going back to the last good checkpoint", flush=True)
        # The checkpoint knows the time up to it.
        began = time.perf_counter()
        run = Run(config, workdir, data, strategy, began, extra_callbacks, 1)
        return run.finish(initial)
