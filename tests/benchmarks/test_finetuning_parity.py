"""benchmarks.finetuning_parity: every contestant learns; results are kept and shown."""

import json
import types

import numpy as np
import pytest

from benchmarks import finetuning_parity, parity_baselines, parity_contestants
from benchmarks.finetuning_parity import Cell, main
from support.tiny_bert import save_tiny_bert
from tf_pretrain.tasks.task import Split

SCORES = {0: 0.5, 1: 0.7, 2: 0.6}


@pytest.fixture
def ran(monkeypatch):
    """The cells that were run; none of them trains."""
    cells = []

    def run(cell, encoder, data_dir):
        cells.append(cell)
        return {
            "scores": {"accuracy": SCORES[cell.seed]},
            "seconds": 10.0 + cell.seed,
            "sentences_per_s": 100.0,
            "peak_memory": 2_000_000_000,
        }

    monkeypatch.setattr(Cell, "run", run)
    return cells


@pytest.mark.unit
def test_a_stopped_command_goes_on_and_shows_medians(ran, tmp_path, capsys):
    output = tmp_path / "deep" / "parity.json"
    command = [
        "--encoder=x",
        "--tasks=a/one,two",
        "--contestants=ours,TF-IDF and linear",
        f"--output={output}",
    ]
    main([*command, "--seeds=1"])
    assert len(ran) == 4
    rows = json.loads(output.read_text())
    assert rows["one|ours|0|0"]["task"] == "one"
    assert ran[0].task == "a/one"
    main([*command, "--minutes=1e-9"])
    assert len(ran) == 4
    main(command)
    # the linear model has one seed: it draws nothing
    assert len(ran) == 8 == len({cell.key for cell in ran})
    assert len(json.loads(output.read_text())) == 8
    capsys.readouterr()
    main(["--table", f"--output={output}"])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert rows[0].startswith(
        "| one, accuracy | all | ours | 3 | 60.0 (50.0 to 70.0) | 11 | 100 | 2.0 |"
    )
    assert "TF-IDF and linear | 1 | 50.0 | 10 |" in rows[1]


@pytest.mark.unit
def test_files_of_earlier_versions_are_read_and_collected(ran, tmp_path, capsys):
    """They have paths; the encoder and the path of a task are named by folders."""
    output, other = tmp_path / "parity.json", tmp_path / "other.json"
    old = {"task": "/data/sets/one", "contestant": "ours", "size": 0, "seed": 0}
    old |= Cell.run(Cell("x", "ours", 0, 0), None, None)
    output.write_text(json.dumps({"/data/sets/one|ours|0|0": old}))
    command = ["--encoder=/models/bert/tiny", "--tasks=/data/sets/one"]
    command += ["--contestants=ours", "--seeds=2"]
    main([*command, f"--output={output}"])
    assert [cell.seed for cell in ran[1:]] == [1]  # seed 0 is there
    other.write_text(json.dumps({"/a/two|ours|0|0": {**old, "task": "/a/two"}}))
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"three": {**old, "task": "three"}}))
    main([f"--collect={other},{more}", f"--output={output}"])
    text = output.read_text()
    assert list(json.loads(text)) == ["one|ours|0|0", "one|ours|0|1", "two|ours|0|0",
                                       "three|ours|0|0"]  # fmt: skip
    assert json.loads(text)["one|ours|0|1"]["encoder"] == "bert/tiny"
    assert "/data" not in text and "/models" not in text
    assert "| two, accuracy |" in capsys.readouterr().out


@pytest.mark.unit
def test_the_curve_has_a_line_for_each_contestant(ran, tmp_path, monkeypatch):
    lines = []

    def errorbar(axis, sizes, middles, errors, label, **_):
        lines.append((label, sizes, middles, errors))

    monkeypatch.setattr("matplotlib.axes.Axes.errorbar", errorbar)
    output, figure = tmp_path / "r.json", tmp_path / "curve.png"
    main(["--encoder=x", "--tasks=t", "--sizes=300,100", f"--output={output}"])
    main([f"--figure={figure}", f"--output={output}"])
    assert figure.stat().st_size > 1000
    assert [line[0] for line in lines] == list(finetuning_parity._CONTESTANTS)
    for _, sizes, _, _ in lines:
        assert sizes == (100, 300)
    assert lines[0][2] == [0.6 * 100] * 2
    assert lines[0][3] == [pytest.approx([10.0] * 2)] * 2


