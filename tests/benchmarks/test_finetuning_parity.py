"""benchmarks.finetuning_parity: every contestant learns; results are kept and shown."""

import json

import pytest

from benchmarks import finetuning_parity, parity_contestants
from benchmarks.finetuning_parity import Cell, main

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


def test_an_unknown_contestant_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--encoder=x", "--contestants=theirs"])
    assert "theirs" in capsys.readouterr().err


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A BERT of Hugging Face's, with random weights and a vocabulary of six words."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("bert")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += ["good", "fine", "bad", "poor", "film", "plot"]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    config = transformers.BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
    )
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(
        folder
    )
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


@pytest.mark.parametrize("name", finetuning_parity._CONTESTANTS)
def test_every_contestant_learns_to_tell_words_apart(name, encoder, task, monkeypatch):
    monkeypatch.setattr(parity_contestants, "LEARNING_RATE", 5e-3)
    monkeypatch.setattr(parity_contestants, "EPOCHS", 10)
    function, more = finetuning_parity._CONTESTANTS[name]
    contestant = getattr(parity_contestants, function)
    answer = contestant(task, None, encoder, 100, **more)(seed=1)
    assert answer["scores"]["accuracy"] == 1.0
    steps = 100 // 32 * 10 if function != "linear" else 0
    assert answer["sentences_per_s"] == pytest.approx(steps * 32 / answer["seconds"])
    assert answer["peak_memory"] > 1e8
