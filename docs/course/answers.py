"""Arithmetic in the chapter: worked examples, and the answers to the exercises.

Where a reader computes with the rounded numbers of a table, so do these functions.
"""

import itertools
import math

from docs.course import example_code, source_values
from docs.course.electra_tables import GLUE
from docs.course.size_values import config

# Counted in GLUE's files. In the dev sets: all examples, and those of the larger class.
SST2_TRAIN, SST2_DEV, SST2_POSITIVE = 67_349, 872, 444
RTE_DEV = 277
COLA_DEV, COLA_GRAMMATICAL = 1043, 721
# What `python examples/electra_pytorch.py` printed last, with both weights of the
# discriminator's loss (exercise 8.4). A slow test runs it again.
_RUNS = {
    "run-50-loss": "0.497",
    "run-50-auc": "1.000",
    "run-1-loss": "0.098",
    "run-1-auc": "0.851",
}


def values() -> dict[str, str]:
    """{name: text}"""
    groups = (_seeds, _targets, _losses, _albert, _comparison, _samples, _sentences)
    return {n: text for group in groups for n, text in group().items()} | _RUNS


def _seeds():
    """Differences of medians, and the larger spread (1.2 and exercise 1.3)."""
    found = {}
    for name, row, task in (
        ("sts", "ELECTRA", "STS-B"),
        ("sst", "ELECTRA", "SST-2"),
        ("b-sts", "BERT", "STS-B"),
    ):
        one, other = (_rounded(item, task) for item in (row, "no pretraining"))
        found[f"{name}-difference"] = f"{abs(one[0] - other[0]):.1f}"
        found[f"{name}-spread"] = (
            f"{max(high - low for _, low, high in (one, other)):.1f}"
        )
    return found


def _rounded(row, task):
    found = source_values.summary("families-lab", row, task)
    return [round(x, 1) for x in (found.median, found.low, found.high)]


def _targets():
    """Targets and labels (1.1 and exercises 1.2, 2.3, 3.3)."""
    small = config("electra_small.py")
    length, masks = small.data.max_seq_length, small.data.num_predictions
    run = small.train.num_steps * small.train.batch_size * length
    return {
        "rtd-ratio": f"{length / masks:.1f}",
        "bits-of-a-piece": f"{math.log2(small.model.vocab_size):.1f}",
        "sst2-train": f"{SST2_TRAIN:,}",
        "sst2-times": f"{run / SST2_TRAIN:,.0f}",
        "fake-rate": f"{15 * (1 - 0.6):.0f}",
        "generator-target-share": (
            f"{masks} / ({masks} + {length}) = {100 * masks / (masks + length):.0f} %"
        ),
    }


def _losses():
    """Losses of networks that know nothing (exercises 3.1, 3.2, 5.1, 8.1)."""
    small, even = config("electra_small.py"), math.log(2)
    weight = round(small.objective.discriminator_weight)
    electra, quick, albert = (
        config(name).model.vocab_size
        for name in ("electra_small.py", "quickstart.py", "albert.py:base_v1")
    )
    first = example_code.first_losses("electra")
    toy = len(example_code.toy().VOCABULARY)
    return {
        "loss-even": f"ln 2 = {even:.3f}",
        "loss-masks": f"ln {electra:,} = {math.log(electra):.2f}",
        "loss-untrained": _sum(math.log(electra), weight * even),
        "quick-untrained": _sum(math.log(quick), weight * even),
        "constant-loss": f"{-0.1 * math.log(0.1) - 0.9 * math.log(0.9):.3f}",
        "albert-untrained": _sum(math.log(albert), even),
        "toy-masks-loss": f"ln {toy} = {math.log(toy):.4f}",
        "first-masked-lm": f"{first[0]:.4f}",
        "first-replaced-token": f"{first[1]:.4f}",
    }


def _sum(a, b):
    a, b = round(a, 2), round(b, 2)
    return f"{a:.2f} + {b:.2f} = {a + b:.2f}"


