"""Runs that do not trace what an earlier one traced.

Tracing a train step takes longer than the steps of a tiny run. Where the trace is not
the subject, a run gets the trainer of an earlier run of the same config, with the
weights and slots that it began with.
"""

import contextlib

import keras
import pytest

from tf_pretrain.runs import run
from tf_pretrain.training import evaluation
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.compiling import compiled


class _Trainers:
    """Stands in for `build_trainer`."""

    def __init__(self):
        self._built = {}  # {(config, strategy): (trainer, its first values)}

    def __call__(self, config, strategy):
        if (config, strategy) not in self._built:
            trainer = build_trainer(config, strategy)
            variables = [*trainer.variables, *trainer.optimizer.variables]
            first = [(v, keras.ops.convert_to_numpy(v)) for v in variables]
            self._built[config, strategy] = trainer, first
        trainer, first = self._built[config, strategy]
        keras.utils.set_random_seed(config.seed)
        for variable, value in first:
            variable.assign(value)
        trainer.stop_training = False
        return trainer


class _Functions:
    """Stands in for `compiled`, whose functions see the weights of the moment."""

    def __init__(self):
        self._compiled = {}

    def __call__(self, network, function, jit_compile=True):
        key = network, function.__name__, jit_compile
        if key not in self._compiled:
            self._compiled[key] = compiled(network, function, jit_compile)
        return self._compiled[key]


@contextlib.contextmanager
def once():
    """Until its end, `pretrain` traces each config once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "build_trainer", _Trainers())
        patch.setattr(evaluation, "compiled", _Functions())
        yield
