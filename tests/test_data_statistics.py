"""The laws of the examples on real text, against statistics of the original builders.

The text is not part of the project: TF_PRETRAIN_CORPUS names the folder that holds
`wiki-articles-00.txt.gz`. The laws are also tested without it, in test_examples.py.
"""

import gzip
import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from tf_pretrain.config import DataConfig
from tf_pretrain.data import masking
from tf_pretrain.data.examples import electra_examples, make_documents, pack_examples
from tf_pretrain.data.sentence_pairs import sentence_pair_examples
from tf_pretrain.data.tokenization import load_tokenizer

CORPUS = os.environ.get("TF_PRETRAIN_CORPUS")
SENTENCE_END = re.compile(r'(?<=[.!?])\s+(?=[A-Z0-9"“(])')
SEEDS = range(5)

pytestmark = pytest.mark.skipif(
    not CORPUS, reason="TF_PRETRAIN_CORPUS is not set; see the top of the file"
)


@pytest.fixture(scope="module")
def texts():
    """{"paragraph_lines" or "sentence_lines": documents} of the first 2 MB."""
    documents, size, lines = [], 0, []
    with gzip.open(
        Path(CORPUS, "wiki-articles-00.txt.gz"), "rt", encoding="utf-8"
    ) as f:
        for line in f:
            if line.strip():
                lines.append(line.rstrip("\n"))
                continue
            size += 1 + sum(len(line.encode()) + 1 for line in lines)
            if size > 2_000_000:
                break
            documents.append(lines)
            lines = []
    sentences = [
        [part for line in document for part in SENTENCE_END.split(line) if part]
        for document in documents
    ]
    return {"paragraph_lines": documents, "sentence_lines": sentences}


def load(golden, kind, case, texts, vocabulary):
    """Expected statistics, documents, number of pieces, tokenizer."""
    expected = json.loads((golden / f"data_stats/{kind}.json").read_text())[case]
    lines = texts[re.match("(paragraph|sentence)_lines", case)[0]]
    text = "".join("\n".join(document) + "\n\n" for document in lines)
    assert hashlib.sha256(text.encode()).hexdigest() == expected["input"]["sha256"]
    tokenizer = load_tokenizer(golden / "vocab" / vocabulary)
    ids, row_splits = tokenizer.tokenize([line for d in lines for line in d])
    counts = [len(document) for document in lines]
    documents = make_documents(ids, row_splits, counts, tokenizer.is_word_start)
    return expected, documents, len(ids), tokenizer


def assert_statistics_agree(rows, expected):
    """Means over seeds within 5 standard errors, the spread being that of the seeds."""
    for name in rows[0]:
        got = np.array([row[name] for row in rows])
        original = np.array([row[name] for row in expected["per_seed"]])
        variances = [x.var(ddof=1) for x in (got, original) if len(x) > 1]
        error = np.sqrt(max(variances) * (1 / len(got) + 1 / len(original)))
        difference = abs(got.mean() - original.mean())
        assert difference <= 5 * error + 1e-9, (name, got.mean(), original.mean())


@pytest.mark.parametrize("case", ["paragraph_lines", "sentence_lines"])
def test_electra_examples(golden, texts, case):
    vocabulary = "bert-base-uncased-vocab.txt"
    expected, documents, pieces, tokenizer = load(
        golden, "electra", case, texts, vocabulary
    )
    assert pieces == expected["input"]["wordpieces"]

    def statistics(seed, legacy_truncation):
        data = DataConfig(legacy_truncation=legacy_truncation)
        examples = electra_examples(documents, np.random.default_rng(seed), data)
        features = pack_examples(examples, 128, tokenizer.cls_id, tokenizer.sep_id)
        lengths = features["input_mask"].sum(1)
        first, second = np.array([[len(e[0]), len(e[1])] for e in examples]).T
        return {
            "examples": len(examples),
            "tokens": lengths.sum(),
            "single_segment_fraction": (second == 0).mean(),
            "length_128_fraction": (lengths == 128).mean(),
            "length_under_64_fraction": (lengths < 64).mean(),
            "mean_length": lengths.mean(),
            "mean_first_segment": first.mean(),
            "kept_token_fraction": (first + second).sum() / pieces,
        }

    assert_statistics_agree([statistics(seed, True) for seed in SEEDS], expected)
    assert statistics(0, False)["kept_token_fraction"] == 1.0


