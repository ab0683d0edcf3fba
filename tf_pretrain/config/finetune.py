"""`FinetuneConfig`: every setting of fine-tuning that changes a result."""

import dataclasses
from typing import Literal

from tf_pretrain.config.checks import (
    at_least,
    check_fields,
    decay,
    dropout,
    positive,
    probability,
    seed,
)
from tf_pretrain.config.train import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class FinetuneSettings(OptimizerConfig):
    """How one task is fine-tuned. The defaults are those of ELECTRA-Small.

    They are from Clark et al. (2020), Table 7, and, where the table says nothing, from
    the released code (`configure_finetuning.py`).
    """

    batch_size: int = at_least(1, default=32)
    learning_rate: float = at_least(0, default=3e-4)  # the peak of the schedule
    weight_decay: float = at_least(0, default=0.0)
    # Taken if this is more than warmup_fraction gives.
    warmup_steps: int = at_least(0, default=0)
    jit_compile: bool = False  # compile with XLA, once for every length of a group
    num_trials: int = at_least(1, default=3)  # runs with seeds seed, seed + 1, ...
    num_epochs: float = positive(3.0)
    # Overrides num_epochs; 0: examples // batch_size * num_epochs.
    num_steps: int = at_least(0, default=0)
    # Factor of the learning rate from layer to layer.
    layerwise_decay: float = decay(0.8)
    # Share of the steps in which the learning rate rises.
    warmup_fraction: float = probability(0.1)
    max_seq_length: int = 128
    head: Literal["first_token", "pooled"] = "first_token"
    loss_reduction: Literal["sum", "mean"] = "sum"
    classifier_dropout: float = dropout(0.1)
    encoder_dropout: float = dropout(0.1)  # dropout of hidden states and attention
    double_unordered: bool = True  # train on MRPC and STS-B with swapped sentences, too
    scale_targets: bool = True  # regression learns scores that are scaled to 0..1
    # Evaluations on the dev set in a trial, at most; the last is at its end.
    num_evaluations: int = at_least(1, default=4)
    choose_best_on_dev: bool = False  # keep the best evaluation, not the last
    # Number of training examples that are used; 0: all. A smaller number selects some
    # of the examples that a larger one selects.
    max_train_examples: int = at_least(0, default=0)
    subsets: bool = False  # read train_subset.tsv where GLUE's train.tsv is missing
    group_by_length: bool = True  # pad to the length of a group, not to max_seq_length

    def __post_init__(self):
        check_fields(self, "finetune")

    def total_steps(self, num_examples: int) -> int:
        """Optimizer updates of one trial on this number of training examples."""
        if self.num_steps:
            return self.num_steps
        batches = max(1, num_examples // self.batch_size)
        return max(1, int(batches * self.num_epochs))

    def total_warmup_steps(self, num_steps: int) -> float:
        """Length of the warm-up of a trial; ELECTRA's may be a fraction of a step."""
        return max(self.warmup_fraction * num_steps, self.warmup_steps)


@dataclasses.dataclass(frozen=True)
class QuestionSettings:
    """How questions about a text are answered. The defaults are ELECTRA's program's.

    `head` is "joint" or "independent" (Clark et al., 2020: whether the end is predicted
    from the start), or "albert" (Lan et al., 2019: independent for SQuAD 1.1, from the
    start for SQuAD 2.0).
    """

    head: Literal["joint", "independent", "albert"] = "joint"
    # Pieces from the beginning of one window of a text to that of the next.
    doc_stride: int = at_least(1, default=128)
    max_query_length: int = at_least(1, default=64)  # pieces of a question
    max_answer_length: int = at_least(1, default=30)  # pieces of an answer
    n_best_size: int = at_least(1, default=20)  # answers that are kept of a question
    # Starts, and ends of each start, that are kept of a window.
    beam_size: int = at_least(1, default=20)
    # Train a classifier of answerability, as ELECTRA's program does for SQuAD 1.1, too.
    has_answerability: bool = True
    answerability_weight: float = at_least(0, default=0.5)  # weight of its loss
    # A question has no answer where the classifier's logit is above (SQuAD 2.0).
    null_threshold: float = -2.75
    # Multiple choice: pieces of a question with an option.
    max_choice_length: int = at_least(1, default=128)

    def __post_init__(self):
        check_fields(self, "questions")


@dataclasses.dataclass(frozen=True)
class TaggingSettings:
    """How words are tagged."""

    # Which words belong to a span, where tags are not well formed.
    span_rule: Literal["electra", "conll"] = "electra"
    legacy_inputs: bool = False  # cut sentences as ELECTRA's program does

    def __post_init__(self):
        check_fields(self, "tagging")


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """One task's fine-tuning; a section counts for the tasks that it is named after."""

    seed: int = seed(0)
    finetune: FinetuneSettings = FinetuneSettings()
    questions: QuestionSettings = QuestionSettings()
    tagging: TaggingSettings = TaggingSettings()

    def __post_init__(self):
        check_fields(self)
