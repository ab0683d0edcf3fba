"""The benchmark of question answering: that both sides do the same work."""

import argparse
import json

import numpy as np
import pytest

from benchmarks import question_answering, question_contestants
from support.paths import VOCABULARIES
from support.task_files import write_questions
from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.tasks.question_answering import codec
from tf_pretrain.tasks.question_answering.squad_files import read_questions

VOCABULARY = str(VOCABULARIES / "bert-base-uncased-vocab.txt")


def test_both_sides_read_the_same_windows(tmp_path):
    """Inputs, segments and labels, where a text has one window."""
    pytest.importorskip("transformers")
    write_questions(tmp_path)
    asked = read_questions(tmp_path / "train.json")
    tokenizer = question_contestants._fast_tokenizer(VOCABULARY)
    peer = question_contestants.encode(tokenizer, asked)
    model = question_contestants._our_network()
    examples, left_out = codec.encode(asked, model, load_tokenizer(VOCABULARY), True)
    assert left_out == 0 and len(peer["input_ids"]) == len(asked) == 40
    length = question_contestants.LENGTH
    ours = examples.features(np.arange(40), length, 40)
    for name, theirs in (
        ("input_ids", "input_ids"),
        ("input_mask", "attention_mask"),
        ("segment_ids", "token_type_ids"),
        ("start_positions", "start_positions"),
        ("end_positions", "end_positions"),
    ):
        np.testing.assert_array_equal(ours[name], peer[theirs], err_msg=name)
    assert 5 < np.count_nonzero(ours["start_positions"]) < 40


class StandIn:
    """Answers like a contestant, at once: the rates of these arguments."""

    started = []

    def __init__(self, target, arguments, environment=None):
        self.target = target.partition(":")[2]
        self.arguments, self.environment = arguments, environment
        self.started.append(self)

    def run(self, **arguments):
        rate = {"our_features": 6.0, "peer_features": 2.0}.get(self.target)
        if rate:
            return {"questions_per_s": rate, "windows": 40}
        questions = len(read_questions(self.arguments["data"]))
        assert arguments["steps"] in (2, 24, 6)
        rate = 3.0 if self.target == "our_training" else 1.0
        return {"windows_per_s": rate, "peak_memory": 1e9 + 1e6 * questions}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_the_table(tmp_path, monkeypatch, capsys):
    """Ratios and targets; memory is of four times as many questions."""
    write_questions(tmp_path)
    monkeypatch.setattr(question_answering, "Contestant", StandIn)
    monkeypatch.setattr(question_answering.os, "sched_getaffinity", lambda _: {0, 1})
    flags = f"--data={tmp_path}/train.json --vocab={VOCABULARY} --steps=2 --rounds=1"
    question_answering.main(flags.split())
    table = capsys.readouterr().out.rpartition("| work |")[2]
    assert "| features | 6 | HF fast tokenizer, 1 thread | 2 |" in table
    assert "| features | 6 | HF fast tokenizer, 2 threads | 2 |" in table
    assert "| training, padded, batch 8 | 3 | HF padded | 1 |" in table
    assert "| training, grouped, batch 8 | 3 | HF dynamic | 1 |" in table
    memory = "| training on 160 questions, peak memory | 1.16 | ours on 40 | 1.04 |"
    assert memory in table and "| 1.12 | ≤ 1.1 | missed |" in table
    threads = [c.environment for c in StandIn.started if c.target == "peer_features"]
    assert threads == [{"RAYON_NUM_THREADS": "1"}, {"RAYON_NUM_THREADS": "2"}]


def test_copies_of_the_first_questions(tmp_path):
    write_questions(tmp_path)
    articles = question_answering._read(str(tmp_path / "train.json"), 7)
    path = tmp_path / "copies.json"
    assert question_answering._write_copies(articles, 3, path) == 21
    first = read_questions(tmp_path / "train.json")[:7]
    copies = read_questions(path)
    assert [q.text for q in copies] == [q.text for q in first] * 3
    assert [q.answers for q in copies] == [q.answers for q in first] * 3
    assert len({q.context for q in copies}) == 3 * len({q.context for q in first})
    assert json.loads(path.read_text())["data"]
    options = argparse.Namespace(data=str(path), questions=None)
    assert len(question_answering._read(options.data, options.questions)) == 21
