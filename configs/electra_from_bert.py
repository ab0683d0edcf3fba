"""ELECTRA's objective, begun with the weights of a BERT-Base.

    python -m tf_pretrain.convert --input=BERT --output=runs/start --as_electra
    python run_pretraining.py --config=configs/electra_from_bert.py \\
        --init_checkpoint=runs/start --initialize_missing --input='text/*.txt'

The sizes of the discriminator come from its weights. The generator is new, a third of
the discriminator's width (Clark et al., 2020, Table 6, Base); its first thousands of
steps are easy for a discriminator that reads well, so the run is a tenth of Base's and
its rate a quarter. No paper trains this: the settings are ours, and not tuned.
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
            num_steps=76_600,
            batch_size=256,
            learning_rate=5e-5,
            warmup_steps=10_000,
            weight_decay=0.01,
        ),
    )
