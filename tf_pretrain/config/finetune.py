"""`FinetuneConfig`: every setting of fine-tuning that changes a result."""

import dataclasses

from tf_pretrain.config.checks import (
    require,
    require_at_least,
    require_dropout,
    require_one_of,
    require_positive,
    require_probability,
    require_seed,
)
from tf_pretrain.config.train import TrainConfig


@dataclasses.dataclass(frozen=True)
class FinetuneSettings:
    """How one task is fine-tuned. The defaults are those of ELECTRA-Small.

    They are from Clark et al. (2020), Table 7, and, where the table says nothing, from
    the released code (`configure_finetuning.py`).
    """

    num_trials: int = 3  # runs with seeds seed, seed + 1, ...
    num_epochs: float = 3.0
    num_steps: int = 0  # overrides num_epochs; 0: examples // batch_size * num_epochs
    batch_size: int = 32
    optimizer: str = "adamw"
    learning_rate: float = 3e-4
    layerwise_decay: float = 0.8  # of the learning rate from layer to layer; 1: none
    weight_decay: float = 0.0
    bias_correction: bool = False  # of the optimizer's moments; the references: none
    clip_norm: float = 1.0
    schedule: str = "electra"  # or "albert", see training/schedules.py
    warmup_fraction: float = 0.1  # of the steps
    warmup_steps: int = 0  # if that is more
    max_seq_length: int = 128
    head: str = "first_token"  # or "pooled"
    loss_reduction: str = "sum"  # or "mean"
    classifier_dropout: float = 0.1
    encoder_dropout: float = 0.1  # hidden and attention, whatever pretraining had
    double_unordered: bool = True  # MRPC and STS-B also with swapped sentences
    scale_targets: bool = True  # regression on scores scaled to 0..1
    num_evaluations: int = 4  # of the dev set in a trial, at most; the last at its end
    choose_best_on_dev: bool = False  # keep the best of them, not the last
    subsets: bool = False  # take train_subset.tsv where GLUE's train.tsv is missing
    group_by_length: bool = True  # pad to the length of a group, not max_seq_length
    jit_compile: bool = False  # XLA; compiles once for every length of a group

    def __post_init__(self):
        for name in ("num_trials", "batch_size", "num_evaluations"):
            value = getattr(self, name)
            require(value >= 1, f"finetune.{name} is {value}; expected 1 or more")
        require(
            self.num_steps >= 0 and self.num_epochs > 0,
            f"finetune.num_steps is {self.num_steps} and num_epochs "
            f"{self.num_epochs}; expected 0 or more, and more than 0",
        )
        require_probability("finetune.warmup_fraction", self.warmup_fraction)
        for name in ("classifier_dropout", "encoder_dropout"):
            require_dropout(f"finetune.{name}", getattr(self, name))
        require(
            0 < self.layerwise_decay <= 1,
            f"finetune.layerwise_decay is {self.layerwise_decay}; expected in (0, 1]",
        )
        require_one_of("finetune.head", self.head, ("first_token", "pooled"))
        require_one_of("finetune.loss_reduction", self.loss_reduction, ("sum", "mean"))
        names = ("learning_rate", "weight_decay", "warmup_steps")
        require_at_least(0, self, "finetune", *names)
        require_positive("finetune.clip_norm", self.clip_norm)
        self.train_config(1)  # checks the others that both have

    def total_steps(self, num_examples: int) -> int:
        """Optimizer updates of one trial on this number of training examples."""
        if self.num_steps:
            return self.num_steps
        batches = max(1, num_examples // self.batch_size)
        return max(1, int(batches * self.num_epochs))

    def train_config(self, num_steps: int) -> TrainConfig:
        """Optimizer and schedule of a trial of `num_steps`."""
        return TrainConfig(
            num_steps=num_steps,
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            # A fraction of a step counts, as in the original program.
            warmup_steps=max(  # type: ignore[arg-type]
                self.warmup_fraction * num_steps, self.warmup_steps
            ),
            schedule=self.schedule,
            weight_decay=self.weight_decay,
            bias_correction=self.bias_correction,
            clip_norm=self.clip_norm,
            jit_compile=self.jit_compile,
            checkpoint_every=-(-num_steps // self.num_evaluations),
            log_every=max(1, num_steps // 10),
        )


@dataclasses.dataclass(frozen=True)
class QuestionSettings:
    """Answering questions about a text; the defaults are ELECTRA's program's.

    `head` is "joint" or "independent" (Clark et al., 2020: whether the end is predicted
    from the start), or "albert" (Lan et al., 2019: independent for SQuAD 1.1, from the
    start for SQuAD 2.0).
    """

    head: str = "joint"
    doc_stride: int = 128  # pieces from one window of a text to the next
    max_query_length: int = 64  # pieces of a question; it loses its end
    max_answer_length: int = 30  # pieces
    n_best_size: int = 20  # answers that are kept of a question
    beam_size: int = 20  # starts, and ends of each, of a joint head; ALBERT's: 5
    has_answerability: bool = True  # a classifier; ELECTRA has it for SQuAD 1.1, too
    answerability_weight: float = 0.5  # of its loss
    null_threshold: float = -2.75  # SQuAD 2.0: no answer where the logit is above
    max_choice_length: int = 128  # multiple choice: pieces of question and option

    def __post_init__(self):
        require_one_of("questions.head", self.head, ("joint", "independent", "albert"))
        require_at_least(
            1,
            self,
            "questions",
            "doc_stride",
            "max_query_length",
            "max_answer_length",
            "n_best_size",
            "beam_size",
            "max_choice_length",
        )
        require_at_least(0, self, "questions", "answerability_weight")


@dataclasses.dataclass(frozen=True)
class TaggingSettings:
    """A tag for each word."""

    span_rule: str = "electra"  # or "conll", see tasks/tagging/spans.py
    legacy_inputs: bool = False  # cut sentences as ELECTRA's program does

    def __post_init__(self):
        require_one_of("tagging.span_rule", self.span_rule, ("electra", "conll"))


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
    """One task's fine-tuning; a section counts for the tasks that it is named after."""

    seed: int = 0
    finetune: FinetuneSettings = FinetuneSettings()
    questions: QuestionSettings = QuestionSettings()
    tagging: TaggingSettings = TaggingSettings()

    def __post_init__(self):
        require_seed(self.seed)
