import gzip
import json

import numpy as np
import pytest

from tf_pretrain.tasks import own_task
from tf_pretrain.tasks.columns import Columns
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
        ({"dev_tsv": DEV}, "has no train.tsv, .csv, .jsonl, .json or .txt"),
        (
            {"train_tsv": TRAIN, "dev_tsv": DEV, "dev_csv": DEV},
            "both dev.csv and dev.tsv",
        ),
        (
            {"train_tsv": TRAIN, "dev_tsv": "sentence\tlabel\nx\tneutral\n"},
            "dev.tsv, line 2: unknown label 'neutral'; expected one of 'neg', 'pos'",
        ),
        (
            {"train_tsv": "words\tlabel\na\tb\n", "dev_tsv": DEV},
            "train.tsv has the columns words, label: none of them is surely the texts; "
            "set --text_column=words",
        ),
        (
            {"train_tsv": "sentence\tlable\na\tb\n", "dev_tsv": DEV},
            "none of them is surely the labels; set --label_column=lable",
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
            "dev.tsv has the columns label, sentence; expected sentence1 and "
            "sentence2, as in train.tsv",
        ),
        (
            {
                "train_tsv": "sentence\tlabel\na\t0.5\nb\t1\n",
                "dev_tsv": "sentence\tlabel\na\thigh\n",
            },
            "dev.tsv, line 2: 'high' is not a finite number",
        ),
        (
            {
                "train_tsv": "sentence\tlabel\na\t0.5\nb\t1e39\n",
                "dev_tsv": "sentence\tlabel\na\t1\n",
            },
            "train.tsv, line 3: '1e39' is not a finite number",
        ),
        (
            {"train_tsv": "sentence\tlabel\na\t0.5\nb\tnan\n", "dev_tsv": DEV},
            "train.tsv: the label 'nan' is not a finite number",
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


NUMBERED = "".join(f"text number {i},{i % 2}\n" for i in range(40))


def notes(task):
    return "\n".join(task.notes)


def test_quotes_of_a_spreadsheet_are_no_text(tmp_path):
    """What pandas' `to_csv(sep="\\t")` writes, with a line break inside a text."""
    write(
        tmp_path,
        train_tsv='sentence\tlabel\n"say ""no""\nand\tgo"\tpos\nbad, bad\tneg\n',
        dev_tsv='sentence\tlabel\r\n"a ""b"""\tpos\r\n',
    )
    task = own_task.load(tmp_path)
    assert task.splits["train"].texts_a == ['say "no"\nand\tgo', "bad, bad"]
    assert task.splits["dev"].texts_a == ['a "b"']
    assert "train.tsv, dev.tsv: TSV with a header; fields in quotes" in notes(task)


def test_quotes_as_in_glue_are_text(tmp_path):
    rows = '"good"\tpos\n" bad " film\tneg\nan "odd" one\tpos\n'
    write(tmp_path, train_tsv="sentence\tlabel\n" + rows, dev_tsv=DEV)
    task = own_task.load(tmp_path)
    assert task.splits["train"].texts_a == ['"good"', '" bad " film', 'an "odd" one']
    assert "train.tsv: TSV with a header; quotes are part of the texts" in notes(task)


def test_sentence_and_sentence2_are_a_pair(tmp_path):
    rows = "sentence\tsentence2\tid\tlabel\na\tb\t7\tx\nc\td\t8\ty\n"
    write(tmp_path, train_tsv=rows, dev_tsv=rows)
    task = own_task.load(tmp_path)
    assert task.splits["train"].texts_a == ["a", "c"]
    assert task.splits["train"].texts_b == ["b", "d"]
    assert "pair: sentence2; label: label; left out: id" in notes(task)


def test_columns_by_name_and_by_number(tmp_path):
    rows = "id,Words,More,Klass\n1,a,b,x\n2,c,d,y\n"
    write(tmp_path, train_csv=rows, dev_csv=rows)
    for wanted in (Columns("Words", "More", "Klass"), Columns("2", "3", "4")):
        split = own_task.load(tmp_path, wanted).splits["train"]
        assert (split.texts_a, split.texts_b) == (["a", "c"], ["b", "d"])
        assert split.labels.tolist() == [0, 1]
    task = own_task.load(tmp_path, Columns("words", None, "klass"))
    assert task.splits["train"].texts_b is None
    assert "left out: id, More" in notes(task)


def test_files_without_header_and_with_names_of_classes(tmp_path):
    """As AG News is passed around; test without labels has one column less."""
    write(
        tmp_path,
        train_csv=NUMBERED,
        dev_csv='"a, b",1\n',
        test_csv="only text\n",
        class_txt="world\nsports\n",
    )
    task = own_task.load(tmp_path)
    assert task.class_names == ("world", "sports")
    assert task.label_texts == ("0", "1")
    assert len(task.splits["train"]) == 40
    assert task.splits["dev"].texts_a == ["a, b"]
    assert task.splits["dev"].labels.tolist() == [1]
    assert task.splits["test"].texts_a == ["only text"]
    assert "CSV without a header: its columns are 1 to 2" in notes(task)
    assert "class names are from class.txt: 0 is 'world'" in notes(task)


def test_class_names_that_do_not_fit_are_not_used(tmp_path):
    write(tmp_path, train_csv=NUMBERED, dev_csv=NUMBERED, class_txt="only\n")
    task = own_task.load(tmp_path)
    assert task.class_names == ("0", "1")
    assert "class.txt is not used: its 1 lines do not fit" in notes(task)


def test_a_file_without_dev_is_split_by_class_and_seed(tmp_path):
    rows = [(f"text {i}", "rare" if i % 5 == 0 else "often") for i in range(200)]
    rows += [("twice", "often")] * 30
    content = "Review,Stars\n" + "".join(f"{text},{label}\n" for text, label in rows)
    write(tmp_path, reviews_csv=content)
    task = own_task.load(tmp_path)
    train, dev = task.splits["train"], task.splits["dev"]
    assert np.bincount(dev.labels).tolist() in ([16, 4], [45, 4])
    assert len(train) + len(dev) == 230
    assert not set(train.texts_a) & set(dev.texts_a)
    assert "rows of reviews.csv were set apart as dev" in notes(task)
    other = own_task.load(tmp_path / "reviews.csv", seed=1)
    assert other.name == f"{tmp_path.name}-reviews"
    assert other.splits["dev"].texts_a != dev.texts_a
    again = own_task.load(tmp_path / "reviews.csv", seed=0)
    assert again.splits["dev"].texts_a == dev.texts_a


def test_one_folder_a_class(tmp_path):
    for split, number in (("train", 6), ("test", 2)):
        for name in ("neg", "pos", "unsup"):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(number):
                file = tmp_path / split / name / f"{i}.txt"
                file.write_text(f"{split} {name} {i}\nsecond line\n")
    (tmp_path / "train" / "urls.txt").write_text("not read\n")
    task = own_task.load(tmp_path)
    assert task.class_names == ("neg", "pos")
    assert [len(task.splits[s]) for s in ("train", "dev", "test")] == [10, 2, 4]
    assert task.splits["test"].texts_a[0] == "test neg 0\nsecond line"
    assert "one folder a class, one text a file; the folder unsup" in notes(task)
    assert own_task.load(tmp_path / "test").class_names == ("neg", "pos")


def test_json_arrays_and_gz(tmp_path):
    rows = [{"review": f"good {i}", "label": bool(i % 2)} for i in range(4)]
    (tmp_path / "train.json").write_text(json.dumps(rows, indent=1))
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "valid.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    task = own_task.load(tmp_path)
    assert task.class_names == ("false", "true")
    assert task.splits["train"].texts_a == task.splits["dev"].texts_a
    assert "train.json: an array of JSON objects" in notes(task)


def test_whole_numbers_with_decimals_are_classes(tmp_path):
    rows = "sentence\tlabel\na\t1.0\nb\t0.0\nc\t1.0\nd\t0.0\n"
    write(tmp_path, train_tsv=rows, dev_tsv="sentence\tlabel\na\t1\n")
    task = own_task.load(tmp_path)
    assert task.class_names == ("0", "1")
    assert task.splits["train"].labels.tolist() == [1, 0, 1, 0]
    assert task.splits["dev"].labels.tolist() == [1]
    assert "labels such as 1.0 are whole numbers: classes, not scores" in notes(task)
    # pandas writes a column of whole numbers so if one of them is missing
    write(tmp_path, train_tsv=rows.replace(".0", ""), dev_tsv=rows)
    assert own_task.load(tmp_path).splits["dev"].labels.tolist() == [1, 0, 1, 0]


def test_semicolons_encodings_and_columns_without_a_name(tmp_path):
    rows = "text;label;;\nschön;a;;\nnett;b;;\n"
    (tmp_path / "train.csv").write_bytes(rows.encode("cp1252"))
    (tmp_path / "dev.csv").write_bytes(b"text;label\nx;a\n")
    task = own_task.load(tmp_path, encoding="cp1252")
    assert task.splits["train"].texts_a == ["schön", "nett"]
    assert "CSV with ';' between columns" in notes(task)
    assert "left out: column 3, column 4" in notes(task)
    with pytest.raises(TaskError, match="train.csv, line 2: not UTF-8.*set --encoding"):
        own_task.load(tmp_path)
    (tmp_path / "train.csv").write_bytes(rows.encode("utf-16"))  # with its mark
    assert own_task.load(tmp_path).splits["train"].texts_a == ["schön", "nett"]


SQUAD = {"version": "1.1", "data": [{"title": "t", "paragraphs": []}]}
RACE = {"article": "a", "questions": ["q"], "options": [["x"]], "answers": ["A"]}


@pytest.mark.parametrize(
    "files, message",
    [
        (
            {"train.csv": "id,text,comment,label\n1,a,b,x\n2,c,d,y\n"},
            "train.csv has the columns id, text, comment, label: text, comment may all "
            "be the texts; set --text_column=text (or comment), and --pair_column if",
        ),
        (
            {"train.csv": "text,topic,stars\na,x,1\n"},
            "topic, stars may all be the labels; set --label_column=topic (or stars)",
        ),
        (
            {"train.csv": "3,a title,a long text\n1,b title,other text\n" * 4},
            "train.csv has no header and the columns 1, 2, 3 (line 1: 3 | a title",
        ),
        ({"train.txt": "a text\nanother\n"}, "expected a text and a label in each row"),
        ({"train.csv": "text,text,label\na,b,x\n"}, "two columns 'text'; rename one"),
        ({"train.csv": "text,label\na,x\nb,y\n"}, "too few rows for a dev set"),
        (
            {"one.csv": NUMBERED, "two.csv": NUMBERED, "dev.csv": NUMBERED},
            "has no train.tsv",
        ),
        ({"train_a.csv": NUMBERED, "train_b.csv": NUMBERED}, "keep one of them as tr"),
        ({"train.json": '{"text": {"0": "a"}, "label": {"0": 1}}'}, "an array of obj"),
        ({"train.json": '[{"text": "a"},\n{"text" "b"}]'}, "train.json, line 2: no JS"),
        ({"train.tsv.gz": "no gzip"}, "train.tsv.gz is not a complete .gz file"),
        ({"dev-v1.1.json": json.dumps(SQUAD)}, "in SQuAD's form; expected texts"),
        ({"train.jsonl": json.dumps(RACE) + "\n"}, "in RACE's form; expected texts"),
        (
            {"train.txt": "Confidence NN B-NP\nin IN B-PP\n\nit PRP B-NP\n\nA B C\n"},
            "a label for each word in CoNLL's form (tagging); expected texts",
        ),
        (
            {"high/1.txt": json.dumps(RACE), "middle/2.txt": json.dumps(RACE)},
            "in RACE's form that is multiple choice; expected texts",
        ),
    ],
)
def test_unclear_files_are_named_with_the_flag_to_set(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    with pytest.raises(TaskError) as error:
        own_task.load(tmp_path)
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)
