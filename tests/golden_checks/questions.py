"""Question answering: windows, labels, texts, chosen answers and scores."""

import gzip
import json

import numpy as np
import pytest

from tf_pretrain.data.tokenization import load_tokenizer
from tf_pretrain.tasks.question_answering import squad_metrics
from tf_pretrain.tasks.question_answering.answers import (
    answered_below,
    best_answers,
    candidates_of_beams,
    candidates_of_logits,
    null_odds_of_logits,
    predicted_text,
)
from tf_pretrain.tasks.question_answering.documents import WordDocument
from tf_pretrain.tasks.question_answering.examples import read_examples
from tf_pretrain.tasks.question_answering.squad_files import parse_questions
from tf_pretrain.tasks.question_answering.windows import WindowSettings

from .files import (
    GOLDEN,
    SENTENCEPIECE,
    WORDPIECE,
    Arrays,
    found,
    read_json,
    read_json_lines,
)

FILES = (
    "qa/*_features.jsonl.gz",
    "qa/squad_*.json",
    "qa/electra_examples.jsonl",
    "qa/electra_text_recovery.jsonl",
    "qa/post_*",
)
SCORES = 1e-9


def questions_of(name):
    return parse_questions(read_json(f"qa/{name}"), name)


def read_gzip(path):
    with gzip.open(GOLDEN / path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def tokenizer_of(path):
    is_albert = path.split("/")[-1].removeprefix("post_").startswith("albert")
    return load_tokenizer(SENTENCEPIECE if is_albert else WORDPIECE)


@pytest.mark.parametrize("path", found("qa/*_features.jsonl.gz"))
def test_windows(path, comparison):
    """Each window's inputs, maps, maximal context and labels."""
    check = comparison("question answering: windows")
    questions = {q.id: q for q in questions_of("squad_input.json")}
    tokenizer, groups = tokenizer_of(path), {}
    is_albert = tokenizer.kind == "sentencepiece"
    names = ("max_seq_length", "doc_stride", "max_query_length")
    for row in read_gzip(path):
        key = (*(row[name] for name in names), row["id"])
        groups.setdefault(key, []).append(row)
    for (*settings, question_id), rows in groups.items():
        (example,) = read_examples(
            [questions[question_id]], tokenizer, WindowSettings(*settings), True
        )
        assert [row["window"] for row in rows] == list(range(len(example.windows)))
        for row, window in zip(rows, example.windows, strict=True):
            check_window(check, row, window, example, is_albert)


def check_window(check, row, window, example, is_albert):
    check.equal("input_ids", window.input_ids, row["input_ids"])
    check.equal("segment_ids", window.segment_ids, row["segment_ids"])
    span = [window.doc_start, window.doc_length]
    check.equal("place in the text", span, [row["doc_start"], row["doc_length"]])
    pieces = slice(window.doc_start, window.doc_start + window.doc_length)
    counted = window.counts_for(np.arange(pieces.start, pieces.stop))
    got = "".join("01"[int(value)] for value in counted)
    check.equal("maximal context", got, row["is_max_context"])
    document = example.document
    if is_albert:
        check.equal("characters", document.starts[pieces], row["tok_start_to_orig"])
        check.equal("characters", document.ends[pieces], row["tok_end_to_orig"])
        mask = np.ones(len(window.input_ids), int)
        mask[0] = mask[window.text_start : window.text_start + window.doc_length] = 0
        check.equal("p_mask", "".join(map(str, mask)), row["p_mask"])
    else:
        check.equal("words", document.piece_words[pieces], row["token_to_orig"])
    if "start_position" in row:
        labels = (window.start_position, window.end_position)
        check.equal("labels", labels, (row["start_position"], row["end_position"]))
        is_impossible = example.question.is_impossible
        if is_albert:
            is_impossible = not window.holds_answer
        check.equal("is_impossible", is_impossible, row["is_impossible"])
        assert example.is_kept
    else:
        assert not example.is_kept


def test_questions_kept_for_training(comparison):
    """ELECTRA's reader: words, answers in words, and which questions it drops."""
    check = comparison("question answering: reading")
    tokenizer = load_tokenizer(WORDPIECE)
    questions = {
        question.id: question
        for name in ("squad_input.json", "squad_refused.json")
        for question in questions_of(name)
    }
    rows = read_json_lines("qa/electra_examples.jsonl")
    assert {row["id"] for row in rows} <= questions.keys()
    for row in rows:
        question = questions[row["id"]]
        document = WordDocument(question.context, tokenizer)
        check.equal("number of words", len(document.words), row["words"])
        if "doc_tokens" in row:
            check.equal("words", document.words, row["doc_tokens"])
        if question.is_impossible:
            continue
        words = document.answer_words(question.answers[0])
        check.equal("kept", words is not None, row["kept_for_training"])
        if words is not None:
            check.equal("answer", words, (row["start_word"], row["end_word"]))


def test_text_recovery(comparison):
    check = comparison("question answering: text recovery")
    document = WordDocument("", load_tokenizer(WORDPIECE))
    for row in read_json_lines("qa/electra_text_recovery.jsonl"):
        text = document.recover_text(row["joined"], row["words"])
        check.equal("text", text, row["text"])


def test_official_scores(comparison):
    check = comparison("question answering: official scores")
    metrics = read_json("qa/squad_metrics.json")
    for text, v2, v1 in metrics["normalize"]:
        check.equal("normalised text", squad_metrics.normalize(text), v2)
        assert v1 == v2
    for pair in metrics["pairs"]:
        texts = (
            pair["gold"],
            pair["predicted" if "predicted" in pair else "prediction"],
        )
        exact = squad_metrics.exact_match(*texts)
        check.equal("pairs", exact, pair["v2_exact"])
        check.equal("pairs", exact, pair["v1_exact"])
        check.close("pairs", squad_metrics.f1(*texts, True), pair["v2_f1"], SCORES)
        check.close("pairs", squad_metrics.f1(*texts, False), pair["v1_f1"], SCORES)
    given = metrics["v2"]
    questions = questions_of(given["questions_file"])
    exact, f1 = squad_metrics.question_scores_v2(questions, given["predictions"])
    assert exact.keys() == given["exact"].keys()
    for name, score in given["exact"].items():
        check.equal("of a question", exact[name], score)
        check.close("of a question", f1[name], given["f1"][name], SCORES)
    for threshold, expected in given["eval_by_threshold"].items():
        got = squad_metrics.score_v2(
            questions, given["predictions"], given["na_probs"], float(threshold)
        )
        compare_scores(check, got, expected)
    given = metrics["v1"]
    questions = questions_of(given["questions_file"])
    got = squad_metrics.score_v1(questions, given["predictions"])
    compare_scores(check, got, given["eval"])


def compare_scores(check, got, expected, thresholds=SCORES):
    """Thresholds are odds, which a network gives in float32."""
    assert expected.keys() <= got.keys()
    for name, value in expected.items():
        tolerance = thresholds if "thresh" in name else SCORES
        check.close("of a data set", got[name], value, tolerance)


@pytest.mark.parametrize("path", found("qa/post_*.npz"))
def test_answers(path, comparison):
    """From a network's outputs, made up, to answers, odds and scores."""
    check = comparison("question answering: answers")
    expected, data = read_json(path.removesuffix("npz") + "json"), Arrays(path)
    settings = expected["settings"]
    windows = WindowSettings(
        *(settings[n] for n in ("max_seq_length", "doc_stride", "max_query_length"))
    )
    questions = questions_of(expected["questions_file"])
    by_id = {question.id: question for question in questions}
    tokenizer = tokenizer_of(path)
    examples = read_examples(
        [by_id[name] for name in expected["ids"]], tokenizer, windows, False
    )
    predictions, null_odds = {}, {}
    for number, example in enumerate(examples):
        rows = np.flatnonzero(data["in_question"] == number)
        check.equal("windows", data["in_window"][rows], range(len(example.windows)))
        candidates = [candidates_of(data, row, settings) for row in rows]
        answers = best_answers(
            example, candidates, settings["n_best_size"], settings["max_answer_length"]
        )
        name = example.question.id
        compare_answers(check, answers, expected["nbest"][name])
        # What the originals write when no candidate is left.
        nothing = "" if "albert_v2" in path else "empty"
        predictions[name] = predicted_text(answers, nothing)
        null_odds[name] = null_odds_of(data, rows, answers)
    if "albert_v2" in path:
        compare_two_thresholds(check, expected, questions, predictions, null_odds)
        return
    check.equal("texts", predictions, expected["predictions"])
    if expected.get("v2"):
        compare_odds(check, null_odds, expected["null_odds"])
        threshold = settings["qa_na_threshold"]
        scores = squad_metrics.score_v2(questions, predictions, null_odds, threshold)
    else:
        scores = squad_metrics.score_v1(questions, predictions)
    compare_scores(check, scores, expected["eval"], 1e-5)


def candidates_of(data, row, settings):
    if "in_start_logits" in data:
        logits = data["in_start_logits"][row], data["in_end_logits"][row]
        return candidates_of_logits(*logits, settings["n_best_size"])
    names = ("start_top_log_probs", "start_top_index", "end_top_log_probs")
    arrays = [data[f"in_{name}"][row] for name in (*names, "end_top_index")]
    beams = len(arrays[0])
    return candidates_of_beams(
        *arrays[:2], arrays[2].reshape(beams, -1), arrays[3].reshape(beams, -1)
    )


def null_odds_of(data, rows, answers):
    for name in ("in_answerable_logit", "in_cls_logits"):
        if name in data:
            return float(data[name][rows].min())
    if "in_start_logits" not in data:
        return None
    first = [(data["in_start_logits"][r, 0], data["in_end_logits"][r, 0]) for r in rows]
    return float(null_odds_of_logits(answers, first))


def compare_answers(check, answers, expected):
    """The n-best list; an entry for nothing stands where no candidate is left."""
    if not answers:
        assert [entry["text"] for entry in expected] in (["empty"], [""])
        return
    check.equal("texts", [a.text for a in answers], [row["text"] for row in expected])
    for answer, row in zip(answers, expected, strict=True):
        check.close("probability", answer.probability, row["probability"], 1e-6)
        kind = "logit" if "start_logit" in row else "log_prob"
        for side in ("start", "end"):
            score = getattr(answer, f"{side}_score")
            check.close("score", score, row[f"{side}_{kind}"], 1e-6)


def compare_odds(check, got, expected):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        check.close("null odds", got[name], value, 2e-6)


def compare_two_thresholds(check, expected, questions, texts, null_odds):
    """ALBERT's 2.0: a threshold searched on the same questions, then another one."""
    check.equal("texts", texts, expected["predictions_without_threshold"])
    compare_odds(check, null_odds, expected["null_odds"])
    shifted = expected["shifted"]
    for values, shift in ((expected, 0.0), (shifted, shifted["cls_logits_plus"])):
        odds = {name: float(np.float32(v + shift)) for name, v in null_odds.items()}
        found = squad_metrics.score_v2(questions, texts, odds, 1.0)
        compare_scores(check, found, values["threshold_search"], 1e-5)
        compare_scores(check, found, values["eval_without_threshold"])
        threshold = found["best_f1_thresh"]
        final = answered_below(texts, odds, threshold)
        check.equal("texts", final, values["predictions"])
        scores = squad_metrics.score_v2(questions, final, odds, 1.0)
        scores["null_score_diff_threshold"] = threshold
        compare_scores(check, scores, values["eval"], 1e-5)
