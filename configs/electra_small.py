"""ELECTRA-Small (Clark et al., 2020, Table 6), one GPU's worth of pretraining.

    python run_pretraining.py --config=configs/electra_small.py --input='text/*.txt'

Published: GLUE dev average 79.9 (Table 1), on Wikipedia and BookCorpus; the same
recipe on OpenWebText 80.4 (repository README). 1.3e18 FLOPs, 4 days on a V100.
"""

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)


def get_config() -> PretrainConfig:
    # Every value: Table 6, except the sequence length (sec. 3.3).
    return PretrainConfig(
        model=EncoderConfig(
            num_hidden_layers=12,
            hidden_size=256,
            intermediate_size=1024,
            num_attention_heads=4,
            embedding_size=128,
        ),
        objective=ObjectiveConfig(
            name="replaced_token_detection",
            generator_hidden_size=1 / 4,
            discriminator_weight=50.0,
        ),
        data=DataConfig(max_seq_length=128, masked_lm_prob=0.15),
        train=TrainConfig(
            num_steps=1_000_000,
            batch_size=128,
            learning_rate=5e-4,
            warmup_steps=10_000,
            weight_decay=0.01,
        ),
    )
