"""What `Trainer.run` does on JAX or PyTorch: step_checks.py OUTPUT CHECK ...

Keras has one backend in a process, so the tests of these train steps compute in
another; KERAS_BACKEND must be set. OUTPUT is a JSON file with what each CHECK, a
function here, returned; test_jax_step.py judges it.
"""

import dataclasses
import functools
import itertools
import json
import sys
import unittest.mock
from pathlib import Path

import keras
import numpy as np
from keras import ops

from support.tiny import random_features, tiny_config, with_dropout
from tf_pretrain.errors import ConfigError
from tf_pretrain.runs.data import Sources
from tf_pretrain.runs.pretrain import pretrain
from tf_pretrain.training import numerics
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.checkpoints import weights_sha256
from tf_pretrain.training.step import step_logs
from tf_pretrain.training.strategy import build_strategy

# Steps 3 to 16: with five a dispatch, single ones before 5 and after 15.
START, END, A_DISPATCH, BAD_STEP, SYNCED = 3, 17, 5, 11, 6
ELECTRA = with_dropout(tiny_config(model={"num_hidden_layers": 1}))
LAMB = tiny_config(
    "masked_lm",
    "sentence_order",
    model={"num_hidden_layers": 1},
    train={"optimizer": "lamb", "learning_rate": 0.02},
)


class Record(keras.callbacks.Callback):
    """Keeps the logs, and the weights after some batches."""

    def __init__(self, synced=()):
        super().__init__()
        self.synced, self.batches, self.logs, self.weights = synced, [], [], {}

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(batch)
        self.logs.append({n: v.tolist() for n, v in step_logs(logs).items()})
        if batch in self.synced:
            behind = weights_sha256(self.model)
            self.model.sync()
            self.weights[batch] = {
                "behind": behind,
                "sha256": weights_sha256(self.model),
                "values": _weights(self.model),
            }

    def report(self):
        return {"batches": self.batches, "logs": self.logs, "weights": self.weights}


def _new_trainer(config, strategy="one"):
    jit = keras.backend.backend() == "jax"
    train = dataclasses.replace(config.train, jit_compile=jit, num_steps=20)
    config = dataclasses.replace(config, train=train)
    return build_trainer(config, build_strategy(strategy))


@functools.cache
def _first_trainer():
    trainer = _new_trainer(ELECTRA)
    variables = [*trainer.variables, *trainer.optimizer.variables]
    return trainer, [(v, np.array(ops.convert_to_numpy(v.value))) for v in variables]


def _trainer(steps_per_dispatch=1):
    """Always the same one, which compiles once, back at its first weights."""
    trainer, initial = _first_trainer()
    for variable, value in initial:
        variable.assign(value)
    trainer.steps_per_dispatch = steps_per_dispatch
    return trainer


def _batches(config, start=START, end=END, bad=()):
    """Random batches of steps; the weights of bad ones are nan."""
    for step in range(start, end):
        features = random_features(config, step)
        if step in bad:
            features["masked_lm_weights"] = features["masked_lm_weights"] * np.nan
        yield features


def _weights(trainer):
    return {
        v.path: ops.convert_to_numpy(v.value).tolist()
        for v in trainer.trainable_variables
    }


def _run(trainer, config, synced=(), **which):
    record = Record(synced)
    trainer.run(_batches(config, **which), START, END, [record])
    return record.report()


def one_by_one():
    """A batch with nan weights among good ones."""
    trainer = _trainer()
    last_good = BAD_STEP - START - 1
    synced = (SYNCED, last_good, last_good + 1)
    report = _run(trainer, ELECTRA, synced, bad=[BAD_STEP])
    return report | {"end": _weights(trainer)}


def five_a_dispatch():
    """The same steps; then errors of batches and of the numerics."""
    trainer = _trainer(A_DISPATCH)
    report = _run(trainer, ELECTRA, (SYNCED,), bad=[BAD_STEP])
    return report | {"end": _weights(trainer)}


def failing_batches():
    """The error of the fifth batch; steps of the four before it are kept."""
    trainer, record = _trainer(), Record([3])

    def batches():
        yield from _batches(ELECTRA, end=START + 4)
        raise RuntimeError("the disk is gone")

    error = None
    try:
        trainer.run(batches(), START, END, [record])
    except RuntimeError as caught:
        error = str(caught)
    return record.report() | {"error": error, "sha256": weights_sha256(trainer)}


