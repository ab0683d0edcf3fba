"""Teaching networks of the course chapter: small, and yet they guess sensible words.

    python run_pretraining.py --config=configs/course.py:electra --input='text/*.txt.gz'
    python run_pretraining.py --config=configs/course.py:albert --input='text/*.txt.gz'

Not from the papers. The vocabulary is small and the examples are short, because then
masked language modelling gets past the frequencies of words within a few thousand steps
(docs/log/2026-11-25.md). For the same reason ELECTRA's generator is as wide as its
discriminator. `python -m docs.drawing` draws both networks at work.
"""

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)
from tf_pretrain.errors import ConfigError


def get_config(name: str = "electra") -> PretrainConfig:
    if name == "electra":
        return _electra()
    if name == "albert":
        return _albert()
    raise ConfigError(f"no teaching network {name!r}; expected electra or albert")


def _electra():
    return PretrainConfig(
        model=_model(num_hidden_layers=3, embedding_size=128),
        objective=ObjectiveConfig(generator_hidden_size=1.0, discriminator_weight=20.0),
        data=DataConfig(max_seq_length=32, heldout_fraction=0.01),
        train=_train(optimizer="adamw", learning_rate=1e-3, bias_correction=True),
    )


def _albert():
    return PretrainConfig(
        model=_model(
            num_hidden_layers=4,
            embedding_size=64,
            parameter_sharing="all",
            use_pooler=True,
            hidden_act="gelu_tanh",
            projection_initializer="truncated_normal",
        ),
        objective=ObjectiveConfig(
            name="masked_lm", sentence_objective="sentence_order"
        ),
        data=DataConfig(
            max_seq_length=48,
            tokenizer="sentencepiece",
            example_format="sentence_order",
            short_seq_prob=0.1,
            heldout_fraction=0.01,
            masking="static",
            max_predictions_per_seq=8,
            mask_token_prob=0.8,
            random_token_prob=0.1,
            whole_word_masking=True,
            max_ngram=3,
        ),
        train=_train(optimizer="lamb", schedule="albert", learning_rate=0.005),
    )


def _model(**fields):
    return EncoderConfig(
        vocab_size=2500,
        hidden_size=128,
        num_attention_heads=2,
        intermediate_size=512,
        max_position_embeddings=64,
        initializer_range=0.05,  # as quickstart.py
        position_initializer="sinusoidal",  # as electra_lab.py
        # The text is seen about once: nothing to regularise.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **fields,
    )


def _train(**fields):
    return TrainConfig(
        num_steps=8000,
        batch_size=64,
        warmup_steps=200,
        checkpoint_every=500,
        log_every=100,
        eval_steps=20,
        **fields,
    )
