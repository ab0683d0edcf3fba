"""ELECTRA-Base (Clark et al., 2020, Table 6), with BERT-Base's training FLOPs.

    python run_pretraining.py --config=configs/electra_base.py --input='text/*.txt'

Published: GLUE dev average 85.1 (Table 1), on Wikipedia and BookCorpus; 6.4e19 FLOPs,
4 days on 16 TPUv3. The released checkpoint is Base++: XLNet's data and 4M steps.
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
            num_hidden_layers=12,
            hidden_size=768,
            intermediate_size=3072,
            num_attention_heads=12,
            embedding_size=768,
        ),
        objective=ObjectiveConfig(
            name="replaced_token_detection",
            generator_hidden_size=1 / 3,
            discriminator_weight=50.0,
        ),
        data=DataConfig(max_seq_length=512, masked_lm_prob=0.15),
        train=TrainConfig(
            num_steps=766_000,
            batch_size=256,
            learning_rate=2e-4,
            warmup_steps=10_000,
            weight_decay=0.01,
        ),
    )
