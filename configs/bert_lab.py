"""BERT, the ELECTRA paper's baseline, at laboratory scale.

    python run_pretraining.py --config=configs/bert_lab.py --input='text/*.txt.gz'

It has electra_lab's encoder, data and masks with masked LM alone, as in the paper's
comparison (Clark et al., 2020, sec. 3.2). The number of steps is chosen so that its
matrix products cost as much as electra_lab's.
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
            vocab_size=8000,
            embedding_size=64,
            hidden_size=64,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=256,
            max_position_embeddings=128,
            initializer_range=0.069,  # BERT-Base's 0.02 at this width: 0.02 sqrt(12)
            # This and the bias correction below are not from the paper. Without them a
            # run as short as this ends before the network has learned word order
            # (docs/results.md).
            position_initializer="sinusoidal",
            # The text is seen about once: nothing to regularise.
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        objective=ObjectiveConfig(name="masked_lm"),
        data=DataConfig(max_seq_length=128, heldout_fraction=0.01),
        train=TrainConfig(
            num_steps=9900,
            batch_size=16,
            learning_rate=1e-3,
            bias_correction=True,
            warmup_steps=600,
            checkpoint_every=500,
            log_every=100,
            eval_steps=20,
        ),
    )
