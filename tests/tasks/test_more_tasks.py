"""Questions about texts, multiple choice and tags: from files to scores and back."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from support.task_files import WORDS, WRITERS, write_questions, write_tags
from support.tiny import tiny_config
from tf_pretrain.config import (
    FinetuneConfig,
    FinetuneSettings,
    QuestionSettings,
    TaggingSettings,
)
from tf_pretrain.data.tokenization import WordPieceTokenizer
from tf_pretrain.errors import UserError
from tf_pretrain.interchange import finetuning_workdir
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.tasks import finetune, kinds
from tf_pretrain.tasks.columns import Columns
from tf_pretrain.tasks.initial import Initial
from tf_pretrain.tasks.loading import load_task
from tf_pretrain.tasks.question_answering import squad_metrics
from tf_pretrain.tasks.tagging import spans

KINDS = ("questions", "choices", "tags")


@pytest.fixture(scope="module")
def initial(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path.write_text("\n".join(special + WORDS + ["_", "."]) + "\n")
    keras.utils.set_random_seed(3)
    encoder = Encoder(tiny_config(model={"use_pooler": True}).model)
    weights = {
        v.path: keras.ops.convert_to_numpy(v) for v in encoder.trainable_variables
    }
    return Initial("somewhere", encoder.config, WordPieceTokenizer(path), weights)


@pytest.fixture(scope="module", params=KINDS)
def finished(request, initial, tmp_path_factory):
    """(kind, folder of files, workdir, results) of a run on each kind of task."""
    folder, workdir = (tmp_path_factory.mktemp(request.param) for _ in range(2))
    WRITERS[request.param](folder)
    task = load_task(str(folder), None, Columns())
    results = finetune.finetune(task, config(), initial, workdir)
    return request.param, folder, workdir, results


def config(**settings):
    values = {
        "num_trials": 1,
        "num_steps": 60,
        "num_evaluations": 1,
        "batch_size": 16,
        "learning_rate": 0.005,
        "layerwise_decay": 1.0,
        "bias_correction": True,
        "max_seq_length": 24,
        "encoder_dropout": 0.0,
        "classifier_dropout": 0.0,
        **settings,
    }
    questions = QuestionSettings(
        beam_size=4, max_answer_length=3, max_choice_length=8, null_threshold=0.0
    )
    return FinetuneConfig(finetune=FinetuneSettings(**values), questions=questions)


def test_the_kind_is_found_and_learnt(finished):
    kind, folder, _, results = finished
    assert kinds.find_kind(folder) == kind
    scores = results["medians"]["dev"]
    # Guessing: a word of six, one option of four, no span.
    if kind == "questions":
        assert scores["f1"] > 0.5 and scores["best_f1"] >= scores["f1"]
    elif kind == "choices":
        assert scores["accuracy"] > 0.7
    else:
        assert scores["f1"] > 0.8


def test_written_predictions_give_the_scores(finished):
    kind, folder, workdir, results = finished
    (trial,) = results["trials"]
    text = (workdir / trial["predictions"]["dev"]).read_text()
    task = load_task(str(folder), None, Columns())
    dev = task.splits["dev"]
    if kind == "questions":
        texts = json.loads(text)
        odds = json.loads(
            (workdir / trial["predictions"]["dev"])
            .with_name("dev_null_odds.json")
            .read_text()
        )
        scores = squad_metrics.score_v2(dev, texts, odds, 0.0)
        assert scores["f1"] / 100 == pytest.approx(trial["dev"]["f1"])
        contexts = {question.id: question.context for question in dev}
        assert all(answer in contexts[name] for name, answer in texts.items())
    elif kind == "choices":
        rows = [line.split("\t") for line in text.split("\n")[1:-1]]
        assert [name for name, _ in rows] == [question.id for question in dev]
        right = [
            "ABCD"[question.answer] == letter
            for question, (_, letter) in zip(dev, rows, strict=True)
        ]
        assert np.mean(right) == trial["dev"]["accuracy"]
    else:
        sentences = [
            [line.split(" ") for line in block.split("\n") if line]
            for block in text.split("\n\n")
        ]
        assert [tuple(w for w, _, _ in s) for s in sentences] == [s.words for s in dev]
        gold = [spans.spans_of_tags([g for _, g, _ in s], "conll") for s in sentences]
        found = [spans.spans_of_tags([p for _, _, p in s]) for s in sentences]
        f1 = spans.span_scores(gold, found)["f1"]
        assert f1 / 100 == pytest.approx(trial["dev"]["f1"])


def test_a_finished_run_goes_on_where_it_was(finished, initial, monkeypatch):
    _, folder, workdir, results = finished
    monkeypatch.setattr(finetune, "TrialRunner", None)
    task = load_task(str(folder), None, Columns())
    assert finetune.finetune(task, config(), initial, workdir) == results


def test_the_network_is_read_again(finished, initial):
    kind, folder, workdir, _ = finished
    tuned = finetuning_workdir.load_finetuned(workdir)
    assert tuned.model.kind != "classifier"
    with pytest.raises(UserError, match="expected a classifier of texts"):
        finetuning_workdir.load_classifier(workdir)


@pytest.mark.integration
@pytest.mark.parametrize("head", ["independent", "albert"])
@pytest.mark.parametrize("with_unanswerable", [True, False])
def test_other_heads_train(head, with_unanswerable, initial, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write_questions(folder, with_unanswerable)
    task = load_task(str(folder), None, Columns())
    settings = config(num_steps=2, loss_reduction="mean")
    questions = dataclasses.replace(settings.questions, head=head)
    settings = dataclasses.replace(settings, questions=questions)
    results = finetune.finetune(task, settings, initial, tmp_path / "run")
    names = ("f1", "exact") if with_unanswerable else ("f1", "exact_match")
    assert set(names) <= results["medians"]["dev"].keys()
    assert 0 <= results["median"] <= 1


@pytest.mark.integration
def test_words_behind_the_cut_count_as_missed(initial, tmp_path):
    write_tags(tmp_path)
    task = load_task(str(tmp_path), None, Columns())
    short = config(max_seq_length=5, num_steps=1)  # three words
    results = finetune.finetune(task, short, initial, tmp_path / "run")
    text = (tmp_path / "run" / results["trials"][0]["predictions"]["dev"]).read_text()
    rows = [line.split(" ") for line in text.split("\n\n")[0].split("\n") if line]
    assert len(rows) == 6 and all(predicted == "O" for _, _, predicted in rows[3:])


def test_span_rules_differ_on_tags_that_are_not_well_formed():
    tags = ["I-A", "I-B", "O"]
    assert spans.spans_of_tags(tags, "electra") == [(0, 1, "B")]
    assert spans.spans_of_tags(tags, "conll") == [(0, 0, "A"), (1, 1, "B")]
    assert TaggingSettings().span_rule == "electra"


@pytest.mark.parametrize(
    "files, message",
    [
        (
            dict.fromkeys(("train.json", "dev.json"), {"data": [{"paragraphs": 1}]}),
            "'paragraphs' is 1; expected",
        ),
        (
            {"train.json": {"data": [{"paragraphs": [{"context": "x", "qas": []}]}]}},
            "has no dev file",
        ),
        ({"train.jsonl": {"article": "x", "questions": [], "options": []}}, "for dev"),
    ],
)
def test_files_that_cannot_be_used(files, message, tmp_path):
    for name, values in files.items():
        (tmp_path / name).write_text(json.dumps(values))
    with pytest.raises(UserError, match=message):
        load_task(str(tmp_path), None, Columns())


@pytest.mark.parametrize(
    "name, expected",
    [("SQuAD2.0", "train-v2.0.json"), ("RACE", "folder of RACE"), ("chunk", "CoNLL")],
)
def test_official_tasks_need_their_folder(name, expected):
    with pytest.raises(UserError, match=expected):
        load_task(name, None, Columns())


def test_tags_of_no_scheme_name_the_line(tmp_path):
    (tmp_path / "train.txt").write_text("a NOUN\nb VERB\n\nc NOUN\n\nd NOUN\n\n")
    with pytest.raises(UserError, match="line 1: the tag 'NOUN' is of no scheme"):
        load_task(str(tmp_path), None, Columns())
