"""The end of a run for people."""

from tf_pretrain.runs.workdir import report

SCORES = {
    "masked_lm_loss": 4.4568,
    "masked_lm_accuracy": 0.2851,
    "most_frequent_accuracy": 0.0712,
    "unigram_loss": 5.9876,
    "replaced_token_accuracy": 0.9,
    "replaced_token_auc": 0.66,
    "replaced_token_rate": 0.104,
}


def _report(scores):
    untrained = {name: value / 2 for name, value in scores.items()}
    results = {"parameters": 1234, "step": 5, "seconds": 90.0, "tokens_per_s": 6.0}
    return report(results | {"eval": scores, "eval_untrained": untrained}, "the/folder")


def _rows(text):
    lines = text[text.index("held-out score") :].splitlines()
    return [line.split() for line in lines[1 : lines.index("")]]


def test_scores_stand_beside_those_of_guessing():
    text = _report(SCORES)
    assert _rows(text) == [
        ["masked_lm_loss", "2.2284", "4.4568", "5.9876"],
        ["masked_lm_accuracy", "0.1426", "0.2851", "0.0712"],
        ["replaced_token_accuracy", "0.4500", "0.9000", "0.8960"],
        ["replaced_token_auc", "0.3300", "0.6600", "0.5000"],
        ["replaced_token_rate", "0.0520", "0.1040"],
    ]
    assert "1,234 parameters, 5 steps, 1.5 minutes" in text and "the/folder" in text
    assert "Read replaced_token_auc together with masked_lm_loss" in text


def test_a_masked_lm_has_no_word_on_replaced_tokens():
    names = ("masked_lm_loss", "masked_lm_accuracy", "most_frequent_accuracy")
    scores = {name: SCORES[name] for name in names}
    text = _report(scores | {"sentence_order_accuracy": 0.66})
    assert _rows(text)[0] == ["masked_lm_loss", "2.2284", "4.4568"]  # an older run
    assert _rows(text)[-1] == ["sentence_order_accuracy", "0.3300", "0.6600", "0.5000"]
    assert "AUC" not in text and "auc" not in text


def test_a_run_without_heldout_text_has_no_scores():
    assert "guessing:" not in _report({})
