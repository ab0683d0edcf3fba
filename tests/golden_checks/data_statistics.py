"""The laws of the examples on real text, against statistics of the original builders.

The text is no part of the project. TF_PRETRAIN_CORPUS names the folder that holds the
set's source (`wiki-articles-00.txt.gz`); by default `../data/corpus` beside the set.
The laws are also tested without it, in test_examples.py.
"""

import functools
import gzip
import hashlib
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

from .files import GOLDEN, SENTENCEPIECE, WORDPIECE, found, read_json

FILES = ("data_stats/electra.json", "data_stats/albert.json")
CORPUS = Path(
    os.environ.get("TF_PRETRAIN_CORPUS", GOLDEN.resolve().parent / "data/corpus")
)
SENTENCE_END = re.compile(r'(?<=[.!?])\s+(?=[A-Z0-9"“(])')
SEEDS = range(5)
SIGMAS = 5.0  # a comparison of many means


def cases(file):
    for path in found(file):
        for name, case in read_json(path).items():
            yield pytest.param(name, case, id=name)


@functools.cache
def read_documents(source, byte_limit):
    """Whole documents, lists of lines, from the start of a corpus file."""
    path = CORPUS / Path(source).name
    if not path.is_file():
        pytest.skip(f"there is no {path}; TF_PRETRAIN_CORPUS can name its folder")
    documents, size, lines = [], 0, []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                lines.append(line.rstrip("\n"))
                continue
            size += 1 + sum(len(line.encode()) + 1 for line in lines)
            if size > byte_limit:
                break
            documents.append(lines)
            lines = []
    return documents


def lines_of(name, case):
    """Documents in the form that the case's name begins with."""
    documents = read_documents(case["input"]["source"], case["input"]["byte_limit"])
    if name.startswith("sentence_lines"):
        documents = [
            [part for line in document for part in SENTENCE_END.split(line) if part]
            for document in documents
        ]
    text = "".join("\n".join(document) + "\n\n" for document in documents)
    assert hashlib.sha256(text.encode()).hexdigest() == case["input"]["sha256"]
    return documents


def tokenize(lines, tokenizer):
    """Documents of ids, and the number of pieces."""
    ids, row_splits = tokenizer.tokenize([line for d in lines for line in d])
    counts = [len(document) for document in lines]
    documents = make_documents(ids, row_splits, counts, tokenizer.is_word_start)
    return documents, len(ids)


def compare_means(check, rows, case):
    """Means over seeds, in standard errors, the spread being that of the seeds."""
    assert rows[0].keys() == case["per_seed"][0].keys() - {"seed"}
    for name in rows[0]:
        got = np.array([row[name] for row in rows])
        original = np.array([row[name] for row in case["per_seed"]])
        spreads = [x.std(ddof=1) for x in (got, original) if len(x) > 1]
        error = max(spreads) * np.sqrt(1 / len(got) + 1 / len(original)) + 1e-9
        what, unit = "means over seeds, each statistic", "standard errors"
        check.close(what, got.mean(), original.mean(), SIGMAS, error, unit)


def length_statistics(case, lengths):
    """`length_128_fraction` and `length_under_64_fraction`, whatever the numbers."""
    statistics = {"mean_length": lengths.mean()}
    for name in case["per_seed"][0]:
        if match := re.fullmatch(r"length_(under_)?(\d+)_fraction", name):
            bound = int(match[2])
            hits = lengths < bound if match[1] else lengths == bound
            statistics[name] = hits.mean()
    return statistics


def longest(case):
    """The length of the examples: in the settings, or that of the longest example."""
    lengths = [int(length) for length in case["real_length_histogram"]]
    return case.get("settings", {}).get("max_seq_length", max(lengths))


@pytest.mark.parametrize("name, case", list(cases(FILES[0])))
def test_electra_examples(name, case, comparison):
    check = comparison("ELECTRA examples")
    tokenizer = load_tokenizer(WORDPIECE)
    documents, pieces = tokenize(lines_of(name, case), tokenizer)
    check.equal("number of pieces", pieces, case["input"]["wordpieces"])
    length = longest(case)

    def statistics(seed, legacy_truncation):
        data = DataConfig(max_seq_length=length, legacy_truncation=legacy_truncation)
        examples = electra_examples(documents, np.random.default_rng(seed), data)
        features = pack_examples(examples, length, tokenizer.cls_id, tokenizer.sep_id)
        lengths = features["input_mask"].sum(1)
        first, second = np.array([[len(e[0]), len(e[1])] for e in examples]).T
        return {
            "examples": len(examples),
            "tokens": lengths.sum(),
            "single_segment_fraction": (second == 0).mean(),
            "mean_first_segment": first.mean(),
            "kept_token_fraction": (first + second).sum() / pieces,
            **length_statistics(case, lengths),
        }

    compare_means(check, [statistics(seed, True) for seed in SEEDS], case)
    assert statistics(0, False)["kept_token_fraction"] == 1.0


@pytest.mark.parametrize("name, case", list(cases(FILES[1])))
def test_albert_examples_and_masks(name, case, comparison):
    check = comparison("ALBERT examples and masks")
    tokenizer = load_tokenizer(SENTENCEPIECE)
    documents, pieces = tokenize(lines_of(name, case), tokenizer)
    settings = case["settings"]

    def statistics(seed, is_legacy):
        data = DataConfig(
            max_seq_length=settings["max_seq_length"],
            example_format="sentence_order",
            short_seq_prob=settings["short_seq_prob"],
            masked_lm_prob=settings["masked_lm_prob"],
            max_predictions_per_seq=settings["max_predictions_per_seq"],
            mask_token_prob=0.8,
            random_token_prob=0.1,
            whole_word_masking=settings["do_whole_word_mask"],
            max_ngram=settings["ngram"],
            legacy_truncation=is_legacy,
            legacy_sentence_order=is_legacy,
        )
        rng = np.random.default_rng(seed)
        examples = sentence_pair_examples(documents, rng, data)
        packed = pack_examples(
            examples, data.max_seq_length, tokenizer.cls_id, tokenizer.sep_id
        )
        noise = masking.draw_noise(
            rng, len(examples), data.max_seq_length, data.num_predictions
        )
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
            **example_statistics(case, examples, packed),
            **mask_statistics(data, masked, packed, tokenizer),
        }

    compare_means(check, [statistics(seed, True)[1] for seed in SEEDS], case)
    kept_fraction, row = statistics(0, False)
    assert kept_fraction == 1.0
    assert abs(row["label1_fraction"] - 0.5) < 0.03
    assert row["random_b_fraction"] == 0


def example_statistics(case, examples, packed):
    return {
        "instances": len(examples),
        "label1_fraction": np.mean([e.label for e in examples]),
        "random_b_fraction": np.mean([e.is_b_random for e in examples]),
        "mean_segment_a": np.mean([len(e.segment_a) for e in examples]),
        "mean_segment_b": np.mean([len(e.segment_b) for e in examples]),
        **length_statistics(case, packed["input_mask"].sum(1)),
    }


def mask_statistics(data, masked, packed, tokenizer):
    lengths = packed["input_mask"].sum(1)
    row, slot = np.nonzero(masked["masked_lm_weights"])
    position = masked["masked_lm_positions"][row, slot]
    seen = masked["masked_input_ids"][row, position]
    original = masked["masked_lm_ids"][row, slot]
    is_mask, is_same = seen == tokenizer.mask_id, seen == original
    counts = masked["masked_lm_weights"].sum(1)
    budget = np.round(lengths * data.masked_lm_prob)
    budget = np.clip(budget, 1, data.num_predictions)
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
