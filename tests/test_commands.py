"""Commands as functions: flags, messages, and TensorFlow's start."""

import os
import subprocess
import sys

import pytest
from absl import flags

import run_finetuning
import run_pretraining
from support.paths import PYTHONPATH
from tf_pretrain import build_records, commands, quiet_tensorflow
from tf_pretrain.errors import UserError


def _dry_run(capsys, *arguments):
    run_pretraining.main(["--dry_run", *arguments])
    return capsys.readouterr().out


def test_flags_of_one_call_do_not_reach_the_next(capsys):
    first = _dry_run(capsys, "--config=bert_small", "--config.train.num_steps=20001")
    second = _dry_run(capsys)
    assert '"num_steps": 20001' in first and '"name": "masked_lm"' in first
    assert '"num_steps": 20001' not in second
    assert '"name": "replaced_token_detection"' in second


@pytest.mark.parametrize(
    "main,arguments,message",
    [
        (run_pretraining.main, ["--recods=x"], "Did you mean: records"),
        (run_pretraining.main, ["text.txt"], "unexpected arguments: text.txt"),
        (run_pretraining.main, ["--config.seed"], "write --config.seed=VALUE"),
        (run_pretraining.main, ["--restore_optimizer"], "needs --init_checkpoint"),
        (run_finetuning.main, ["--task=Cola"], "did you mean 'CoLA'"),
        (run_finetuning.main, ["--config=quickstart"], "expected a FinetuneConfig"),
        (build_records.main, [], "--input"),
    ],
)
def test_errors_are_messages(main, arguments, message):
    with pytest.raises(SystemExit, match=f"^error: .*{message}"):
        main(arguments)


@pytest.mark.parametrize("main", [run_pretraining.main, run_finetuning.main])
def test_help(main, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--workdir=x", "--help"])
    assert exit_.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "--workdir" in printed and "`python -m tf_pretrain.config` lists" in printed


@pytest.mark.parametrize("error", [UserError("x is 3"), FileNotFoundError("x is 3")])
def test_only_errors_of_users_are_messages(error):
    def raise_(error):
        raise error

    with pytest.raises(SystemExit, match="error: x is 3"):
        commands.run(lambda: raise_(error), flags.FlagValues(), [])
    with pytest.raises(ZeroDivisionError):
        commands.run(lambda: 1 / 0, flags.FlagValues(), [])


_NOTICE = b"I0000 00:00:1795.6 20228 port.cc:153] oneDNN custom operations are on.\n"
_ERROR = b"E0000 00:00:1795.6 20228 x.cc:1] failed\n"


def test_only_notices_are_dropped(capfd):
    with quiet_tensorflow.without_notices():
        os.write(2, _NOTICE + _ERROR + b"of another program\n")
        os.write(1, _NOTICE)
    os.write(2, _NOTICE)
    captured = capfd.readouterr()
    assert captured.err.encode() == _ERROR + b"of another program\n" + _NOTICE
    assert captured.out.encode() == _NOTICE


@pytest.mark.integration
@pytest.mark.parametrize("first", ["tensorflow", "keras"])
def test_tensorflow_starts_quietly(first):
    """And what it prints when it is aborted is still printed."""
    code = (
        f"from tf_pretrain import commands\nimport {first}, tensorflow as tf, os\n"
        "tf.config.list_physical_devices()\n"
        "with commands.quiet_tensorflow.without_notices():\n"
        "    os.write(2, b'last words'); os.abort()"
    )
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert "last words" in done.stderr
    for notice in ("I0000", "InitializeLog", "cuInit"):
        assert notice not in done.stderr
