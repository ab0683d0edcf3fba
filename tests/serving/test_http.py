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


QUESTION, CHOICE = ("context", "question"), ("article", "options", "question")
OPTIONS = {"article": "a", "question": "q", "options": ["x", "y"]}


def test_options_are_lists():
    found = _rows(json.dumps({"instances": [OPTIONS]}), CHOICE, ("options",))
    assert found == [(b"a", (b"x", b"y"), b"q")]
    assert rows([{"question": "q", "context": "c"}], QUESTION) == [(b"c", b"q")]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"options": "x"}, ": options is not a list of 1 to 26 texts"),
        ({"options": []}, ": options is not a list of 1 to 26 texts"),
        ({"options": ["x"] * 27}, ": options is not a list of 1 to 26 texts"),
        ({"options": ["x", 1]}, ": options[1] is not a string but a int"),
        ({"article": ["a"]}, ": article is not a string but a list"),
        (
            {"other": "b"},
            ': expected {"article": "a text", "options": ["a text", ...], '
            '"question": "a text"}',
        ),
    ],
)
def test_wrong_options_get_a_reason(change, message):
    body = json.dumps({"instances": [OPTIONS | change]})
    with pytest.raises(HTTPException) as error:
        _rows(body, CHOICE, ("options",))
    assert error.value.status_code == 400
    assert error.value.detail == f"instances[0]{message}"
