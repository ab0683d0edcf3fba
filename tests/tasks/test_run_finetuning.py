"""The command line, as a user has it."""

import json

import numpy as np
import pytest
import safetensors.numpy

from support import backend_processes, programs
from support.paths import ROOT
from support.tiny import tiny_config
from tf_pretrain import atomic_files
from tf_pretrain.config import to_dict
from tf_pretrain.data.tokenization import WordPieceTokenizer
from tf_pretrain.interchange.finetuning_workdir import load_classifier
from tf_pretrain.tasks.initial import load_initial
from tf_pretrain.training import checkpoints
from tf_pretrain.training.building import build_trainer
from tf_pretrain.training.strategy import build_strategy

ROWS = "".join(
    f"{text}\t{label}\n" for text, label in [("good", "p"), ("bad", "n")] * 9
)


def run(folder, *arguments, backend=None):
    """Exit status, stdout and stderr of the command, started in `folder`.

    With a backend, as on a machine without TensorFlow.
    """
    program = ROOT / "run_finetuning.py"
    if backend is None:
        done = programs.run(program, *arguments, cwd=folder)
    else:
        done = backend_processes.run(
            *(program, *arguments),
            backend=backend,
            cwd=folder,
            WITHOUT="tokenizers sentencepiece",
        )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A pretraining workdir with random weights."""
    workdir = tmp_path_factory.mktemp("pretrained")
    config = tiny_config()
    trainer = build_trainer(config, build_strategy("one"))
    checkpoints.save(workdir / "checkpoints", 4, trainer, 1, {})
    atomic_files.write_json(workdir / "config.json", to_dict(config))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (workdir / "vocab.txt").write_text("\n".join([*special, "good", "bad"]) + "\n")
    WordPieceTokenizer(workdir / "vocab.txt").save(workdir)
    return workdir


SHORT = (
    "--config.finetune.num_steps=4",
    "--config.finetune.num_trials=2",
    "--config.finetune.max_seq_length=16",
)


def test_fine_tuning_starts_from_the_checkpoint(pretrained):
    initial = load_initial(pretrained)
    (file,) = (pretrained / "checkpoints").iterdir()
    saved = {
        f"encoder/{name.removeprefix('model/discriminator/')}": value
        for name, value in safetensors.numpy.load_file(file).items()
        if name.startswith("model/discriminator/")
    }
    assert len(initial.weights) > 20
    for name, value in initial.weights.items():
        np.testing.assert_array_equal(value, saved[name], err_msg=name)
    assert load_initial(pretrained, from_scratch=True).weights is None


def test_own_task(tmp_path, pretrained):
    data = tmp_path / "data"
    data.mkdir()
    for split in ("train", "dev"):
        (data / f"{split}.tsv").write_text("sentence\tlabel\n" + ROWS)
    status, output, error = run(
        tmp_path, "--task=data", f"--init_checkpoint={pretrained}", *SHORT
    )
    assert status == 0, error
    assert "2 classes of single texts (n, p)" in output
    assert "seed 1: 4 steps" in output and "median" in output
    assert "0.0% of the pieces are [UNK]" in output
    workdir = tmp_path / "runs/finetune-data"
    results = json.loads((workdir / "results.json").read_text())
    assert (results["task"], results["metric"]) == ("data", "accuracy")
    assert [trial["seed"] for trial in results["trials"]] == [0, 1]
    for name in ("confusion.png", "class_scores.png", "dev_scores.png"):
        assert (workdir / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.integration
def test_own_file_with_columns_by_flags(tmp_path, pretrained):
    rows = "".join(
        f"{i},{word} {i},{mood}\n"
        for i in range(20)
        for word, mood in [("good", "p"), ("bad", "n")]
    )
    (tmp_path / "mine.csv").write_text("id,Words,Mood\n" + rows)
    arguments = ("--task=mine.csv", f"--init_checkpoint={pretrained}", "--workdir=out")
    status, _, error = run(tmp_path, *arguments)
    assert status != 0 and "Traceback" not in error
    assert (
        "mine.csv has the columns id, Words, Mood: none of them is surely the" in error
    )
    assert "set --label_column=Mood (or " in error
    status, output, error = run(
        tmp_path,
        *arguments,
        "--text_column=Words",
        "--label_column=3",
        *SHORT,
        "--config.finetune.num_steps=2",
        "--config.finetune.num_trials=1",
    )
    assert status == 0, error
    assert "note: text: Words; label: Mood; left out: id" in output
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results["examples"] == {"train": 36, "dev": 4}
    assert any("4 of the 40 rows of mine.csv" in note for note in results["notes"])


@pytest.mark.integration
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_without_tensorflow(tmp_path, pretrained, backend):
    """Texts that one word decides are learnt, by a command that knows no TensorFlow."""
    pytest.importorskip(backend)
    data = tmp_path / "data"
    data.mkdir()
    for split in ("train", "dev"):
        (data / f"{split}.tsv").write_text("sentence\tlabel\n" + ROWS)
    status, output, error = run(
        tmp_path,
        "--task=data",
        f"--init_checkpoint={pretrained}",
        "--config.finetune.num_steps=30",
        "--config.finetune.num_trials=1",
        "--config.finetune.max_seq_length=16",
        "--config.finetune.learning_rate=0.01",
        backend=backend,
    )
    assert status == 0, error
    assert "seed 0: 30 steps" in output
    results = json.loads((tmp_path / "runs/finetune-data/results.json").read_text())
    assert results["median"] == 1.0
    history = results["trials"][0]["history"]
    assert [scores["step"] for scores in history] == [8, 16, 24, 30]
    # The files are those of any backend.
    tuned = load_classifier(tmp_path / "runs/finetune-data")
    features = {"input_ids": np.array([[2, 5, 3], [2, 6, 3]], np.int32)}
    classes = np.argmax(tuned.classifier(features), axis=-1)
    assert [tuned.model.class_names[i] for i in classes] == ["p", "n"]


@pytest.mark.integration
def test_all_tasks_that_are_there(tmp_path, pretrained):
    """Two tasks of GLUE, and the reasons why the others were left out."""
    for name, header in (("WNLI", "sentence1\tsentence2"), ("SST-2", "sentence")):
        (tmp_path / "glue" / name).mkdir(parents=True)
        texts = "good\tbad" if name == "WNLI" else "good"
        rows = "".join(f"{texts}\t{label}\n" for label in (0, 1) * 9)
        for split in ("train", "dev"):
            file = tmp_path / "glue" / name / f"{split}.tsv"
            file.write_text(f"{header}\tlabel\n{rows}")
        (tmp_path / "glue" / name / "test.tsv").write_text(f"{header}\n{texts}\n")
    status, output, error = run(
        tmp_path,
        "--task=all",
        "--data_dir=glue",
        "--workdir=out",
        f"--init_checkpoint={pretrained}",
        *SHORT,
    )
    assert status == 0, error
    results = json.loads((tmp_path / "out/results.json").read_text())
    medians = {name: task["median"] for name, task in results["tasks"].items()}
    assert set(medians) == {"SST-2", "WNLI"}
    averages = results["averages"]
    assert averages["electra"] == {"value": medians["SST-2"], "tasks": ["SST-2"]}
    assert averages["leaderboard"]["value"] == pytest.approx(
        (medians["SST-2"] + medians["WNLI"]) / 2
    )
    assert "over 1 of its 8 tasks" in output and "has no folder CoLA" in output
    submission = sorted(path.name for path in (tmp_path / "out/submission").iterdir())
    assert submission == ["SST-2.tsv", "WNLI.tsv"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ("--task=sst2",),
            "'sst2' is neither a task nor a folder or file; did you mean 'SST-2'",
        ),
        (
            ("--task=RTE", "--text_column=sentence1"),
            "--text_column is for your own files; --task is RTE",
        ),
        ((), "run `python run_pretraining.py` first"),
        (("--config.finetune.num_trial=1",), "did you mean 'num_trials'"),
        (
            (f"--config={ROOT}/configs/electra_small.py",),
            "makes a PretrainConfig; expected a FinetuneConfig",
        ),
    ],
)
def test_wrong_flags_are_named(tmp_path, arguments, message):
    status, _, error = run(tmp_path, *arguments)
    assert status != 0
    assert message in error and "Traceback" not in error
