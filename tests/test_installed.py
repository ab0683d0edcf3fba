"""The wheel in an environment of its own, in a folder without a clone.

The environment sees the libraries of the one that runs the tests, and nothing of this
repository: what the wheel lacks is missing here.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib

import pytest

from support.corpus import write_corpus
from support.paths import ROOT

pytestmark = pytest.mark.integration

DATA = (
    "--config.model.vocab_size=120",
    "--config.data.max_seq_length=24",
    "--config.data.max_predictions_per_seq=5",
    "--config.data.heldout_fraction=0.2",
)
SIZES = (
    "--config.model.hidden_size=16",
    "--config.model.embedding_size=16",
    "--config.model.num_hidden_layers=1",
    "--config.model.num_attention_heads=1",
    "--config.model.intermediate_size=16",
    "--config.train.num_steps=2",
    "--config.train.batch_size=4",
    "--config.train.eval_steps=1",
    "--config.train.jit_compile=false",
)


@pytest.mark.unit
def test_the_wheel_has_every_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    folders = (path.parent for path in ROOT.glob("tf_pretrain/**/__init__.py"))
    there = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(listed) == there | {"tf_pretrain.configs"}
    assert len(listed) == len(set(listed))


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """A function: runs an installed command in an empty folder; returns its output."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    # The build works in a copy, so that the repository keeps no build folder.
    source = folder / "source"
    source.mkdir()
    for name in ("tf_pretrain", "configs"):
        subprocess.run(["cp", "-r", ROOT / name, source], check=True)
    for file in (*ROOT.glob("*.toml"), *ROOT.glob("*.txt"), *ROOT.glob("*.py")):
        subprocess.run(["cp", file, source], check=True)
    subprocess.run(["cp", ROOT / "README.md", source], check=True)
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", folder / "wheel", source],
        check=True,
    )
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (wheel,) = (folder / "wheel").glob("*.whl")
    subprocess.run(
        [*pip, "--python", venv, "install", "--no-deps", "--no-index", wheel],
        check=True,
    )
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    empty = folder / "empty"
    empty.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(name, *arguments):
        done = subprocess.run(
            [venv / "bin" / name, *arguments],
            cwd=empty,
            env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    run.folder = empty
    return run


def test_it_is_the_installed_package(command):
    code = "import tf_pretrain; print(tf_pretrain.__file__, tf_pretrain.__version__)"
    file, version = command("python", "-c", code).split()
    assert "site-packages" in file
    assert version in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_configs_are_found_by_name(command):
    shown = command("tf-pretrain", "--config=electra_small", "--dry_run")
    assert '"hidden_size": 256' in shown or "hidden_size: 256" in shown
    assert shown == command(
        "tf-pretrain", "--config=configs/electra_small.py", "--dry_run"
    )


def test_plots_have_a_font_with_chinese_characters(command):
    code = "from tf_pretrain import plotting; print(plotting.families())"
    assert "Noto Sans SC" in command("python", "-c", code)


def test_tables_and_sizes(command):
    assert "electra_table5" in command("tf-pretrain-tables", "--list")
    assert "albert.py:xxlarge_v1" in command("python", "-m", "tf_pretrain.sizes")


def test_from_records_to_an_exported_model(command):
    write_corpus(command.folder / "text.txt")
    text, output = "--input=text.txt", "--output=records"
    command("tf-pretrain-build-records", text, output, "--num_workers=1", *DATA)
    records = "--records=records/train-*.tfrecord"
    command("tf-pretrain", records, "--workdir=pretrained", *DATA, *SIZES)
    results = json.loads((command.folder / "pretrained/results.json").read_text())
    assert results["step"] == 2 and results["eval"]
    hugging_face = ("--output=converted", "--to=huggingface")
    command("tf-pretrain-convert", "--input=pretrained", *hugging_face)
    assert (command.folder / "converted" / "vocab.txt").is_file()
    task = command.folder / "task"
    task.mkdir()
    for split in ("train", "dev"):
        rows = "sentence\tlabel\n" + "good\tyes\nbad\tno\n" * 4
        (task / f"{split}.tsv").write_text(rows)
    command(
        "tf-finetune",
        "--task=task",
        "--init_checkpoint=pretrained",
        "--workdir=tuned",
        "--config.finetune.num_trials=1",
        "--config.finetune.num_steps=2",
        "--config.finetune.max_seq_length=16",
    )
    command("tf-pretrain-export", "--checkpoint=tuned", "--output=served")
    assert (command.folder / "served" / "saved_model.pb").is_file()


def test_dependencies_are_those_of_the_requirements():
    """What stands in two files is the same in both."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]

    def pins(file):
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        return {line.split("#")[0].strip() for line in lines} - {""}

    assert set(extras["serving"]) == pins("requirements-serving.txt")
    tensorflow = extras["gpu"][0].replace("[and-cuda]", "")
    assert tensorflow in pins("requirements.txt")
