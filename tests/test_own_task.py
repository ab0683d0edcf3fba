import numpy as np
import pytest

from tf_pretrain.tasks import own_task
from tf_pretrain.tasks.task import TaskError

TRAIN = "sentence\tlabel\ngood film\tpos\nbad film\tneg\nnice\tpos\n"
DEV = "label\tsentence\nneg\tawful\n"


def write(folder, **files):
    for name, content in files.items():
        split, _, suffix = name.rpartition("_")
        (folder / f"{split}.{suffix}").write_bytes(content.encode())
    return folder


def test_class_names_and_a_test_file_without_labels(tmp_path):
    write(tmp_path, train_tsv=TRAIN, dev_tsv=DEV, test_tsv="sentence\nfine\n")
    task = own_task.load(tmp_path)
    assert task.class_names == ("neg", "pos")
    assert task.splits["train"].labels.tolist() == [1, 0, 1]
    assert task.splits["dev"].texts_a == ["awful"]
    assert task.splits["dev"].labels.tolist() == [0]
    assert task.splits["test"].labels is None
    assert task.scored_splits == ["dev"]
    assert "the label 'neg' occurs once in train.tsv" in task.notes
    assert "2 classes of single texts (neg, pos)" in task.describe()


def test_a_labelled_test_file_is_scored(tmp_path):
    write(tmp_path, train_tsv=TRAIN, dev_tsv=DEV, test_tsv=DEV)
    assert own_task.load(tmp_path).scored_splits == ["dev", "test"]


def test_whole_numbers_are_classes_in_their_order(tmp_path):
    rows = "".join(f"t\t{label}\n" for label in (10, 2, 1, 10, 2, 1))
    write(
        tmp_path, train_tsv="sentence\tlabel\n" + rows, dev_tsv="sentence\tlabel\nt\t2"
    )
    task = own_task.load(tmp_path)
    assert task.class_names == ("1", "2", "10")
    assert task.splits["dev"].labels.tolist() == [1]


def test_decimals_mean_regression(tmp_path):
    write(
        tmp_path,
        train_csv='sentence1,sentence2,label\n"a, ""b""\nc",d,1.5\ne,f,-3\n',
        dev_jsonl='{"sentence1": "a", "sentence2": "b\\tc", "label": 2}\n',
    )
    task = own_task.load(tmp_path)
    assert task.is_regression and task.target_scale == 3.0
    assert task.splits["train"].texts_a == ['a, "b"\nc', "e"]
    np.testing.assert_array_equal(task.splits["train"].labels, [1.5, -3.0])
    assert task.splits["dev"].texts_b == ["b\tc"]
    np.testing.assert_array_equal(task.splits["dev"].labels, [2.0])


def test_long_and_empty_texts_are_kept(tmp_path):
    long_text = "word " * 20_000 + "x" * 200_000
    write(
        tmp_path,
        train_csv=f"sentence,label\n{long_text},a\n,b\n",
        dev_tsv="sentence\tlabel\n\ta\n",
    )
    task = own_task.load(tmp_path)
    assert task.splits["train"].texts_a == [long_text, ""]
    assert task.splits["dev"].texts_a == [""]
    assert "train.csv has 1 empty texts" in task.notes


def test_an_empty_line_of_one_column_is_a_text(tmp_path):
    """Else the predictions would be those of other lines."""
    write(tmp_path, train_tsv=TRAIN, dev_tsv=DEV, test_tsv="sentence\na\n\nb\n\n")
    assert own_task.load(tmp_path).splits["test"].texts_a == ["a", "", "b", ""]


@pytest.mark.parametrize(
    "files, message",
    [
        ({"train_tsv": TRAIN}, "has no dev.tsv, dev.csv or dev.jsonl"),
        (
            {"train_tsv": TRAIN, "dev_tsv": DEV, "dev_csv": DEV},
            "both dev.tsv and dev.c",
        ),
        (
            {"train_tsv": TRAIN, "dev_tsv": "sentence\tlabel\nx\tneutral\n"},
            "dev.tsv, line 2: unknown label 'neutral'; expected one of 'neg', 'pos'",
        ),
        (
            {"train_tsv": "text\tlabel\na\tb\n", "dev_tsv": DEV},
            "train.tsv has the columns text, label; expected `sentence`",
        ),
        (
            {"train_tsv": "sentence\tlabels\na\tb\n", "dev_tsv": DEV},
            "no column 'label'; did you mean 'labels'",
        ),
        (
            {"train_tsv": "sentence\tlabel\na\tx\nb\tx\n", "dev_tsv": DEV},
            "all 2 labels are 'x'",
        ),
        (
            {"train_tsv": "sentence\tlabel\na\tx\nb\t\n", "dev_tsv": DEV},
            "train.tsv, line 3: the label is empty",
        ),
        (
            {"train_tsv": "sentence\tlabel\na\tx\ty\n", "dev_tsv": DEV},
            "train.tsv, line 2: 3 columns; expected 2",
        ),
        (
            {"train_csv": 'sentence,label\n"a,x\n', "dev_tsv": DEV},
            "train.csv, line 2: unexpected end of data",
        ),
        (
            {"train_jsonl": '{"sentence": "a", "label": 1}\n{bad\n', "dev_tsv": DEV},
            "train.jsonl, line 2: no JSON",
        ),
        (
            {"train_jsonl": '{"sentence": "a\\ud83d", "label": 1}\n', "dev_tsv": DEV},
            "train.jsonl, line 1: half of a surrogate pair",
        ),
        (
            {
                "train_jsonl": '{"sentence": "a", "label": 1}\n{"sentence": "b"}\n',
                "dev_tsv": DEV,
            },
            "train.jsonl, line 2: 'label' is missing",
        ),
        (
            {"train_tsv": "sentence1\tsentence2\tlabel\na\tb\tx\n", "dev_tsv": DEV},
            "some files have `sentence`",
        ),
        (
            {
                "train_tsv": "sentence\tlabel\na\t0.5\nb\t1\n",
                "dev_tsv": "sentence\tlabel\na\thigh\n",
            },
            "dev.tsv, line 2: 'high' is no finite number",
        ),
        (
            {
                "train_tsv": "sentence\tlabel\na\t0.5\nb\t1e39\n",
                "dev_tsv": "sentence\tlabel\na\t1\n",
            },
            "train.tsv, line 3: '1e39' is no finite number",
        ),
        (
            {"train_tsv": "sentence\tlabel\na\t0.5\nb\tnan\n", "dev_tsv": DEV},
            "train.tsv: the label 'nan' is no finite number",
        ),
        (
            {"train_tsv": "sentence\tlabel\na\t0.0\nb\t0.00\n", "dev_tsv": DEV},
            "train.tsv: all labels are 0",
        ),
        (
            {"train_jsonl": '{"sentence": "a", "label": "x\\ty"}\n', "dev_tsv": DEV},
            "train.jsonl, line 1: the label 'x\\ty' holds a tab or a line break",
        ),
        (
            {"train_jsonl": "[" * 100_000 + "\n", "dev_tsv": DEV},
            "train.jsonl, line 1: no JSON",
        ),
        (
            {"train_jsonl": '{"label": ' + "1" * 5000 + "}\n", "dev_tsv": DEV},
            "train.jsonl, line 1: no JSON",
        ),
    ],
)
def test_bad_input_is_named(tmp_path, files, message):
    write(tmp_path, **files)
    with pytest.raises(TaskError) as error:
        own_task.load(tmp_path)
    assert message in str(error.value)
