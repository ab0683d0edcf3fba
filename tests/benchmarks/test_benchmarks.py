"""The benchmark harness: its arithmetic, its processes, and that both sides agree."""

import importlib
import json
import math
import os
import subprocess
import sys
import types

import numpy as np
import pytest

from benchmarks import (
    accelerator,
    comparison,
    run,
    scaling,
    sentence_cues,
    synthetic,
)
from benchmarks.comparison import Row
from benchmarks.records import _MemoryWatch
from benchmarks.worker import Contestant
from support.tiny import tiny_config
from tf_pretrain.models.flops import matmul_flops

ECHO = "tests.support.echo:echo"


def test_contestant_keeps_state_and_answers_in_turn():
    with Contestant("tests.support.echo:echo", {"offset": 10}) as contestant:
        assert contestant.run(value=1) == {"value": 11}
        assert contestant.run(value=2) == {"value": 12}
        assert contestant.ready_seconds > 0


def test_contestant_that_fails_is_reported():
    with pytest.raises(RuntimeError, match="support.echo:echo ended with code 1"):
        Contestant(ECHO, {"offset": None})


@pytest.mark.parametrize(
    "ours, peer, target, is_rate, verdict",
    [
        (3.0, 2.0, 1.5, True, "reached"),
        (2.9, 2.0, 1.5, True, "missed"),
        (0.7, 1.0, 0.7, False, "reached"),
        (0.8, 1.0, 0.7, False, "missed"),
        (3.0, 2.0, None, True, "-"),
    ],
)
def test_verdict(ours, peer, target, is_rate, verdict):
    row = Row("work", ours, "peer", peer, "s", target, is_rate)
    assert row.ratio == ours / peer
    assert row.verdict == verdict


def test_rounds_are_interleaved_and_reduced_to_medians():
    order = []

    def turn(name, values):
        def take():
            order.append(name)
            return {"seconds": values.pop(0)}

        return take

    runs = {"a": turn("a", [3.0, 1.0, 100.0]), "b": turn("b", [5.0, 4.0, 6.0])}
    results = comparison.interleave(runs, 3)
    assert order == ["a", "b"] * 3
    assert comparison.median(results["a"], "seconds") == 3.0
    assert comparison.median(results["b"], "seconds") == 5.0


def test_table():
    rows = [
        Row("step", 3.0, "HF", 2.0, "tok/s", 1.6, note="why"),
        Row("start", 2.0, "Keras", 8.0, "s", 0.35, is_rate=False, note="why"),
    ]
    table = comparison.format_table(rows).splitlines()
    assert table[2] == "| step | 3 | HF | 2 | tok/s | 1.5 | ≥ 1.6 | missed |"
    assert table[3] == "| start | 2 | Keras | 8 | s | 0.25 | ≤ 0.35 | reached |"
    assert table[4:] == ["", "- step: why", "- start: why"]


def test_every_item_exists():
    for item in run.ITEMS.values():
        module, function = item.split(":")
        assert callable(
            getattr(importlib.import_module(f"benchmarks.{module}"), function)
        )


def test_memory_watch_sees_children():
    size = 150_000_000
    child = f"x = bytearray({size}); x[::4096] = b'1' * len(x[::4096]); "
    child += "import time; time.sleep(1.5)"
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    watch = _MemoryWatch(process.pid, interval=0.05)
    watch.start()
    process.wait()
    watch.join()
    assert size < watch.peak < size + 60e6


def test_random_batch_is_consistent():
    config = tiny_config()
    batch = synthetic.random_batch(config)
    at_slots = np.take_along_axis(batch["input_ids"], batch["masked_lm_positions"], 1)
    np.testing.assert_array_equal(at_slots, batch["masked_lm_ids"])
    is_masked = batch["masked_input_ids"] != batch["input_ids"]
    assert is_masked.sum() == batch["masked_lm_ids"].size
    assert (np.diff(batch["masked_lm_positions"], axis=1) > 0).all()