def too_few_batches():
    trainer = _trainer()
    try:
        trainer.run(_batches(ELECTRA, end=START + 2), START, END)
    except Exception as caught:
        return str(caught)
    return None


def lasting_faults():
    """From step 12 on nothing is finite; three such steps are one too many."""
    trainer = _trainer(A_DISPATCH if keras.backend.backend() == "jax" else 1)
    stop = numerics.StopWhenNonFinite(START, 3)
    batches = _batches(ELECTRA, bad=range(11, END))
    try:
        trainer.run(batches, START, END, [stop])
    except numerics.NumericsError as error:
        return {"message": str(error), "first_step": error.first_step}


def refusals():
    """What a run says for each setting that the backend has not, and its folder."""
    messages = []
    two_stage = {"generator_training": "two_stage", "generator_steps": 2}
    two_stage |= {"generator_hidden_size": 1.0, "weight_tying": "none"}
    refused = [
        ("train", {"mixed_precision": "float16"}),
        ("train", {"accumulation_steps": 2}),
        ("objective", two_stage),
        ("train", {"strategy": "multi_worker"}),
        ("train", {"strategy": "tpu"}),
    ]
    if keras.backend.backend() == "torch":
        refused.append(("train", {"strategy": "mirrored"}))
    for section, fields in refused:
        changed = dataclasses.replace(getattr(ELECTRA, section), **fields)
        config = dataclasses.replace(ELECTRA, **{section: changed})
        try:
            pretrain(config, "never", Sources(records="never/*.tfrecord"))
        except ConfigError as error:
            messages.append(str(error))
    return [*messages, Path("never").exists()]


def stacked():
    """{optimizer: weights of a run [not stacked, stacked], number of groups}."""
    import jax

    from tf_pretrain.training.jax_step import JaxStep

    groups, found = JaxStep._groups, {}

    def as_on_an_accelerator(self):
        with unittest.mock.patch.object(jax, "default_backend", lambda: "gpu"):
            return groups(self)

    for config in (ELECTRA, LAMB):
        runs = []
        for function in (groups, as_on_an_accelerator):
            with unittest.mock.patch.object(JaxStep, "_groups", function):
                is_compiled = config is ELECTRA and function is groups
                trainer = _trainer() if is_compiled else _new_trainer(config)
                _run(trainer, config)
                count = len(trainer._groups())
            runs.append({"groups": count, "weights": _weights(trainer)})
        found[config.train.optimizer] = runs
    return found


def without_random_numbers():
    """One batch of a user's own, again and again, in two equal runs."""
    features = random_features(ELECTRA)
    del features["sampling_uniform"], features["dropout_seed"]
    runs = []
    for _ in range(2):
        trainer, record = _trainer(), Record()
        trainer.run(itertools.repeat(features), 0, 5, [record])
        runs.append([logs["fake_rate"][0] for logs in record.logs])
        runs[-1] += [logs["loss"][0] for logs in record.logs]
    return runs


def first_nonfinite():
    """Where nan comes up, by name: a layer, a feature, a weight."""
    network = _new_trainer(LAMB).network
    features = random_features(LAMB)
    found = [numerics.first_nonfinite(network, features)]
    kernel = next(
        v
        for v in network.encoder.trainable_variables
        if "feed_forward_0" in v.path and v.path.endswith("kernel")
    )
    value = ops.copy(kernel.value)
    kernel.assign(ops.full(kernel.shape, 3e38))
    found.append(numerics.first_nonfinite(network, features))
    kernel.assign(value)
    found.append(numerics.first_nonfinite(network, next(_batches(LAMB, bad=[3]))))
    kernel.assign(ops.full(kernel.shape, np.inf))
    found.append(numerics.first_nonfinite(network, features))
    return [*found, kernel.path]


def two_devices():
    """The steps of `one_by_one`; the devices are those of XLA_FLAGS."""
    trainer = _new_trainer(ELECTRA, "mirrored")
    report = _run(trainer, ELECTRA, bad=[BAD_STEP])
    values = [v.value for v in trainer.trainable_variables]
    devices = max(len(value.sharding.device_set) for value in values)
    return report | {"devices": devices, "end": _weights(trainer)}


def main(output, *checks):
    results = {check: globals()[check]() for check in checks}
    Path(output).write_text(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