@pytest.mark.parametrize(
    "case",
    [
        "paragraph_lines",
        "sentence_lines",
        "sentence_lines_ngram1",
        "sentence_lines_no_whole_word",
    ],
)
def test_albert_examples_and_masks(golden, texts, case):
    expected, documents, pieces, tokenizer = load(
        golden, "albert", case, texts, "30k-clean.model"
    )
    settings = expected["settings"]

    def statistics(seed, is_legacy):
        data = DataConfig(
            example_format="sentence_order",
            short_seq_prob=0.1,
            max_predictions_per_seq=20,
            mask_token_prob=0.8,
            random_token_prob=0.1,
            whole_word_masking=settings["do_whole_word_mask"],
            max_ngram=settings["ngram"],
            legacy_truncation=is_legacy,
            legacy_sentence_order=is_legacy,
        )
        rng = np.random.default_rng(seed)
        examples = sentence_pair_examples(documents, rng, data)
        packed = pack_examples(examples, 128, tokenizer.cls_id, tokenizer.sep_id)
        noise = masking.draw_noise(rng, len(examples), 128, 20)
        masked = masking.mask_tokens(
            noise,
            packed["input_ids"],
            packed["input_mask"],
            masking.MaskingSettings.from_config(data, tokenizer),
        )
        kept = sum(
            len(e.segment_a) + len(e.segment_b) * (not e.is_b_random) for e in examples
        )
        return kept / pieces, {
            **example_statistics(examples, packed),
            **mask_statistics(masked, packed, tokenizer),
        }

    rows = [statistics(seed, True)[1] for seed in SEEDS]
    assert_statistics_agree(rows, expected)
    kept_fraction, row = statistics(0, False)
    assert kept_fraction == 1.0
    assert abs(row["label1_fraction"] - 0.5) < 0.03
    assert row["random_b_fraction"] == 0


def example_statistics(examples, packed):
    lengths = packed["input_mask"].sum(1)
    return {
        "instances": len(examples),
        "label1_fraction": np.mean([e.label for e in examples]),
        "random_b_fraction": np.mean([e.is_b_random for e in examples]),
        "mean_length": lengths.mean(),
        "length_128_fraction": (lengths == 128).mean(),
        "mean_segment_a": np.mean([len(e.segment_a) for e in examples]),
        "mean_segment_b": np.mean([len(e.segment_b) for e in examples]),
    }


def mask_statistics(masked, packed, tokenizer):
    lengths = packed["input_mask"].sum(1)
    row, slot = np.nonzero(masked["masked_lm_weights"])
    position = masked["masked_lm_positions"][row, slot]
    seen = masked["masked_input_ids"][row, position]
    original = masked["masked_lm_ids"][row, slot]
    is_mask, is_same = seen == tokenizer.mask_id, seen == original
    counts = masked["masked_lm_weights"].sum(1)
    budget = np.clip(np.round(lengths * 0.15), 1, 20)
    is_masked = np.zeros(packed["input_ids"].shape, bool)
    is_masked[row, position] = True
    runs, partly = word_runs(is_masked, packed, tokenizer)
    return {
        "masked_per_example": counts.mean(),
        "masked_token_fraction": counts.sum() / lengths.sum(),
        "mask_rate": is_mask.mean(),
        "keep_rate": is_same.mean(),
        "random_rate": (~is_mask & ~is_same).mean(),
        "mean_word_run": runs.mean(),
        "run1_fraction": (runs == 1).mean(),
        "run2_fraction": (runs == 2).mean(),
        "run3_fraction": (runs == 3).mean(),
        "partly_masked_words_per_example": partly / len(lengths),
        "mean_relative_position": (position / (lengths[row] - 1)).mean(),
        "budget_filled_fraction": (counts >= budget - 0.5).mean().round(2),
    }


def word_runs(is_masked, packed, tokenizer):
    """Lengths in words of runs of masked words, and how many words are masked partly.

    A word begins with a piece that starts one: what a cut left of a word at the front
    of a segment is none.
    """
    runs, partly = [], 0
    specials = (tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id)
    for ids, masked in zip(packed["input_ids"], is_masked, strict=True):
        run, words = 0, []
        for token, is_token_masked in zip(ids.tolist(), masked.tolist(), strict=True):
            if token in specials:
                words.append(None)
            elif tokenizer.is_word_start[token]:
                words.append([is_token_masked])
            elif words[-1] is not None:
                words[-1].append(is_token_masked)
        for word in words:
            if word and all(word):
                run += 1
                continue
            partly += bool(word) and any(word)
            if run:
                runs.append(run)
            run = 0
    return np.array(runs), partly
