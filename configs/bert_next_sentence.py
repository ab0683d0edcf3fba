"""BERT-Base as published: masked LM with next-sentence prediction.

    python run_pretraining.py --config=configs/bert_next_sentence.py \\
        --input='text/*.txt'

With --init_checkpoint=BERT it goes on from trained weights. Values are those of Devlin
et al. (2019), sec. A.2, and of the commands in the README of google-research/bert.
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
            hidden_act="gelu_tanh",  # released code
            use_pooler=True,
            projection_initializer="truncated_normal",
        ),
        objective=ObjectiveConfig(name="masked_lm", sentence_objective="next_sentence"),
        data=DataConfig(
            max_seq_length=512,
            example_format="next_sentence",
            short_seq_prob=0.1,
            masking="static",
            dupe_factor=10,  # released create_pretraining_data.py, as is short_seq_prob
            masked_lm_prob=0.15,
            max_predictions_per_seq=77,
            mask_token_prob=0.8,
            random_token_prob=0.1,
        ),
        train=TrainConfig(
            num_steps=1_000_000,
            batch_size=256,
            learning_rate=1e-4,
            warmup_steps=10_000,
            schedule="albert",  # warm-up, then decay: BERT's, too
            weight_decay=0.01,
        ),
    )
