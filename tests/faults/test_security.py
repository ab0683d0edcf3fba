"""What the code must not do: run what it reads, or use the network unasked."""

import ast
import importlib.util
import os
import pkgutil
import subprocess
import sys

import pytest

import tf_pretrain
from support.paths import PYTHONPATH, ROOT

SOURCES = sorted(
    [*ROOT.glob("*.py"), *ROOT.glob("configs/*.py"), *ROOT.rglob("tf_pretrain/**/*.py")]
)
# Can run code that a file holds, or unpack where they should not.
FORBIDDEN_MODULES = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve",
    "marshal", "code", "codeop", "imp", "runpy", "yaml", "zipfile", "tarfile",
}  # fmt: skip
FORBIDDEN_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen",
    "tempfile.mktemp", "shutil.unpack_archive", "keras.models.load_model",
    "keras.saving.load_model", "keras.saving.deserialize_keras_object",
    "tf.keras.models.load_model",
}  # fmt: skip
# Keyword arguments that a call must have, or must not.
REQUIRED = {"torch.load": ("weights_only", True)}
FORBIDDEN_KEYWORDS = {
    ("allow_pickle", True),
    ("shell", True),
    ("safe_mode", False),
    ("trust_remote_code", True),
}
# Modules that name the extra to install when they are imported without it.
NEED_AN_EXTRA = set()
if importlib.util.find_spec("apache_beam") is None:
    NEED_AN_EXTRA.add("tf_pretrain.data.beam_engine")
# A run's config is a Python program that its user names on the command line.
_RUNS_CONFIGS = "files.py"


def _faults(source: str, name: str) -> list[str]:
    """What a module does that it must not."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            bad = [n for n in names if n.split(".")[0] in FORBIDDEN_MODULES]
            found += [f"{name}:{node.lineno} imports {n}" for n in bad]
        if not isinstance(node, ast.Call):
            continue
        call, keywords = (
            ast.unparse(node.func),
            {k.arg: getattr(k.value, "value", ...) for k in node.keywords},
        )
        if call in FORBIDDEN_CALLS:
            found.append(f"{name}:{node.lineno} calls {call}")
        if call.endswith("module_from_spec") and name != _RUNS_CONFIGS:
            found.append(f"{name}:{node.lineno} runs a file")
        if call in REQUIRED:
            argument, value = REQUIRED[call]
            if keywords.get(argument) is not value:
                found.append(f"{name}:{node.lineno} {call} without {argument}")
        for pair in FORBIDDEN_KEYWORDS & set(_hashable(keywords)):
            found.append(f"{name}:{node.lineno} {pair[0]}={pair[1]}")
    return found


def _hashable(keywords):
    return [(k, v) for k, v in keywords.items() if isinstance(v, (bool, str))]


def test_no_module_runs_what_it_reads():
    assert len(SOURCES) > 80
    found = [f for path in SOURCES for f in _faults(path.read_text(), path.name)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from yaml import load",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import torch\ntorch.load(path)",
        "torch.load(path, weights_only=False)",
        "eval(text)",
        "subprocess.run(command, shell=True)",
        "importlib.util.module_from_spec(spec)",
        "keras.models.load_model(path)",
        "import tarfile",
    ],
)
def test_the_check_finds(source):
    assert len(_faults(source, "x.py")) == 1


_OFFLINE = """
import importlib, socket, sys

def refuse(*args, **kwargs):
    raise AssertionError(f"used the network: {args[1:]}")

socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
socket.socket.bind = socket.getaddrinfo = socket.create_connection = refuse
for name in sys.argv[3].split(","):
    importlib.import_module(name)
from support import train_tiny
train_tiny.run(sys.argv[1], sys.argv[2], "one")
"""
_SECRET = "hf_never-to-be-written-0123456789"


@pytest.mark.integration
def test_no_network_and_no_secret_in_what_is_written(records, tmp_path):
    """All modules are imported, and a run is trained, without a socket.

    Environment variables that hold secrets are in nothing that the run writes.
    """
    modules = [
        module.name
        for module in pkgutil.walk_packages(tf_pretrain.__path__, "tf_pretrain.")
        if not module.name.endswith("__main__") and module.name not in NEED_AN_EXTRA
    ]
    assert len(modules) > 60
    secrets = ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY", "MY_PASSWORD")
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE, records, tmp_path / "run", ",".join(modules)],
        cwd=ROOT / "tests",
        env={
            **os.environ,
            "PYTHONPATH": PYTHONPATH,
            **dict.fromkeys(secrets, _SECRET),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    written = [p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()]
    assert len(written) > 8
    for content in [done.stdout.encode(), done.stderr.encode(), *written]:
        assert _SECRET.encode() not in content
