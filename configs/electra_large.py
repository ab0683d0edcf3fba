"""ELECTRA-Large, 400K steps (Clark et al., 2020, Table 6).

    python run_pretraining.py --config=configs/electra_large.py --input='text/*.txt'

Published: GLUE dev average 89.0, and 89.5 with `--config.train.num_steps=1750000`, the
released checkpoint (Table 2), on XLNet's data; 7.1e20 and 3.1e21 FLOPs.
"""

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)


def get_config() -> PretrainConfig:
    # Every value: Table 6.
    return PretrainConfig(
        model=EncoderConfig(
            num_hidden_layers=24,
            hidden_size=1024,
            intermediate_size=4096,
            num_attention_heads=16,
            embedding_size=1024,
        ),
        objective=ObjectiveConfig(
            name="replaced_token_detection",
            generator_hidden_size=1 / 4,
            discriminator_weight=50.0,
        ),
        data=DataConfig(max_seq_length=512, masked_lm_prob=0.25),
        train=TrainConfig(
            num_steps=400_000,
            batch_size=2048,
            learning_rate=2e-4,
            warmup_steps=10_000,
            weight_decay=0.01,
        ),
    )
