"""ELECTRA-Small++: the recipe of the released "small" checkpoint.

    python run_pretraining.py --config=configs/electra_small_pp.py --input='text/*.txt'

ELECTRA-Small with a generator of full size, length 512 and 4M steps, on XLNet's data.
Published (repository README, dev): CoLA 57.0, SST 91.2, MRPC 88.0, STS 87.5, QQP 89.0,
MNLI 81.3, QNLI 88.4, RTE 66.7, whose mean is 81.1.
"""

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)


def get_config() -> PretrainConfig:
    # Clark et al. (2020), Table 6, but for the three values marked.
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
            generator_hidden_size=1.0,  # the released checkpoint
            discriminator_weight=50.0,
        ),
        data=DataConfig(
            max_seq_length=512,  # the released checkpoint
            masked_lm_prob=0.15,
        ),
        train=TrainConfig(
            num_steps=4_000_000,  # README, "longer training"
            batch_size=128,
            learning_rate=5e-4,
            warmup_steps=10_000,
            weight_decay=0.01,
        ),
    )
