import csv
import io
import random

import pytest

from tf_pretrain.tasks import quoted_fields
from tf_pretrain.tasks.columns import Columns, choose, describe, has_header
from tf_pretrain.tasks.row_files import Table
from tf_pretrain.tasks.task import TaskError

NONE = Columns()


def table(columns, rows, with_header=True):
    numbered = [(i, dict(zip(columns, row, strict=True))) for i, row in enumerate(rows)]
    return Table("file", columns, numbered, has_header=with_header)


@pytest.mark.parametrize(
    "first, others, expected",
    [
        (["sentence", "label"], [["a", "x"]], True),
        (["label", "text_a"], [["1", "a"]], True),
        (["Review Text", "Stars"], [["good", "5"]], True),
        (["v1", "v2", "", ""], [["ham", "Go until", "", ""]], True),
        (["", "0", "klass"], [["0", "a text", "x"]], False),
        (["a text of some words", "3"], [["b", "1"]], False),
        (["good film", "pos"], [["bad film", "neg"], ["nice", "pos"]], False),
        (
            ["what is it ?", "question"],
            [["it is", "answer"], ["why", "question"]],
            False,
        ),
        (["a first text that is long", "x"], [["b", "y"]], False),
    ],
)
def test_has_header(first, others, expected):
    assert has_header(first, others, NONE) == expected


def test_a_flag_tells_that_there_is_a_header():
    first, others = ["t", "7"], [["a", "b"], ["t", "c"]]
    assert not has_header(first, others, NONE)
    assert has_header(first, others, Columns(text="t"))
    assert not has_header(first, others, Columns(text="1", label="2"))


@pytest.mark.parametrize(
    "names, expected",
    [
        (["id", "Review Text", "Stars"], Columns("Review Text", None, "Stars")),
        (["label", "text_b", "text_a"], Columns("text_a", "text_b", "label")),
        (["hypothesis", "premise", "gold_label"], None),
        (["question", "sentence", "label"], Columns("question", "sentence", "label")),
        (["sentence", "topic", "label"], Columns("sentence", None, "label")),
        (["sentence_A", "sentence_B", "y"], Columns("sentence_A", "sentence_B", "y")),
    ],
)
def test_usual_names(names, expected):
    if expected is None:
        expected = Columns("premise", "hypothesis", "gold_label")
    assert choose(table(names, [["a"] * 3]), NONE) == expected


def test_values_decide_without_a_header():
    rows = [[str(i), f"a text {i}", "xy"[i % 2]] for i in range(8)]
    numbered = table(["1", "2", "3"], rows, with_header=False)
    chosen = choose(numbered, NONE)
    assert chosen == Columns("2", None, "3")
    assert describe(numbered, chosen) == (
        "text: column 2; label: column 3; left out: column 1"
    )
    swapped = table(["1", "2"], [[f"{i / 4}", f"t {i}"] for i in range(8)], False)
    assert choose(swapped, NONE) == Columns("2", None, "1")


@pytest.mark.parametrize(
    "wanted, with_header, message",
    [
        (
            Columns(text="txt"),
            True,
            "--text_column=txt: file has the columns text, label, more; expected a "
            "name, or a number from 1 to 3; did you mean 'text'?",
        ),
        (Columns(label="4"), True, "--label_column=4: file has"),
        (Columns(label="0"), True, "--label_column=0: file has"),
        (Columns(text="words"), False, "expected a number from 1 to 3, as it has no h"),
        (Columns(text="1", pair="text"), True, "--text_column, --pair_column name the"),
    ],
)
def test_wrong_flags(wanted, with_header, message):
    rows = [["a", "x", "b"], ["c", "y", "d"]]
    with pytest.raises(TaskError) as error:
        choose(table(["text", "label", "more"], rows, with_header), wanted)
    assert message in str(error.value)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_quoted_fields_come_back_as_they_were_written(quoting):
    random.seed(0)
    rows = [["text", "label"]]
    for i in range(200):
        text = "".join(random.choices('ab"\t\n,; \u2028', k=random.randrange(1, 9)))
        rows.append([text, str(i % 3)])
    rows.append(['"', "1"])
    file = io.StringIO()
    csv.writer(file, delimiter="\t", quoting=quoting).writerows(rows)
    found = quoted_fields.read(file.getvalue())
    assert [fields for _, fields in found] == rows
    assert found[1][0] == 2  # the line that a row begins in


def test_what_excel_writes():
    content = 'text\tlabel\r\n"a, b"\tx\r\nc\ty\r\n'
    fields = [row for _, row in quoted_fields.read(content)]
    assert fields == [["text", "label"], ["a, b", "x"], ["c", "y"]]


@pytest.mark.parametrize(
    "content",
    [
        "text\tlabel\na\tx\n",  # no quotes at all
        'text\tlabel\n"good"\tx\nc\ty\n',  # who would have quoted it?
        'text\tlabel\n"a, b"\tx\nc, d\ty\n',  # Excel would have quoted both
        'text\tlabel\n"a ""b"""\tx\nthe "c"\ty\n',  # quotes inside a plain field
        'text\tlabel\n"open\tx\n',
        'text\tlabel\n"a\tx\nb"\ty\n',  # a line break, but then no label
    ],
)
def test_quotes_of_texts_stay(content):
    assert quoted_fields.read(content) is None
