"""Fine-tuning as in ELECTRA (Clark et al., 2020, Table 7).

    python run_finetuning.py --config=configs/finetune_electra.py:base --task=CoLA \\
        --data_dir=glue --init_checkpoint=PATH

NAME after the colon is small, base or large; the default is small. The released code
differs from the table in two values: weight decay 0.01
(`--config.finetune.weight_decay=0.01`) and, for small, the learning rate 1e-4. The
published scores are medians of at least ten runs (`--config.finetune.num_trials=10`).
"""

from tf_pretrain.config import FinetuneConfig, FinetuneSettings
from tf_pretrain.errors import ConfigError

# Learning rate, layer-wise decay.
SIZES = {"small": (3e-4, 0.8), "base": (1e-4, 0.8), "large": (5e-5, 0.9)}
# Epochs, length; the lengths are the released code's. All others: 3 epochs, 128.
TASKS = {
    "RTE": (10.0, 128),
    "STS-B": (10.0, 128),
    "SQuAD1.1": (2.0, 512),
    "SQuAD2.0": (2.0, 512),
    "chunk": (3.0, 256),
}


def get_config(name: str = "small", task: str = "") -> FinetuneConfig:
    if name not in SIZES:
        raise ConfigError(f"no size {name!r}; expected one of {list(SIZES)}")
    learning_rate, layerwise_decay = SIZES[name]
    num_epochs, max_seq_length = TASKS.get(task, (3.0, 128))
    return FinetuneConfig(
        finetune=FinetuneSettings(
            num_epochs=num_epochs,
            batch_size=32,
            learning_rate=learning_rate,
            layerwise_decay=layerwise_decay,
            weight_decay=0.0,
            warmup_fraction=0.1,
            schedule="electra",
            classifier_dropout=0.1,
            encoder_dropout=0.1,
            # From here on the released code.
            max_seq_length=max_seq_length,
            head="first_token",
            loss_reduction="sum",
            double_unordered=True,
            scale_targets=True,
        )
    )
