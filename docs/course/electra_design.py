"""Table 4: ELECTRA's networks, its settings, and what the paper tried."""

import dataclasses
import re

from docs.course import words as course_words
from docs.course.electra_tables import SIZES
from docs.course.parts import Parts
from docs.course.printed import number, rows
from tf_pretrain.config import PretrainConfig, generator_config
from tf_pretrain.config.files import CONFIGS, load_config
from tf_pretrain.models import flops, sizes
from tf_pretrain.tables.definitions import papers

# Names of the paper's settings, and of our words.
_SETTINGS = {
    "mask percent": "mask_percent",
    "train steps ELECTRA": "steps",
    "batch size": "batch_size",
    "max sequence length": "length",
    "learning rate": "learning_rate",
    "warmup steps": "warm_up_steps",
    "discriminator loss weight": "discriminator_weight",
}
_MULTIPLIER = "generator size multiplier (hidden, FFN, heads; not depth)"


def t4(language: str) -> str:
    """Shapes, weights and settings of three sizes; tying of weights."""
    words = course_words.of(language)
    parts = Parts(words)
    networks = [network for size in SIZES for network in _networks(size, words)]
    parts.add(
        "t4_shapes",
        ["network", "layers", "width", "feed_forward", "heads", "embedding_size",
         "generator_multiplier", "generator_flops"],
        [[name, *shape] for name, shape, _ in networks],
        words["shapes_note"],
    )  # fmt: skip
    parts.add(
        "t4_weights",
        ["network", "w_embeddings", "w_layers", "w_head", "w_total", "w_kept"],
        [[name, *weights] for name, _, weights in networks],
        words["weights_note"],
    )
    _add_settings(parts, words)
    parts.add(
        "t4_tying",
        ["setting", "glue_mean"],
        rows(
            "electra",
            "weight_tying",
            (("glue_dev_avg", number),),
            lambda row: words[row["setting"].replace(" ", "_")],
        ),
        parts.paper("electra", "section_3_2", "glue_dev"),
        words["generator_findings"].format(shares=_best_generator()),
    )
    return parts.markdown()


def generator_share(config: PretrainConfig) -> float:
    """The generator's share of the training FLOPs."""
    alone = dataclasses.replace(config.objective, generator="unigram")
    alone = flops.training_flops(dataclasses.replace(config, objective=alone))
    return 1 - alone / flops.training_flops(config)


def _add_settings(parts, words):
    row = _setting("discriminator loss weight")
    tried = re.search(r"searched over ([\d,]+)", row["confirmed"])[1].split(",")
    parts.add(
        "t4_settings",
        ["setting", *SIZES],
        [
            [words[word], *(number(_setting(name)[size]) for size in SIZES)]
            for name, word in _SETTINGS.items()
        ],
        parts.paper("electra", 6),
        words["weights_tried"].format(weights=words["list_comma"].join(tried)),
    )


def _setting(name):
    """A row of the paper's Table 6."""
    table = "table6_pretraining_hparams"
    return papers.find_row("electra", table, {"hyperparameter": name})


def _best_generator():
    """The best generator's width as a share of the discriminator's: (from, to)."""
    facts = " ".join(row["fact"] for row in papers.table("electra", "figure3")["rows"])
    return re.search(r"best generator is (\S+) to (\S+) of", facts).groups()


def _networks(size, words):
    """(name, shape, weights) of a size's discriminator and of its generator."""
    config = load_config(f"{CONFIGS}/{SIZES[size]}.py")
    generator = generator_config(config)
    share = generator_share(config)
    counts = sizes.parameter_counts(config.model)
    kept, embeddings = counts["total"], counts["embeddings"]
    head = sizes.replaced_token_head_parameters(config.model)
    own_head = sizes.masked_lm_head_parameters(generator)
    own = sizes.parameter_counts(generator)
    own = own["total"] - own["embeddings"]
    return [
        (
            words["comma"].join([size, words["discriminator"]]),
            [*_shape(config.model), "–", "–"],
            _written(embeddings, kept - embeddings, head, kept + head, kept),
        ),
        (
            words["comma"].join([size, words["generator"]]),
            [*_shape(generator), _setting(_MULTIPLIER)[size], f"{100 * share:.1f} %"],
            [words["tied"], *_written(own, own_head, own + own_head, 0)],
        ),
    ]


def _shape(model):
    return _written(
        model.num_hidden_layers,
        model.hidden_size,
        model.intermediate_size,
        model.num_attention_heads,
        model.embedding_size,
    )


def _written(*counts):
    return [f"{count:,}" for count in counts]
