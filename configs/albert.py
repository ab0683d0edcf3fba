"""ALBERT (Lan et al., 2019): four sizes, version 1 (the paper) and 2 (the release).

    python run_pretraining.py --config=configs/albert.py:base_v1 --input='text/*.txt'

NAME after the colon is base, large, xlarge or xxlarge with _v1 or _v2. Published, mean
of SQuAD 1.1 and 2.0 (each of F1 and EM), MNLI, SST-2 and RACE, dev:

            base   large  xlarge  xxlarge
    v1      80.1   82.4   85.5    88.7     paper, Table 2: 125k steps
    v2      82.3   85.7   87.9    90.9     repository README: more data, no dropout

The released v1 xxlarge (91.0) is not Table 2's: it had more data and 1.5M steps.
"""

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)
from tf_pretrain.errors import ConfigError

# Layers and hidden size: Table 1. Heads: hidden size / 64 (sec. 3.1), which is 32 for
# xlarge, but its published configuration files disagree: some have 16, as here.
SIZES = {
    "base": (12, 768, 12),
    "large": (24, 1024, 16),
    "xlarge": (24, 2048, 16),
    "xxlarge": (12, 4096, 64),
}


def get_config(name: str = "base_v2") -> PretrainConfig:
    size, _, version = name.partition("_")
    if size not in SIZES or version not in ("v1", "v2"):
        raise ConfigError(
            f"no ALBERT named {name!r}; expected one of {list(SIZES)} and _v1 or _v2"
        )
    num_layers, hidden_size, num_heads = SIZES[size]
    # README: version 2 trains without dropout; in version 1 only xxlarge does.
    dropout = 0.1 if version == "v1" and size != "xxlarge" else 0.0
    num_steps = 125_000  # sec. 4.1
    if version == "v2":
        num_steps = 10_000_000 if size == "base" else 3_000_000  # README
    return PretrainConfig(
        model=EncoderConfig(
            vocab_size=30_000,  # sec. 4.1
            embedding_size=128,  # Table 1
            hidden_size=hidden_size,
            num_hidden_layers=num_layers,
            num_attention_heads=num_heads,
            intermediate_size=4 * hidden_size,  # sec. 3.1
            hidden_act="gelu_tanh",  # released code
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
            parameter_sharing="all",
            use_pooler=True,
            projection_initializer="truncated_normal",  # released code
        ),
        objective=ObjectiveConfig(
            name="masked_lm", sentence_objective="sentence_order"
        ),
        # Sec. 4.1; what it leaves open, from the released create_pretraining_data.py.
        data=DataConfig(
            max_seq_length=512,
            tokenizer="sentencepiece",
            example_format="sentence_order",
            short_seq_prob=0.1,
            masking="static",
            dupe_factor=40,
            masked_lm_prob=0.15,
            max_predictions_per_seq=20,  # the README's command: 4 % of 512, not 15 %
            mask_token_prob=0.8,
            random_token_prob=0.1,
            whole_word_masking=True,
            max_ngram=3,
        ),
        train=TrainConfig(
            num_steps=num_steps,
            batch_size=4096,  # sec. 4.1, as are the optimizer and its rate
            optimizer="lamb",
            learning_rate=0.00176,
            warmup_steps=3125,  # README's command, as are schedule, decay and clip
            schedule="albert",
            weight_decay=0.01,
            clip_norm=1.0,
        ),
    )
