"""The first fine-tuning: which package a passage of documentation comes from.

    python run_pretraining.py        # once: the encoder, in runs/quickstart
    python run_finetuning.py

Not from a paper. ELECTRA-Small's settings but for the values marked.
"""

from tf_pretrain.config import FinetuneConfig, FinetuneSettings


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        finetune=FinetuneSettings(
            num_trials=3,
            learning_rate=5e-4,  # the encoder is small
            encoder_dropout=0.0,  # as in its pretraining
            max_seq_length=64,  # as in its pretraining
        )
    )
