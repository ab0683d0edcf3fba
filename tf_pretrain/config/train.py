"""`TrainConfig`: optimizer, schedule, and how the steps are run."""

import dataclasses

from tf_pretrain.config.checks import (
    require,
    require_at_least,
    require_one_of,
    require_positive,
)

STRATEGIES = ("one", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("float32", "bfloat16", "float16")

# These may differ when a run continues, because they change how it runs and not what it
# computes (bad_records: only where a bad record would stop the run).
RUN_FIELDS = (
    "train.bad_records",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.log_every",
    "train.max_skipped_steps",
    "train.strategy",
)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Optimizer, schedule, and how the steps are run."""

    num_steps: int = 1_000_000
    # Above 0: the number of steps is set so that the run takes this long, and the
    # schedule of num_steps is run through in them.
    budget_minutes: float = 0.0
    batch_size: int = 128  # global: examples of one update over all replicas
    accumulation_steps: int = 1  # micro-batches that one update is cut into
    optimizer: str = "adamw"  # or "lamb"
    learning_rate: float = 5e-4
    warmup_steps: int = 10_000
    schedule: str = "electra"  # warm-up times decay; "albert": warm-up, then decay
    weight_decay: float = 0.01
    bias_correction: bool = False  # of the moments; the references have none
    clip_norm: float = 1.0  # global norm of the gradient, after the reduction
    strategy: str = "one"
    jit_compile: bool = True  # XLA
    mixed_precision: str = "float32"
    checkpoint_every: int = 1000
    keep_checkpoints: int = 5
    log_every: int = 100
    eval_steps: int = 50  # held-out batches; the same ones at every evaluation
    bad_records: str = "strict"  # an error, or "skip": left out and counted
    max_skipped_steps: int = 20  # in a row without a finite loss and gradient

    def __post_init__(self):
        require_one_of("optimizer", self.optimizer, ("adamw", "lamb"))
        require_one_of("schedule", self.schedule, ("electra", "albert"))
        require_one_of("strategy", self.strategy, STRATEGIES)
        require_one_of("mixed_precision", self.mixed_precision, PRECISIONS)
        require_one_of("bad_records", self.bad_records, ("strict", "skip"))
        require(
            self.accumulation_steps >= 1
            and self.batch_size % self.accumulation_steps == 0,
            f"batch_size {self.batch_size} is not a multiple of accumulation_steps "
            f"{self.accumulation_steps}",
        )
        require_at_least(
            1,
            self,
            "train",
            "num_steps",
            "batch_size",
            "checkpoint_every",
            "keep_checkpoints",
            "log_every",
            "eval_steps",
            "max_skipped_steps",
        )
        names = ("learning_rate", "warmup_steps", "weight_decay", "budget_minutes")
        require_at_least(0, self, "train", *names)
        require_positive("train.clip_norm", self.clip_norm)
