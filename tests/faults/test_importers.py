"""Mutated checkpoints of every format: refused with a reason, or read; nothing else.

    python -m pytest tests/faults/test_importers.py                     # 40 of them
    python -m pytest -m "slow or not slow" tests/faults/test_importers.py

Each is converted, as a user would who was sent it. Nothing in it is run, no other file
is written, and what goes wrong is an error for people.
"""

import contextlib
import hashlib
import json
import shutil
import signal
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.mutations import mutate
from support.tiny import tiny_config
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import formats
from tf_pretrain.interchange.pretrained import Pretrained, variable_shapes

NUM_CASES, NUM_QUICK = 240, 40
MODELS = {
    "electra": tiny_config(model={"hidden_act": "gelu"}),
    "albert": tiny_config(
        "masked_lm", "sentence_order", model={"parameter_sharing": "all"}
    ),
}
FORMATS = ("keras", "huggingface", "pickle", "keras_hub", "tf1")
CONFIG_FILES = [
    ("electra", "keras", "config.json"),
    ("electra", "huggingface", "config.json"),
    ("electra", "keras_hub", "config.json"),
    ("albert", "huggingface", "config.json"),
    ("albert", "tf1", "albert_config.json"),
]
# Numbers in configs that say nothing about the size of a network (nor does the number
# of layers that share their weights).
_NO_SIZES = ("pad_token_id", "bos_token_id", "eos_token_id")
# What Python code would need to do harm. Libraries do none of it to read a file.
_FORBIDDEN_EVENTS = (
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
    "socket.connect", "socket.bind", "ctypes.dlopen",
)  # fmt: skip
_watched = []  # events, while a mutant is read


def _watch(event, arguments):
    if _watched and event in _FORBIDDEN_EVENTS:
        _watched.append((event, arguments))


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """{(model, format): folder} of good ones."""
    sys.addaudithook(_watch)  # stays, and does nothing while nothing is watched
    root = tmp_path_factory.mktemp("originals")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (root / "vocab.txt").write_text("\n".join(pieces + [f"w{i}" for i in range(45)]))
    tokenizer = load_tokenizer(root / "vocab.txt")
    folders = {}
    for name, config in MODELS.items():
        rng = np.random.default_rng(0)
        weights = {
            path: rng.normal(0, 0.1, shape).astype(np.float32)
            for path, shape in variable_shapes(config).items()
        }
        pretrained = Pretrained(config, weights, "noise", tokenizer)
        for format_ in FORMATS:
            folder = folders[name, format_] = root / f"{name}-{format_}"
            folder.mkdir()
            writer = "huggingface" if format_ == "pickle" else format_
            formats.FORMATS[writer].load().write(pretrained, folder)
            if format_ == "pickle":
                _as_pickle(folder)
    return folders


def _as_pickle(folder):
    import safetensors.torch
    import torch

    for file in list(folder.rglob("model.safetensors")):
        tensors = safetensors.torch.load_file(file)
        torch.save(tensors, file.with_name("pytorch_model.bin"))
        file.unlink()


def _tree(folder):
    """{path: digest} of all files below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextlib.contextmanager
def _nothing_is_run():
    _watched.append("on")
    try:
        yield
    finally:
        events = _watched[1:]
        _watched.clear()
    assert not events


def _convert(source, output):
    """Whether it could be read and written; the error is one for people."""
    before = _tree(output.parent)
    try:
        with _nothing_is_run():
            formats.convert(source, output, "keras")
    except UserError as error:
        assert str(error).strip()
        assert _tree(output.parent) == before
        return False
    after = _tree(output.parent)
    new = set(after) - set(before)
    assert {name: after[name] for name in before} == before
    assert new and all(name.startswith(output.name + "/") for name in new)
    return True


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(i, marks=[pytest.mark.slow] if i >= NUM_QUICK else [])
        for i in range(NUM_CASES)
    ],
)
def test_mutated_checkpoint(number, originals, tmp_path, monkeypatch):
    keys = sorted(originals)
    source = tmp_path / "source"
    shutil.copytree(originals[keys[number % len(keys)]], source)
    done = mutate(number, source)
    print(f"{keys[number % len(keys)]}: {done}")
    monkeypatch.chdir(tmp_path)
    was_read = _convert(source, tmp_path / "output")
    print("read" if was_read else "refused")


@contextlib.contextmanager
def _seconds(limit):
    def too_long(number, frame):
        pytest.fail(f"still busy after {limit} s")  # no Exception, so nobody takes it

    previous = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(10**6, marks=pytest.mark.slow),
        pytest.param(2**33, marks=pytest.mark.slow),
        10**12,
    ],
)
@pytest.mark.parametrize("model,format_,name", CONFIG_FILES)
def test_sizes_that_fit_into_no_memory(model, format_, name, size, originals, tmp_path):
    """Each size in a config, alone: refused, before such a network is built."""
    values = json.loads((originals[model, format_] / name).read_text())
    section = values.get("model", values.get("config", values))
    keys = [k for k, v in section.items() if type(v) is int and k not in _NO_SIZES]
    assert len(keys) >= 7
    print(len(keys), "sizes")
    for key in keys:
        source = tmp_path / key
        shutil.copytree(originals[model, format_], source)
        section[key], old = size, section[key]
        (source / name).write_text(json.dumps(values))
        section[key] = old
        with _seconds(20):
            was_read = _convert(source, tmp_path / "output")
        assert not was_read or (model, key) == ("albert", "num_hidden_layers"), key
        shutil.rmtree(tmp_path / "output", ignore_errors=True)


@pytest.mark.parametrize(
    "model,format_,name,changes",
    [
        ("albert", "tf1", "albert_config.json", {"inner_group_num": 1_001}),
        ("electra", "keras", "config.json", {"num_hidden_layers": 1_001}),
        ("electra", "keras", "config.json", {"generator_layers": 501.0}),
    ],
)
def test_too_many_small_layers(model, format_, name, changes, originals, tmp_path):
    """Their weights would fit, but a network of a million takes hours to build."""
    path = shutil.copytree(originals[model, format_], tmp_path / "source") / name
    values = json.loads(path.read_text())
    for section in (values, *(v for v in values.values() if isinstance(v, dict))):
        section.update((k, v) for k, v in changes.items() if k in section)
    path.write_text(json.dumps(values))
    units = "1,00[12] layers with weights of their own"
    with pytest.raises(UserError, match=units):
        formats.convert(tmp_path / "source", tmp_path / "output", "keras")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("model", MODELS)
def test_good_ones_are_read(model, format_, originals, tmp_path):
    assert _convert(originals[model, format_], tmp_path / "output")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "num_examples", [20, pytest.param(300, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("model,format_,name", CONFIG_FILES)
def test_any_value_in_a_config(model, format_, name, num_examples, originals, tmp_path):
    """One value of a config replaced by any JSON at all, which hypothesis makes up."""
    values = json.loads((originals[model, format_] / name).read_text())
    section = values.get("model", values.get("config", values))
    shutil.copytree(originals[model, format_], tmp_path / "source")

    @settings(max_examples=num_examples, deadline=None, derandomize=True, database=None)
    @given(st.sampled_from(sorted(section)), _JSON)
    def convert(key, value):
        old, section[key] = section[key], value
        (tmp_path / "source" / name).write_text(json.dumps(values))
        section[key] = old
        with _seconds(20):
            _convert(tmp_path / "source", tmp_path / "output")
        shutil.rmtree(tmp_path / "output", ignore_errors=True)

    convert()