def test_a_missing_file_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--collect=no.json", f"--output={tmp_path}/parity.json"])
    assert "no file no.json" in capsys.readouterr().err


def test_an_unknown_contestant_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--encoder=x", "--contestants=theirs"])
    assert "theirs" in capsys.readouterr().err


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A BERT of Hugging Face's, with random weights and a vocabulary of six words."""
    folder = tmp_path_factory.mktemp("bert")
    words = ["good", "fine", "bad", "poor", "film", "plot"]
    save_tiny_bert(folder, words, max_position_embeddings=128)
    return str(folder)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    folder = tmp_path_factory.mktemp("task")
    words = {"yes": ("good", "fine"), "no": ("bad", "poor")}
    for split, count in (("train", 64), ("dev", 8)):
        rows = [
            f"{('film', 'plot')[i // 2 % 2]} {words[label][i % 2]}\t{label}"
            for i in range(count)
            for label in words
        ]
        (folder / f"{split}.tsv").write_text("\n".join(["sentence\tlabel", *rows]))
    return str(folder)


LEARNERS = [name for name in finetuning_parity._CONTESTANTS if "majority" not in name]


@pytest.mark.parametrize("name", LEARNERS)
def test_every_contestant_learns_to_tell_words_apart(name, encoder, task, monkeypatch):
    monkeypatch.setattr(parity_contestants, "LEARNING_RATE", 5e-3)
    monkeypatch.setattr(parity_contestants, "MIN_STEPS", 60)  # 3 batches: 20 epochs
    function, more = finetuning_parity._CONTESTANTS[name]
    contestant = getattr(parity_contestants, function)
    answer = contestant(task, None, encoder, 100, **more)(seed=1)
    assert answer["scores"]["accuracy"] == 1.0
    steps = 60 if function in ("ours", "transformers") else 0
    assert answer["sentences_per_s"] == pytest.approx(steps * 32 / answer["seconds"])
    assert answer["peak_memory"] > 1e8
    assert (answer["split"], answer["scored_examples"]) == ("dev", 16)
    assert answer["train_examples"] == 100


def test_the_majority_class(tmp_path):
    """Of the training examples, not of those that are scored."""
    rows = ["sentence\tlabel"] + ["film\tno"] * 3 + ["plot\tyes"] * 2
    (tmp_path / "train.tsv").write_text("\n".join(rows))
    rows = ["sentence\tlabel"] + ["film\tno"] + ["plot\tyes"] * 3
    (tmp_path / "dev.tsv").write_text("\n".join(rows))
    answer = parity_contestants.majority(str(tmp_path), None, None, 0)(seed=0)
    assert answer["scores"]["accuracy"] == 0.25


@pytest.mark.unit
@pytest.mark.parametrize(
    "examples, epochs", [(20, 200), (100, 67), (1000, 7), (3000, 3), (67_349, 3)]
)
def test_small_parts_are_read_more_often(examples, epochs):
    assert parity_contestants.num_epochs(examples) == epochs


@pytest.mark.unit
def test_pairs_have_both_texts_their_difference_and_product():
    a, b = np.array([[1.0, 2.0]]), np.array([[3.0, 0.5]])
    split = Split(["a"], ["b"], np.array([0]))
    task = types.SimpleNamespace(splits={"train": split})
    texts = {"a": a, "b": b}
    found = parity_baselines._features(
        task, lambda column: texts[column[0]], parity_baselines.dense_pair
    )
    assert found["train"].tolist() == [[1, 2, 3, 0.5, 2, 1.5, 3, 1]]


def test_mean_states_are_means_over_the_pieces(encoder):
    """Of each text alone, as transformers computes them; padding does not count."""
    torch, hf = pytest.importorskip("torch"), pytest.importorskip("transformers")
    texts = ["good", "bad film good plot", "poor plot"]
    split = Split(texts, None, np.array([0, 1, 1]))
    task = types.SimpleNamespace(splits={"train": split})
    found = parity_baselines.mean_states(task, encoder)["train"]
    tokenizer, network = (
        cls.from_pretrained(encoder) for cls in (hf.AutoTokenizer, hf.AutoModel)
    )
    with torch.inference_mode():
        expected = [
            network(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
            for text in texts
        ]
    assert found == pytest.approx(np.stack(expected), abs=1e-5)
