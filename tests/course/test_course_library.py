"""The chapter's program with the library: it trains, and PyTorch changes two lines."""

import ast
import math

import keras
import numpy as np
import pytest

from configs import quickstart
from docs.course import listings
from support.corpus import build_tiny_records
from support.course_pages import block
from support.tiny import one_layer_config

VOCABULARY, WEIGHT = 120, 50


@pytest.fixture
def records(tmp_path, monkeypatch):
    """A folder with tiny records, and a tiny network instead of the quick start's."""
    build_tiny_records(tmp_path / "records")
    config = one_layer_config(
        model={"vocab_size": VOCABULARY},
        objective={"discriminator_weight": WEIGHT},
        data={"max_seq_length": 24, "max_predictions_per_seq": 5},
    )
    monkeypatch.setattr(quickstart, "get_config", lambda: config)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.integration
def test_the_program_trains(records, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    code = listings.library_code("TensorFlow")
    short = code.replace("steps_per_epoch=60", "steps_per_epoch=3")
    assert short != code
    exec(compile(short, "docs/backends.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    before, after = (ast.literal_eval(line) for line in lines if line[0] == "{")
    assert before["masked_lm"] == pytest.approx(math.log(VOCABULARY), abs=0.5)
    assert before["replaced_token"] == pytest.approx(math.log(2), abs=0.2)
    for losses in (before, after):
        total = losses["masked_lm"] + WEIGHT * losses["replaced_token"]
        assert losses["loss"] == pytest.approx(total, rel=1e-4)
    assert not np.isclose(before["loss"], after["loss"], rtol=1e-4)
    assert (records / "initial.weights.h5").is_file()


def test_the_page_has_the_program_and_what_pytorch_changes():
    tensorflow, pytorch = map(listings.library_code, listings.LIBRARY)
    for language in ("en", "zh"):
        text = block(language, "library")
        assert f"```python\n{tensorflow}\n```" in text
        changes = text[text.index("```diff\n") + 8 : text.rindex("\n```")]
        by_sign = {"-": [], "+": []}
        for line in changes.splitlines():
            by_sign[line[0]].append(line[2:])
        patched = tensorflow
        for old, new in zip(by_sign["-"], by_sign["+"], strict=True):
            assert patched.count(old) == 1
            patched = patched.replace(old, new)
        assert patched == pytorch
    assert len(by_sign["-"]) == 2
    assert 'os.environ["KERAS_BACKEND"] = "torch"' in pytorch
    compile(pytorch, "docs/backends.md", "exec")