def _albert():
    """ALBERT's tables, the price of sharing, phrases (exercises 4.1, 4.2, 4.4, 5.3)."""
    albert = config("albert.py:base_v1")
    model, data = albert.model, albert.data
    v, e, h = model.vocab_size, model.embedding_size, model.hidden_size
    large = source_values.printed(
        "albert", "table2", {"model": "BERT-large"}, "params_M"
    )
    shares = [(1 / n) / (1 + 1 / 2 + 1 / 3) for n in (1, 2, 3)]
    return {
        "bert-large-memory": f"{large * 1e6 * 4 * 4 / 1e9:.1f}",
        "table-factor": (
            f"{v * h:,} / {v * e + e * h:,} = {v * h / (v * e + e * h):.2f}"
        ),
        "break-even": f"{v * h / (v + h):.1f}",
        "price-all-768": f"{-_gain(768, 'all-shared'):.1f}",
        "price-all-128": f"{-_gain(128, 'all-shared'):.1f}",
        "price-attention-768": f"{-_gain(768, 'shared-attention'):.1f}",
        "gain-attention-128": f"{_gain(128, 'shared-attention'):.1f}",
        "price-ffn-128": "{:.1f} − {:.1f} = {:.1f}".format(
            _mean(128, "not-shared"),
            _mean(128, "shared-FFN"),
            -_gain(128, "shared-FFN"),
        ),
        "albert-mask-share": f"{100 * data.num_predictions / data.max_seq_length:.1f}",
        "lamb-step": f"{albert.train.learning_rate * 10:.4f}",
        "ngram-mean": f"{sum(n * p for n, p in enumerate(shares, start=1)):.2f}",
        "ngram-long": f"{100 * sum(shares[1:]):.0f}",
    }


def _gain(embedding_size, sharing):
    """Points of the mean that a kind of sharing adds."""
    return _mean(embedding_size, sharing) - _mean(embedding_size, "not-shared")


def _mean(embedding_size, sharing):
    row = {"E": embedding_size, "sharing": sharing}
    return source_values.printed("albert", "table4", row, "avg")


def _comparison():
    """ELECTRA and ALBERT on eight tasks (exercises 6.1 and 6.2)."""
    rows = ("electra", "table2", "ELECTRA-1.75M"), ("albert", "table9", "ALBERT (1.5M)")
    electra, albert = (
        {
            task: source_values.printed(paper, table, {"model": name}, task)
            for task in GLUE
        }
        for paper, table, name in rows
    )
    mean = sum(albert.values()) / len(albert)
    return {
        "albert-15-mean": f"{mean:.1f}",
        "albert-15-mean-2": f"{mean:.2f}",
        "electra-ahead": ", ".join(t for t in GLUE if electra[t] > albert[t]),
        "electra-equal": ", ".join(t for t in GLUE if electra[t] == albert[t]),
    }


def _samples():
    """Baselines and standard errors (7.1, 7.2 and exercises 7.1 to 7.3)."""
    sst2 = _standard_error(0.8, SST2_DEV)
    return {
        "cola-majority": f"{100 * COLA_GRAMMATICAL / COLA_DEV:.1f}",
        "sst2-dev": f"{SST2_DEV}",
        "sst2-positive": f"{SST2_POSITIVE}",
        "sst2-majority": (
            f"{SST2_POSITIVE} / {SST2_DEV} = {100 * SST2_POSITIVE / SST2_DEV:.1f} %"
        ),
        "rte-dev": f"{RTE_DEV}",
        "error-sst2": f"{sst2:.2f}",
        "error-rte": f"{_standard_error(0.55, RTE_DEV):.2f}",
        "two-errors-sst2": f"2 × {sst2:.2f} = {2 * round(sst2, 2):.2f}",
        "test-size": f"{0.8 * 0.2 / 0.01**2:,.0f}",
    }


def _standard_error(accuracy, count):
    """In points of accuracy."""
    return 100 * math.sqrt(accuracy * (1 - accuracy) / count)


def _sentences():
    """Features in which two sentences differ, as the program in 7.2 counts them."""
    first, second = "good not bad".split(), "bad not good".split()
    one, other = (set(itertools.pairwise(words)) for words in (first, second))
    return {
        "negation-words": f"{len(set(first) ^ set(second))}",
        "negation-pairs": f"{len(one ^ other)}",
    }
