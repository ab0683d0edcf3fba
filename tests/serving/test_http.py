"""What the HTTP server takes as an instance; whole requests: faults/."""

import json

import pytest

pytest.importorskip("starlette", reason="needs requirements-serving.txt")

from starlette.exceptions import HTTPException  # noqa: E402

from tf_pretrain.serving.http import _rows  # noqa: E402

SINGLE, PAIR = ("sentence",), ("sentence1", "sentence2")
BOTH = {"sentence2": "b", "sentence1": "a"}


def rows(instances, inputs):
    return _rows(json.dumps({"instances": instances}), inputs)


def test_instances_of_both_kinds_of_models():
    assert rows(["a", {"sentence": "b"}], SINGLE) == [(b"a",), (b"b",)]
    assert rows([BOTH], PAIR) == [(b"a", b"b")]


@pytest.mark.parametrize(
    "instance, inputs, message",
    [
        ("a", PAIR, '{"sentence1": "a text", "sentence2": "a text"}'),
        ({"sentence": "a"}, PAIR, '{"sentence1": "a text", "sentence2": "a text"}'),
        ({"sentence1": "a"}, PAIR, '{"sentence1": "a text", "sentence2": "a text"}'),
        (BOTH, SINGLE, '{"sentence": "a text"}'),
    ],
)
def test_pairs_and_single_texts_are_told_apart(instance, inputs, message):
    with pytest.raises(HTTPException) as error:
        rows(["a" if inputs == SINGLE else BOTH, instance], inputs)
    assert error.value.status_code == 400
    assert error.value.detail == f"instances[1]: expected {message}"
