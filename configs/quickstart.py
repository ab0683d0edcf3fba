"""A small ELECTRA on the documentation of the installed Python packages.

    python run_pretraining.py

About ten minutes of training on two CPU cores, with nothing to download. Not from
the paper, but its masks and loss weights at a size for a first look. So short a run
shows more with four changes: the generator is as wide as the discriminator, positions
begin as sines, the moments are corrected for bias, and the learning rate is higher.
With the paper's settings, generators of this size only learn how frequent words are.
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
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=512,
            max_position_embeddings=128,
            # BERT-Base's 0.02 at this width: 0.02 sqrt(768 / 128). Smaller values
            # and higher learning rates leave the discriminator guessing for long.
            initializer_range=0.05,
            position_initializer="sinusoidal",
            # Few epochs of a small network: nothing to regularise.
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        objective=ObjectiveConfig(generator_hidden_size=1.0),
        data=DataConfig(max_seq_length=64, heldout_fraction=0.05),
        train=TrainConfig(
            num_steps=2400,
            batch_size=64,
            learning_rate=1e-3,
            warmup_steps=200,
            bias_correction=True,
            checkpoint_every=500,
            log_every=100,
            eval_steps=20,
        ),
    )
