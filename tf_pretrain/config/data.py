"""`DataConfig`: how text becomes masked examples."""

import dataclasses
from typing import Literal

from tf_pretrain.config.checks import (
    at_least,
    check_fields,
    encoding,
    positive,
    probability,
    require,
)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """How text becomes masked examples.

    `example_format` is one of four:

    * "electra": one or two consecutive segments (Clark et al., 2020),
    * "sentence_order": two segments, swapped half of the time, label 1 (ALBERT),
    * "next_sentence": B is from another document half of the time, label 1 (BERT),
    * "sentence_pair": the segments of ALBERT, never swapped.
    """

    # Pieces of an example, special tokens included.
    max_seq_length: int = at_least(8, default=128)
    # The kind that is trained where there is no vocabulary.
    tokenizer: Literal["wordpiece", "sentencepiece"] = "wordpiece"
    lower_case: bool = True
    strip_accents: bool = True
    # Encoding of text files that have no byte-order mark.
    encoding: str = encoding("utf-8")
    # "replace": bad bytes become U+FFFD instead of an error.
    errors: Literal["strict", "replace"] = "strict"
    # Lines (paragraphs) of so many characters or more are left out if the same line
    # came before in the input; 0 keeps all.
    deduplicate_min_chars: int = at_least(0, default=0)
    example_format: Literal[
        "electra", "sentence_order", "next_sentence", "sentence_pair"
    ] = "electra"
    short_seq_prob: float = probability(0.05)  # share of examples that are made shorter
    legacy_truncation: bool = False  # True drops overflowing text as the originals do
    legacy_sentence_order: bool = False  # True: a one-line chunk gets a random B
    # Share of the documents that is kept for evaluation.
    heldout_fraction: float = probability(0.02)
    # Megabytes of text in a shard, which is the unit of work and of resuming.
    shard_size_mb: float = positive(4.0)
    # At training time ("dynamic") or when records are built ("static").
    masking: Literal["dynamic", "static"] = "dynamic"
    # Copies of the text with other segments and masks.
    dupe_factor: int = at_least(1, default=1)
    # Share of the tokens that is to be predicted.
    masked_lm_prob: float = probability(0.15)
    # 0: int((masked_lm_prob + .005) * max_seq_length).
    max_predictions_per_seq: int = at_least(0, default=0)
    # Share of chosen tokens that become [MASK].
    mask_token_prob: float = probability(0.85)
    # Share that become a random token; the rest stays.
    random_token_prob: float = probability(0.0)
    whole_word_masking: bool = False
    # Longest n-gram of words that is masked; p(n) is proportional to 1/n.
    max_ngram: int = at_least(1, default=1)
    # Draw positions with replacement, as ELECTRA.
    legacy_duplicate_masking: bool = False
    # Examples that are shuffled together.
    shuffle_buffer: int = at_least(1, default=16384)

    def __post_init__(self):
        check_fields(self, "data")
        require(
            not self.legacy_duplicate_masking
            or (not self.whole_word_masking and self.max_ngram == 1),
            "data.legacy_duplicate_masking draws single tokens: it goes neither with "
            f"whole_word_masking ({self.whole_word_masking}) nor with n-grams "
            f"(max_ngram {self.max_ngram})",
        )
        require(
            self.mask_token_prob + self.random_token_prob <= 1.0,
            "mask_token_prob + random_token_prob is above 1",
        )
        require(
            self.num_predictions >= 1,
            f"data.masked_lm_prob {self.masked_lm_prob} of max_seq_length "
            f"{self.max_seq_length} leaves no token to predict",
        )
        require(
            self.masking == "static" or self.dupe_factor == 1,
            f"dupe_factor is {self.dupe_factor}, but masking is dynamic: every epoch "
            "sees new masks, so copies of the text add nothing",
        )

    @property
    def num_predictions(self) -> int:
        """Slots for masked positions in one example (P)."""
        if self.max_predictions_per_seq:
            return self.max_predictions_per_seq
        # Clark et al.'s code: 19 at length 128 and 15 %, 79 and 130 at 512.
        return int((self.masked_lm_prob + 0.005) * self.max_seq_length)
