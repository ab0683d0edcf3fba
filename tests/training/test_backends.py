"""One source on three backends: TensorFlow, JAX and PyTorch train the same model."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from support.corpus import build_tiny_records
from support.paths import PYTHONPATH, SUPPORT, TESTS
from support.train_backend import MODELS, NUM_STEPS
from tf_pretrain.errors import ConfigError
from tf_pretrain.models.building import build_objective
from tf_pretrain.training.trainer import Trainer

pytestmark = pytest.mark.integration

BACKENDS = ("tensorflow", "jax", "torch")
OTHERS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            importlib.util.find_spec(name) is None, reason=f"{name} is not installed"
        ),
    )
    for name in BACKENDS[1:]
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """{backend: {"MODEL/logs/NAME": [NUM_STEPS], "MODEL/path": weight}}."""
    folder = tmp_path_factory.mktemp("backends")
    for masking in ("dynamic", "static"):
        build_tiny_records(folder / "records" / masking, masking)
    np.savez(
        folder / "weights.npz",
        **{
            f"{model}/{v.path}": v.numpy()
            for model, config in MODELS.items()
            for v in build_objective(config).trainable_variables
        },
    )
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    processes = {backend: _start(backend, folder) for backend in installed}
    for process in processes.values():
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output[-3000:]
    names = (*installed, "weights")
    found = {name: dict(np.load(folder / f"{name}.npz")) for name in names}
    found["initial"] = found.pop("weights")
    return found


def _start(backend, folder):
    return subprocess.Popen(
        [
            sys.executable,
            SUPPORT / "train_backend.py",
            folder / "records",
            folder / "weights.npz",
            folder / f"{backend}.npz",
        ],
        cwd=TESTS,
        env={
            **os.environ,
            "PYTHONPATH": PYTHONPATH,
            "KERAS_BACKEND": backend,
            # Models this small run best on one thread, and compile slowly.
            "OMP_NUM_THREADS": "1",
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("backend", OTHERS)
def test_losses_agree(trained, backend):
    """Also with dropout, whose masks are a function of the batch."""
    expected, got = trained["tensorflow"], trained[backend]
    assert set(got) == set(expected)
    losses = [name for name in expected if "/logs/" in name]
    for name in losses:
        assert len(got[name]) == NUM_STEPS
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-4, err_msg=name)
    terms = {name.split("/logs/")[1] for name in losses}
    assert terms == {"loss", "masked_lm", "replaced_token", "sentence_order"}


@pytest.mark.parametrize("backend", OTHERS)
def test_final_weights_agree(trained, backend):
    expected, got = trained["tensorflow"], trained[backend]
    for name in expected:
        np.testing.assert_allclose(
            got[name], expected[name], rtol=1e-3, atol=1e-4, err_msg=name
        )


@pytest.mark.parametrize("backend", ["tensorflow", *OTHERS])
def test_what_no_loss_depends_on_stays(trained, backend):
    """As in the original optimizers, which pass over what has no gradient."""
    initial, final = trained["initial"], trained[backend]
    for name in ("kernel", "bias"):
        path = f"no_sentences/encoder/pooler/{name}"
        np.testing.assert_array_equal(final[path], initial[path])
    path = "no_sentences/encoder/attention_0/query/kernel"
    assert np.abs(final[path] - initial[path]).max() > 1e-3


def test_ten_steps_change_the_loss(trained):
    """What agrees is training: the loss falls, and dropout makes a difference."""
    logs = trained["tensorflow"]
    for model in MODELS:
        loss = logs[f"{model}/logs/masked_lm"]
        assert loss[-1] < loss[0] - 0.01
    plain, dropped = logs["electra/logs/loss"], logs["electra_dropout/logs/loss"]
    assert np.abs(plain - dropped).min() > 1e-3


@pytest.mark.parametrize("option", [{"accumulation_steps": 2}, {"loss_scaling": True}])
def test_what_needs_tensorflow_says_so(monkeypatch, option):
    network = build_objective(MODELS["albert"])
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ConfigError, match="need the TensorFlow backend, not jax"):
        Trainer(network, **option)
