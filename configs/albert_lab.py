"""ALBERT at laboratory scale: 7 M tokens, 5 minutes on one CPU core.

    python run_pretraining.py --config=configs/albert_lab.py --input='text/*.txt.gz'

This config is not from the paper. It has ALBERT's recipe (all layers shared, E unequal
to H, n-gram masks, sentence order, LAMB) with a third of ALBERT-base's depth and a
twelfth of its width, for comparisons on one machine. Its learning rate is larger than
the paper's 0.00176, because the paper has thirty times as many steps. docs/log has the
rates that were tried.
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
            embedding_size=32,
            hidden_size=64,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=256,
            max_position_embeddings=128,
            initializer_range=0.069,  # ALBERT-base's 0.02 at this width: 0.02 sqrt(12)
            position_initializer="sinusoidal",  # see electra_lab.py
            parameter_sharing="all",
            use_pooler=True,
            hidden_act="gelu_tanh",
            projection_initializer="truncated_normal",
            # As in v2: a small shared network underfits, it needs no dropout.
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        objective=ObjectiveConfig(
            name="masked_lm", sentence_objective="sentence_order"
        ),
        data=DataConfig(
            max_seq_length=128,
            tokenizer="sentencepiece",
            example_format="sentence_order",
            short_seq_prob=0.1,
            heldout_fraction=0.01,
            masking="static",
            max_predictions_per_seq=20,
            mask_token_prob=0.8,
            random_token_prob=0.1,
            whole_word_masking=True,
            max_ngram=3,
        ),
        train=TrainConfig(
            num_steps=4000,
            batch_size=16,
            optimizer="lamb",
            schedule="albert",
            learning_rate=0.005,
            warmup_steps=250,
            checkpoint_every=500,
            log_every=100,
            eval_steps=20,
        ),
    )