def test_peer_trains_the_same_loss():
    """At initialisation: ln V for the masks, 50 times the entropy of a coin."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from benchmarks import torch_peers
    from tf_pretrain.models.building import build_objective

    config = accelerator.row_config("electra_small", tiny=True)
    batch = synthetic.random_batch(config)
    network = build_objective(config)
    losses = network.losses(batch)
    ours = float(network.total_loss(losses))
    expected = math.log(config.model.vocab_size) + 50 * math.log(2)
    assert abs(ours - expected) < 3
    tensors = torch_peers._tensors(torch_peers.electra_targets(batch), "cpu")
    for head in ("all", "gathered"):
        torch.manual_seed(0)
        _, loss_of = torch_peers.electra_loss(config, head)
        assert abs(float(loss_of(tensors)) - expected) < 3


def test_peer_heads_agree():
    """The head on gathered positions gives the loss of the head on all of them."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from benchmarks import torch_peers

    config = accelerator.row_config("electra_small", tiny=True)
    tensors = torch_peers._tensors(
        torch_peers.electra_targets(synthetic.random_batch(config)), "cpu"
    )
    losses = []
    for head in ("all", "gathered"):
        torch.manual_seed(0)
        network, loss_of = torch_peers.electra_loss(config, head)
        network.eval()
        torch.manual_seed(1)
        losses.append(float(loss_of(tensors)))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_scaling_configs():
    config = scaling.step_config(max_seq_length=64, batch_size=4, sharing="all")
    assert config.data.max_seq_length == 64
    assert config.train.batch_size == 4
    assert config.model.parameter_sharing == "all"
    assert config.model.hidden_size == 256


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_accelerator_command(backend):
    """One command; here on the CPU, at toy sizes."""
    pytest.importorskip("jax")
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    command = "benchmarks.accelerator --tiny --peer --rounds=1 --steps=2"
    rows = "electra_small,albert_base"
    finished = subprocess.run(
        [sys.executable, "-m", *command.split(), f"--rows={rows}"],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    lines = finished.stdout.splitlines()
    assert lines[0] == f"Keras on {backend}; bfloat16 product"
    electra, albert = map(json.loads, lines[2:])
    assert (electra["row"], albert["row"]) == tuple(rows.split(","))
    for line in (electra, albert):
        assert line["batch"] == "2 x 16"
        assert line["positions_per_s"] == pytest.approx(32e3 / line["ms_a_step"])
        assert line["share_of_matrix_rate"] > 0
    assert electra["ratio"] == pytest.approx(
        electra["peer_ms_a_step"] / electra["ms_a_step"]
    )
    assert "ratio" not in albert


def test_table_of_the_accelerator():
    """The shares are of the rate of the product, positions those of the batch."""
    config = accelerator.row_config("electra_base", False)
    assert (config.train.batch_size, config.data.max_seq_length) == (64, 512)
    assert config.train.mixed_precision == "bfloat16"
    figures = {"matrix": 4e14, "electra_base": 0.5, "electra_small": 0.02}
    figures["electra_small peer"] = 0.05
    base, small = accelerator.table(["electra_base", "electra_small"], figures, False)
    assert base["ms_a_step"] == 500 and base["batch"] == "64 x 512"
    assert base["positions_per_s"] == 65536
    assert base["share_of_matrix_rate"] == matmul_flops(config) / 0.5 / 4e14
    assert 0.1 < base["share_of_matrix_rate"] < 1
    assert "ratio" not in base
    assert small["ratio"] == 2.5 and small["peer_ms_a_step"] == 50


def test_what_can_be_seen_of_a_pair_without_reading():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", ".", "▁?", "c."]
    tokenizer = types.SimpleNamespace(
        id_to_piece=pieces.__getitem__,
        is_word_start=np.array(["##" not in piece for piece in pieces]),
    )
    rows = (
        # [CLS] a ##b . [SEP] ##b a [SEP], and [CLS] c. [SEP] a ##b ? [SEP]
        ([2, 5, 6, 7, 3, 6, 5, 3, 0], [0] * 5 + [1] * 3 + [0], 8, [1]),
        ([2, 9, 3, 5, 6, 8, 3, 0, 0], [0] * 3 + [1] * 4 + [0] * 2, 7, [0]),
        ([2, 5, 3, 0, 0, 0, 0, 0, 0], [0] * 9, 3, [0]),  # no pair: left out
    )
    examples = {
        "input_ids": [row[0] for row in rows],
        "input_mask": [[1] * row[2] + [0] * (9 - row[2]) for row in rows],
        "segment_ids": [row[1] for row in rows],
        "next_sentence_labels": [row[3] for row in rows],
    }
    features, labels = sentence_cues.cues(examples, tokenizer)
    assert labels.tolist() == [1, 0]
    # Sizes of A and B; whether A, B end a sentence; whether A, B begin a word.
    assert features.tolist() == [[3, 2, 1, 0, 1, 0], [1, 3, 0, 1, 1, 1]]
