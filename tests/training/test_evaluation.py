import numpy as np
import pytest

from support.tiny import random_features, tiny_config
from tf_pretrain.models.building import build_objective
from tf_pretrain.training.evaluation import Evaluator
from tf_pretrain.training.metrics import area_under_curve


def _pairs_auc(scores, labels):
    """The definition: over all pairs of a positive and a negative."""
    positive, negative = scores[labels], scores[~labels]
    wins = (positive[:, None] > negative).mean()
    return wins + 0.5 * (positive[:, None] == negative).mean()


@pytest.mark.parametrize("decimals", [0, 1, 6])  # few decimals: many ties
def test_area_under_curve_is_the_pairwise_definition(decimals):
    rng = np.random.default_rng(decimals)
    labels = rng.random(500) < 0.2
    scores = np.round(rng.normal(size=500) + labels, decimals)
    np.testing.assert_allclose(
        area_under_curve(scores, labels), _pairs_auc(scores, labels), rtol=1e-12
    )


def test_area_under_curve_without_positives_is_undefined():
    assert np.isnan(area_under_curve(np.ones(3), np.zeros(3, bool)))


@pytest.mark.integration
@pytest.mark.parametrize("name", ["replaced_token_detection", "masked_lm"])
def test_scores_are_those_of_all_rows_at_once(name):
    config = tiny_config(name, "sentence_order")
    network = build_objective(config)
    batches = [random_features(config, seed) for seed in range(3)]
    empty = {key: np.zeros_like(value) for key, value in batches[0].items()}
    got = Evaluator(network, jit_compile=False)([*batches, empty])

    chosen, correct, real, logits, labels, sentences = [], [], [], [], [], []
    ids = []
    for batch in batches:
        outputs = {k: np.asarray(v) for k, v in network(batch).items()}
        used = batch["masked_lm_weights"] > 0
        chosen.append(used)
        ids.append(batch["masked_lm_ids"][used])
        correct.append(outputs["masked_lm_logits"].argmax(-1)[used] == ids[-1])
        real.append(batch["input_mask"] > 0)
        if name == "replaced_token_detection":
            logits.append(outputs["replaced_logits"][real[-1]])
            labels.append(outputs["replaced_labels"][real[-1]] > 0)
        predicted = outputs["sentence_logits"].argmax(-1)
        sentences.append(predicted == batch["next_sentence_labels"][:, 0])
    ids = np.concatenate(ids)
    expected = {
        "masked_lm_accuracy": np.concatenate(correct).mean(),
        "most_frequent_accuracy": max((ids == i).mean() for i in set(ids)),
        "sentence_order_accuracy": np.concatenate(sentences).mean(),
    }
    if logits:
        logits, labels = np.concatenate(logits), np.concatenate(labels)
        expected["replaced_token_accuracy"] = ((logits > 0) == labels).mean()
        expected["replaced_token_auc"] = _pairs_auc(logits, labels)
        expected["replaced_token_rate"] = labels.mean()
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, rtol=1e-6, err_msg=key)
    assert set(got) == {*expected, "masked_lm_loss"}
    # Of the pieces that are chosen; one that the training text lacks counts as one.
    counts = np.arange(config.model.vocab_size) * 3
    shares = (counts + 1) / (counts + 1).sum()
    evaluate = Evaluator(network, jit_compile=False, token_counts=counts)
    expected = np.mean([-np.log(shares[i]) for i in ids])
    assert evaluate(batches)["unigram_loss"] == pytest.approx(expected, rel=1e-9)
    in_parts = Evaluator(network, jit_compile=False, parts=2)(batches)
    assert in_parts == pytest.approx(got, rel=1e-5)


def test_a_batch_is_scored_in_the_parts_it_is_trained_in():
    """So the memory that training needs is enough."""
    config = tiny_config("masked_lm")
    features = random_features(config, 0)
    rows = len(features["input_ids"])
    evaluator = Evaluator(build_objective(config), jit_compile=False, parts=2)
    parts = list(evaluator._in_parts([features]))
    assert [len(part["input_ids"]) for part in parts] == [rows // 2] * 2
    for name, value in features.items():
        np.testing.assert_array_equal(
            np.concatenate([part[name] for part in parts]), value
        )
