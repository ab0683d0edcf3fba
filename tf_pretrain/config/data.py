"""`DataConfig`: how text becomes masked examples."""

import dataclasses

from tf_pretrain.config.checks import (
    require,
    require_at_least,
    require_encoding,
    require_one_of,
    require_probability,
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

    max_seq_length: int = 128
    tokenizer: str = "wordpiece"  # or "sentencepiece"; used when one is trained
    lower_case: bool = True
    strip_accents: bool = True
    encoding: str = "utf-8"  # of text files without a byte-order mark
    errors: str = "strict"  # "replace": bad bytes become U+FFFD instead of an error
    # Lines (paragraphs) of so many characters or more are left out if the same line
    # came before in the input; 0 keeps all.
    deduplicate_min_chars: int = 0
    example_format: str = "electra"
    short_seq_prob: float = 0.05
    legacy_truncation: bool = False  # True drops overflowing text as the originals do
    legacy_sentence_order: bool = False  # True: a one-line chunk gets a random B
    heldout_fraction: float = 0.02  # of the documents, for evaluation
    shard_size_mb: float = 4.0  # of text; one shard is the unit of work and of resume
    masking: str = "dynamic"  # at training time, or "static": when records are built
    dupe_factor: int = 1  # copies of the text with other segments and masks
    masked_lm_prob: float = 0.15
    max_predictions_per_seq: int = 0  # 0: int((masked_lm_prob + .005) * length)
    mask_token_prob: float = 0.85  # of chosen tokens; the rest is kept or random
    random_token_prob: float = 0.0
    whole_word_masking: bool = False
    max_ngram: int = 1  # n-grams of words, p(n) proportional to 1/n
    legacy_duplicate_masking: bool = False  # ELECTRA's draw with replacement
    shuffle_buffer: int = 16384  # examples

    def __post_init__(self):
        require(
            self.max_seq_length >= 8,
            f"max_seq_length is {self.max_seq_length}; expected 8 or more",
        )
        require_one_of("tokenizer", self.tokenizer, ("wordpiece", "sentencepiece"))
        require_encoding("data.encoding", self.encoding)
        require_one_of("errors", self.errors, ("strict", "replace"))
        require_one_of(
            "example_format",
            self.example_format,
            ("electra", "sentence_order", "next_sentence", "sentence_pair"),
        )
        require_one_of("masking", self.masking, ("dynamic", "static"))
        require_at_least(1, self, "data", "dupe_factor", "max_ngram", "shuffle_buffer")
        require_at_least(
            0, self, "data", "max_predictions_per_seq", "deduplicate_min_chars"
        )
        require(
            self.shard_size_mb > 0,
            f"data.shard_size_mb is {self.shard_size_mb}; expected more than 0",
        )
        require(
            not self.legacy_duplicate_masking
            or (not self.whole_word_masking and self.max_ngram == 1),
            "data.legacy_duplicate_masking draws single tokens: it goes neither with "
            f"whole_word_masking ({self.whole_word_masking}) nor with n-grams "
            f"(max_ngram {self.max_ngram})",
        )
        for name in (
            "short_seq_prob",
            "heldout_fraction",
            "masked_lm_prob",
            "mask_token_prob",
            "random_token_prob",
        ):
            require_probability(name, getattr(self, name))
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
