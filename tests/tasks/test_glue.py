"""The official layouts, written here as the GLUE downloads have them."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core.utils import gcs_utils

from tf_pretrain.tasks import glue
from tf_pretrain.tasks.task import TaskError

FILES = {
    "CoLA/train.tsv": 'gj04\t1\t\tHe said "no.\ngj04\t0\t*\tThem is\x85 here.',
    "CoLA/dev.tsv": "gj04\t0\t*\tBad the.\n",
    "CoLA/test.tsv": "index\tsentence\n0\tOne.\n1\tTwo.\n",
    "MRPC/train.tsv": (
        "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
        '1\t7\t8\t" a\tb "\r\n0\t9\t10\tc\td\r\n'
    ),
    "MRPC/dev.tsv": "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\te\tf\n",
    "STS-B/train.tsv": (
        "index\tgenre\tsentence1\tsentence2\tscore\n0\tx\ta\tb\t5.000\n1\tx\tc\td\t0.25\n"
    ),
    "STS-B/dev.tsv": "index\tgenre\tsentence1\tsentence2\tscore\n0\tx\ta\tb\t2.5\n",
    "QQP/train.tsv": (
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
        "1\t1\t2\ta?\tb?\t1\n2\t3\t4\tcut\n3\t5\t6\tc?\td?\t0\n"
    ),
    "QQP/dev.tsv": (
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t1\t2\ta?\tb?\t1\n"
    ),
    "MNLI/train.tsv": (
        "index\tsentence1\tsentence2\tlabel1\tgold_label\n"
        "0\ta\tb\tneutral\tcontradiction\n"
    ),
    "MNLI/dev_matched.tsv": (
        "index\tsentence1\tsentence2\tlabel1\tlabel2\tgold_label\n"
        "0\tc\td\tneutral\tneutral\tneutral\n"
    ),
    "MNLI/dev_mismatched.tsv": (
        "index\tsentence1\tsentence2\tgold_label\n0\te\tf\tentailment\n"
    ),
    "MNLI/test_matched.tsv": "index\tsentence1\tsentence2\n0\tg\th\n",
    "MNLI/test_mismatched.tsv": "index\tsentence1\tsentence2\n0\ti\tj\n",
    "diagnostic/diagnostic.tsv": "index\tsentence1\tsentence2\n0\tk\tl\n1\tm\tn\n",
    "QNLI/train_subset.tsv": (
        "index\tquestion\tsentence\tlabel\n0\tq\ts\tnot_entailment\n"
    ),
    "QNLI/dev.tsv": "index\tquestion\tsentence\tlabel\n0\tq\ts\tentailment\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode())
    return tmp_path


def test_cola_has_no_header_no_quoting_and_needs_no_last_newline(folder):
    splits = glue.load("CoLA", folder).splits
    assert splits["train"].texts_a == ['He said "no.', "Them is\x85 here."]
    assert splits["train"].texts_b is None
    assert splits["train"].labels.tolist() == [1, 0]
    assert splits["dev"].texts_a == ["Bad the."]
    assert splits["test"].texts_a == ["One.", "Two."]
    assert splits["test"].labels is None


def test_mrpc_with_byte_order_mark_and_crlf(folder):
    task = glue.load("MRPC", folder)
    assert task.splits["train"].texts_a == ['" a', "c"]
    assert task.splits["train"].texts_b == ['b "', "d"]
    assert task.splits["train"].labels.tolist() == [1, 0]
    assert task.is_unordered and task.metrics == ("accuracy", "f1")


def test_mrpc_from_microsofts_files(tmp_path):
    folder = tmp_path / "MRPC"
    folder.mkdir()
    header = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
    rows = "1\t1\t2\ta\tb\n0\t3\t4\tc\td\n1\t5\t6\te\tf\n"
    (folder / "msr_paraphrase_train.txt").write_text(header + rows, "utf-8")
    (folder / "msr_paraphrase_test.txt").write_text(header + rows[:10], "utf-8")
    (folder / "dev_ids.tsv").write_text("3\t4\n", "utf-8")
    splits = glue.load("MRPC", tmp_path).splits
    assert splits["train"].texts_a == ["a", "e"]
    assert splits["dev"].texts_b == ["d"] and splits["dev"].labels.tolist() == [0]
    assert splits["test"].texts_a == ["a"] and splits["test"].labels is None
    # A dev set alone does not say which rows of the training file are its own.
    (folder / "dev_ids.tsv").unlink()
    (folder / "dev.tsv").write_text(header + "0\t3\t4\tc\td\n", "utf-8")
    with pytest.raises(glue.TaskError, match="neither train.tsv nor dev_ids.tsv"):
        glue.load("MRPC", tmp_path)


def test_stsb_is_a_regression(folder):
    task = glue.load("STS-B", folder)
    assert task.is_regression and task.num_outputs == 1 and task.target_scale == 5.0
    np.testing.assert_array_equal(
        task.splits["train"].labels, np.array([5.0, 0.25], np.float32)
    )
    assert task.metrics[0] == "spearman"


def test_cut_rows_of_qqp_are_left_out_and_reported(folder):
    task = glue.load("QQP", folder)
    assert task.splits["train"].texts_b == ["b?", "d?"]
    assert any("1 cut rows" in note for note in task.notes)


def test_a_cut_row_of_a_test_file_is_refused(folder):
    """Left out, it would move the predictions of all rows after it."""
    (folder / "QQP" / "test.tsv").write_text(
        "id\tquestion1\tquestion2\n0\ta?\tb?\n1\tc?\n2\te?\tf?\n"
    )
    with pytest.raises(TaskError, match="test.tsv, line 3: 2 columns; expected 3"):
        glue.load("QQP", folder)


def test_the_library_that_brings_glue_works():
    """Its own imports, up to the download."""
    builder = tfds.builder("glue/rte", data_dir="/nowhere")
    assert {"sentence1", "sentence2", "label"} <= set(builder.info.features)


def test_mnli_has_all_its_splits_and_takes_the_gold_label(folder):
    task = glue.load("MNLI", folder)
    assert list(task.splits) == [
        *("train", "dev", "dev_mismatched", "test", "test_mismatched", "AX")
    ]
    assert task.splits["train"].labels.tolist() == [2]
    assert task.splits["dev"].labels.tolist() == [1]
    assert task.splits["dev_mismatched"].labels.tolist() == [0]
    assert task.submission_names == {
        "test": "MNLI-m",
        "test_mismatched": "MNLI-mm",
        "AX": "AX",
    }
    assert task.scored_splits == ["dev", "dev_mismatched"]


def test_ax_is_mnli_with_the_diagnostic_set(folder):
    task = glue.load("AX", folder)
    assert list(task.splits) == ["train", "dev", "dev_mismatched", "AX"]
    assert task.splits["AX"].texts_b == ["l", "n"]


def test_subsets_only_when_asked_for(folder):
    with pytest.raises(TaskError, match="no train.tsv; there is train_subset.tsv"):
        glue.load("QNLI", folder)
    task = glue.load("QNLI", folder, subsets=True)
    assert task.splits["train"].labels.tolist() == [1]
    assert "not the official train.tsv" in task.notes[0]


@pytest.mark.parametrize(
    "file, content, message",
    [
        ("CoLA/train.tsv", "gj04\t1\t\tA.\ngj04\t1\tB.\n", "line 2: 3 columns"),
        ("CoLA/dev.tsv", "gj04\t2\t\tA.\n", "line 1: unknown label '2'"),
        ("STS-B/dev.tsv", "sentence1\tsentence2\tscore\na\tb\tnan\n", "line 2: 'nan'"),
        ("MNLI/train.tsv", "index\tsentence1\tgold_label\n0\ta\tb\n", "'sentence2'"),
        ("MRPC/dev.tsv", "", "has no rows"),
    ],
)
def test_bad_rows_are_named(folder, file, content, message):
    (folder / file).write_text(content, "utf-8")
    with pytest.raises(TaskError, match=message) as error:
        glue.load(file.split("/")[0], folder)
    assert file in str(error.value)


def test_not_utf8_is_named(folder):
    (folder / "CoLA/dev.tsv").write_bytes(b"gj04\t1\t\tA.\ngj04\t1\t\t\xff\n")
    with pytest.raises(TaskError, match="line 2: not UTF-8"):
        glue.load("CoLA", folder)


def test_tensorflow_datasets_reads_the_same(folder, monkeypatch):
    """The installed package's own reader, on files in the place of its downloads."""
    many = "".join(f"gj04\t{i % 2}\t\tSentence {i}.\n" for i in range(20))
    (folder / "CoLA" / "train.tsv").write_text(many)
    (folder / "STS-B" / "test.tsv").write_text("index\tsentence1\tsentence2\n0\ta\tb\n")

    def download(self, url):
        is_file = url.startswith("https://bit.ly/")  # of the diagnostic set
        return folder / "diagnostic/diagnostic.tsv" if is_file else folder

    manager = tfds.download.DownloadManager
    monkeypatch.setattr(manager, "download", download)
    monkeypatch.setattr(manager, "download_and_extract", download)
    monkeypatch.setattr(gcs_utils, "_is_gcs_disabled", True)
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(folder / "tfds"))
    for name in ("CoLA", "STS-B", "MNLI"):
        expected = glue.load(name, folder).splits
        splits = glue.load(name).splits
        assert list(splits) == list(expected)
        for split, found in splits.items():
            assert found.texts_a == expected[split].texts_a
            assert found.texts_b == expected[split].texts_b
            if split.startswith(("train", "dev")):
                labels = expected[split].labels
                np.testing.assert_array_equal(found.labels, labels, strict=True)
            else:
                assert found.labels is None


def test_classes_are_in_the_order_of_tensorflow_datasets():
    from tensorflow_datasets.text.glue import Glue

    configs = {config.name: config for config in Glue.BUILDER_CONFIGS}
    for task in glue.TASKS.values():
        config = configs[task.tfds_name]
        classes = None if config.label_classes is None else (*config.label_classes,)
        assert task.class_names == classes
        assert set(task.tfds_texts or task.texts) == set(config.text_features)
