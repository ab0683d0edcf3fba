"""BERT-Base as the ELECTRA paper's baseline: masked LM, no next-sentence objective.

    python run_pretraining.py --config=configs/bert_base.py --input='text/*.txt'

Published: GLUE dev average 82.2 (Clark et al., 2020, Table 1), on Wikipedia and
BookCorpus with ELECTRA's masks; 6.4e19 FLOPs.
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
        objective=ObjectiveConfig(name="masked_lm"),
        data=DataConfig(max_seq_length=512, masked_lm_prob=0.15),
        train=TrainConfig(
            num_steps=1_000_000,
            batch_size=256,
            learning_rate=2e-4,
            warmup_steps=10_000,
            weight_decay=0.01,
        ),
    )
