"""Table 1: ways of learning, and how many targets each has."""

from docs.course import words as course_words
from docs.course.parts import Parts
from tf_pretrain.config.files import CONFIGS, load_config

WAYS = ("supervised", "unsupervised", "semi_supervised", "self_supervised", "transfer")
# Objective: config of the paper, and what one example has as targets.
TARGETS = {
    "masked_lm_electra": ("electra_small.py", "masks"),
    "replaced_token": ("electra_small.py", "tokens"),
    "masked_lm_albert": ("albert.py:base_v1", "masks"),
    "sentence_order": ("albert.py:base_v1", "example"),
    "next_sentence": ("bert_next_sentence.py", "example"),
}


def targets_of_an_example(data, kind: str) -> int:
    """Training targets of one full example.

    Args:
        data: A DataConfig.
        kind: "masks" (at most so many), "tokens", or "example" (one for each example).
    """
    counts = {
        "masks": data.num_predictions, "tokens": data.max_seq_length, "example": 1,
    }  # fmt: skip
    return counts[kind]


def targets_of_a_batch(config, kind: str) -> int:
    """Training targets of a batch of full examples."""
    return config.train.batch_size * targets_of_an_example(config.data, kind)


def t1(language: str) -> str:
    """Ways of learning, and the targets of the self-supervised ones."""
    words = course_words.of(language)
    parts = Parts(words)
    parts.add(
        "t1_ways",
        ["way", "target", "data_needed", "project_example", "remains"],
        [
            [words[f"{way}_{column}"] for column in
             ("name", "target", "data", "example", "remains")]
            for way in WAYS
        ],
    )  # fmt: skip
    rows = []
    for objective, (file, kind) in TARGETS.items():
        config = load_config(f"{CONFIGS}/{file}")
        data = config.data
        targets = targets_of_an_example(data, kind)
        rows.append(
            [
                words[f"targets_{objective}"],
                f"`{file}`",
                f"{config.train.batch_size:,} × {data.max_seq_length}",
                f"{1000 * targets / data.max_seq_length:,.0f}",
                f"{targets_of_a_batch(config, kind):,}",
            ]
        )
    parts.add(
        "t1_targets",
        ["objective_and_network", "config", "batch_shape", "targets_per_thousand",
         "targets_per_batch"],
        rows,
        words["targets_note"],
    )  # fmt: skip
    return parts.markdown()
