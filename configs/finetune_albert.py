"""Fine-tuning as in ALBERT (Lan et al., 2019, Table 14), each task with its own row.

    python run_finetuning.py --config=configs/finetune_albert.py --task=CoLA \\
        --data_dir=glue --init_checkpoint=PATH

The paper starts RTE, STS-B and MRPC from a model fine-tuned on MNLI
(`--init_checkpoint=` the workdir of that run), and reports medians of 5 runs
(`--config.finetune.num_trials=5`). Version 2 checkpoints were made without dropout, so
`:v2` takes none in the encoder. The released code keeps the checkpoint that is best on
the dev set (`--config.finetune.choose_best_on_dev=true`).
"""

from tf_pretrain.config import FinetuneConfig, FinetuneSettings, QuestionSettings
from tf_pretrain.errors import ConfigError

# Learning rate, batch size, encoder dropout, steps, warm-up.
TASKS = {
    "CoLA": (1e-5, 16, 0.0, 5336, 320),
    "STS-B": (2e-5, 16, 0.0, 3598, 214),
    "SST-2": (1e-5, 32, 0.0, 20935, 1256),
    "MNLI": (3e-5, 128, 0.0, 10000, 1000),
    "QNLI": (1e-5, 32, 0.0, 33112, 1986),
    "QQP": (5e-5, 128, 0.1, 14000, 1000),
    "RTE": (3e-5, 32, 0.1, 800, 200),
    "MRPC": (2e-5, 32, 0.0, 800, 200),
    "WNLI": (2e-5, 16, 0.1, 2000, 250),
    "SQuAD1.1": (5e-5, 48, 0.0, 3649, 365),
    "SQuAD2.0": (3e-5, 48, 0.0, 8144, 814),
    "RACE": (2e-5, 32, 0.1, 12000, 1000),
}
TASKS["AX"] = TASKS["MNLI"]


def get_config(name: str = "v1", task: str = "") -> FinetuneConfig:
    if name not in ("v1", "v2"):
        raise ConfigError(f"no ALBERT version {name!r}; expected v1 or v2")
    # The user's own task has no row: SST-2's rate and batch, by epochs.
    row = TASKS.get(task, (1e-5, 32, 0.0, 0, 0))
    learning_rate, batch_size, dropout, num_steps, warmup_steps = row
    return FinetuneConfig(
        finetune=FinetuneSettings(
            num_steps=num_steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warmup_steps=warmup_steps,
            warmup_fraction=0.0 if num_steps else 0.1,
            encoder_dropout=dropout if name == "v1" else 0.0,
            classifier_dropout=0.1,
            max_seq_length=384 if task == "SQuAD1.1" else 512,
            # From here on the released code.
            layerwise_decay=1.0,
            weight_decay=0.01,
            schedule="albert",
            head="pooled",
            loss_reduction="mean",
            double_unordered=False,
            scale_targets=False,
        ),
        # The released code: starts and ends that are kept; the threshold is searched on
        # the dev set there, which `best_f1` shows. 0 means as likely as not.
        questions=QuestionSettings(head="albert", beam_size=5, null_threshold=0.0),
    )
