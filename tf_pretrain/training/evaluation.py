"""Held-out scores: computed once over the whole set, without dropping examples."""

import keras
import numpy as np

from tf_pretrain.training.compiling import compiled
from tf_pretrain.training.metrics import area_under_curve


class Evaluator:
    """Scores of an objective on masked, held-out text.

    Compiled once, so evaluations during training share the trace.

    Args:
        network: An objective (tf_pretrain.models.objectives).
        jit_compile: Compile with XLA; see compiling.py.
        parts: Number of equal parts in which a batch is scored, one after the other. A
            model that is trained in micro-batches or on several replicas may not fit
            into memory otherwise.
        token_counts: How often each piece occurs in the training text, [V]
            (`data.unigrams`), for `unigram_loss`.
    """

    def __init__(self, network, jit_compile=True, parts=1, token_counts=None):
        self.network, self.parts = network, parts
        self.token_counts = token_counts
        self._step = compiled(network, network.evaluation, jit_compile)

    def __call__(self, batches) -> dict:
        """Scores over all rows that have real tokens.

        Args:
            batches: Feature dicts.

        Returns:
            A dict of scores; fractions are in [0, 1]. Always: `masked_lm_loss` (nats a
            token), `masked_lm_accuracy` and `most_frequent_accuracy` (the accuracy of
            always guessing the piece that is masked most often). If the counts are
            known: `unigram_loss`, the loss of always predicting the piece frequencies
            of the training text, with one added to every count. For replaced token
            detection: `replaced_token_accuracy`, `replaced_token_auc` and
            `replaced_token_rate` (share of real tokens that were replaced). For a
            sentence objective: `sentence_order_accuracy` or `next_sentence_accuracy`.
        """
        collected = {}
        for features in self._in_parts(batches):
            results = self._step(features)
            results["masked_lm_ids"] = features["masked_lm_ids"]
            results["masked_lm_weights"] = features["masked_lm_weights"]
            results["input_mask"] = features["input_mask"]
            for name, value in results.items():
                collected.setdefault(name, []).append(keras.ops.convert_to_numpy(value))
        arrays = {name: np.concatenate(parts) for name, parts in collected.items()}
        return _scores(arrays, self.network.sentence_objective, self.token_counts)

    def _in_parts(self, batches):
        for features in batches:
            rows = len(features["input_ids"]) // self.parts
            for start in range(0, rows * self.parts, rows):
                part = slice(start, start + rows)
                yield {name: value[part] for name, value in features.items()}


def _scores(arrays, sentence_objective, token_counts):
    chosen = arrays["masked_lm_weights"] > 0
    real = arrays["input_mask"] > 0
    ids = arrays["masked_lm_ids"][chosen]
    scores = {
        "masked_lm_loss": float(arrays["masked_lm_loss"][chosen].mean()),
        "masked_lm_accuracy": float(arrays["masked_lm_correct"][chosen].mean()),
        "most_frequent_accuracy": float(np.bincount(ids).max() / len(ids)),
    }
    if token_counts is not None:
        counts = token_counts + 1.0  # finite for a piece that is new
        scores["unigram_loss"] = float(-np.log(counts / counts.sum())[ids].mean())
    if "replaced_logits" in arrays:
        logits = arrays["replaced_logits"][real]
        labels = arrays["replaced_labels"][real] > 0
        scores["replaced_token_accuracy"] = float(((logits > 0) == labels).mean())
        scores["replaced_token_auc"] = area_under_curve(logits, labels)
        scores["replaced_token_rate"] = float(labels.mean())
    if "sentence_correct" in arrays:
        correct = arrays["sentence_correct"][real.any(axis=1)]
        scores[f"{sentence_objective}_accuracy"] = float(correct.mean())
    return scores


def intrinsic_scores(network, heldout: dict, jit_compile=True) -> dict:
    """Scores of one model on several sentence tasks (Lan et al., 2019, Table 5).

    The model's one sentence classifier is used for every task. So a model trained on
    sentence order is scored on next-sentence examples without change, and the other way
    round; label 1 means "not as in the text" in both. A model without a sentence
    objective has no classifier and no such score. The paper prints chance for it.

    Args:
        network: An objective.
        heldout: {data.example_format: batches as for Evaluator}.

    Returns:
        `masked_lm_accuracy`, over the examples of the first format, and, with a
        sentence objective, `FORMAT_accuracy` for each format. Fractions in [0, 1].
    """
    results, evaluate = {}, Evaluator(network, jit_compile)
    for example_format, batches in heldout.items():
        scores = evaluate(batches)
        results.setdefault("masked_lm_accuracy", scores["masked_lm_accuracy"])
        if network.sentence_head is not None:
            accuracy = scores[f"{network.sentence_objective}_accuracy"]
            results[f"{example_format}_accuracy"] = accuracy
    return results
