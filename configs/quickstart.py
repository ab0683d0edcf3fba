"""A small ELECTRA on the documentation of the installed Python packages.

    python run_pretraining.py

About five minutes of training on two CPU cores, with nothing to download. Not from
the paper: its proportions (generator, masks, loss weights) at a size for a first look.
"""

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)


def get_config() -> PretrainConfig:
    return PretrainConfig(
        model=EncoderConfig(
            vocab_size=4096,
            embedding_size=64,
            hidden_size=128,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=512,
            max_position_embeddings=128,
        ),
        objective=ObjectiveConfig(generator_hidden_size=0.5),
        data=DataConfig(max_seq_length=64, heldout_fraction=0.05),
        train=TrainConfig(
            num_steps=2000,
            batch_size=64,
            learning_rate=2e-3,
            warmup_steps=200,
            checkpoint_every=500,
            log_every=50,
            eval_steps=20,
        ),
    )
