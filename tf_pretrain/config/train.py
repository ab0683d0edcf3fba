"""`TrainConfig`: optimizer, schedule, and how the steps are run."""

import dataclasses
from typing import Literal

from tf_pretrain.config.checks import at_least, check_fields, positive, require

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
class OptimizerConfig:
    """Optimizer and schedule, as pretraining and fine-tuning both have them."""

    # Examples of one update, over all replicas.
    batch_size: int = at_least(1, default=128)
    optimizer: Literal["adamw", "lamb"] = "adamw"
    learning_rate: float = at_least(0, default=5e-4)  # the peak of the schedule
    # "electra": warm-up times decay; "albert": warm-up, then decay.
    schedule: Literal["electra", "albert"] = "electra"
    warmup_steps: int = at_least(0, default=10_000)
    weight_decay: float = at_least(0, default=0.01)
    # Corrects the bias of the moments; the references do not.
    bias_correction: bool = False
    # Largest global norm of the gradient, over all replicas.
    clip_norm: float = positive(1.0)
    jit_compile: bool = True  # compile with XLA


@dataclasses.dataclass(frozen=True)
class TrainConfig(OptimizerConfig):
    """Optimizer, schedule, and how the steps of pretraining are run."""

    num_steps: int = at_least(1, default=1_000_000)
    # Above 0: the number of steps is set so that the run takes this long, and the
    # schedule of num_steps is run through in them.
    budget_minutes: float = at_least(0, default=0.0)
    accumulation_steps: int = 1  # micro-batches that one update is cut into
    # The default device, all GPUs, the workers of TF_CONFIG, or a TPU.
    strategy: Literal["one", "mirrored", "multi_worker", "tpu"] = "one"
    mixed_precision: Literal["float32", "bfloat16", "float16"] = "float32"
    # Steps between checkpoints, and between evaluations.
    checkpoint_every: int = at_least(1, default=1000)
    keep_checkpoints: int = at_least(1, default=5)
    log_every: int = at_least(1, default=100)  # steps between lines of the log
    # Held-out batches; the same ones at every evaluation.
    eval_steps: int = at_least(1, default=50)
    # A bad record is an error ("strict"), or it is left out and counted.
    bad_records: Literal["strict", "skip"] = "strict"
    # So many steps in a row without a finite loss and gradient stop the run.
    max_skipped_steps: int = at_least(1, default=20)

    def __post_init__(self):
        check_fields(self, "train")
        require(
            self.accumulation_steps >= 1
            and self.batch_size % self.accumulation_steps == 0,
            f"batch_size {self.batch_size} is not a multiple of accumulation_steps "
            f"{self.accumulation_steps}",
        )
