"""BERT-Small: the ELECTRA paper's baseline, ELECTRA-Small's FLOPs on masked LM alone.

    python run_pretraining.py --config=configs/bert_small.py --input='text/*.txt'

Published: GLUE dev average 75.1 (Clark et al., 2020, Table 1), on ELECTRA-Small's data
with its masks; no next-sentence objective. 1.4e18 FLOPs.
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
        objective=ObjectiveConfig(name="masked_lm"),
        data=DataConfig(max_seq_length=128, masked_lm_prob=0.15),
        train=TrainConfig(
            num_steps=1_450_000,
            batch_size=128,
            learning_rate=5e-4,
            warmup_steps=10_000,
            weight_decay=0.01,
        ),
    )
