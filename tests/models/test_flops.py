import dataclasses

import pytest

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)
from tf_pretrain.models.encoder import Encoder
from tf_pretrain.models.flops import (
    inference_flops,
    matmul_flops,
    training_flops,
)
from tf_pretrain.models.sizes import parameter_counts


def encoder(hidden_size, num_layers, embedding_size=None, **fields):
    return EncoderConfig(
        hidden_size=hidden_size,
        num_hidden_layers=num_layers,
        embedding_size=embedding_size or hidden_size,
        num_attention_heads=max(1, hidden_size // 64),
        intermediate_size=4 * hidden_size,
        **fields,
    )


SMALL, BASE, LARGE = encoder(256, 12, 128), encoder(768, 12), encoder(1024, 24)


def pretraining(model, batch_size, num_steps, length, generator=None):
    """Replaced-token detection with a generator of this width, else masked LM."""
    objective = ObjectiveConfig("masked_lm")
    if generator is not None:
        objective = ObjectiveConfig(generator_hidden_size=generator)
    return PretrainConfig(
        model=model,
        objective=objective,
        data=DataConfig(max_seq_length=length),
        train=TrainConfig(batch_size=batch_size, num_steps=num_steps),
    )


@pytest.mark.parametrize(
    "model, printed",
    [(SMALL, 3.68e9), (BASE, 2.86e10), (encoder(768, 12, vocab_size=40000), 3.05e10)],
    ids=["small", "base", "gpt"],
)
def test_inference_equals_the_electra_paper(model, printed):
    assert float(f"{inference_flops(model, 128):.3g}") == printed


# Clark et al. (2020), Tables 1 to 3, with the digits its released script prints.
@pytest.mark.parametrize(
    "config, printed",
    [
        (pretraining(SMALL, 128, 1_450_000, 128), "1.419e+18"),
        (pretraining(SMALL, 128, 1_000_000, 128, 1 / 4), "1.294e+18"),
        (pretraining(BASE, 256, 1_000_000, 512), "6.43e+19"),
        (pretraining(BASE, 256, 766_000, 512, 1 / 3), "6.4e+19"),
        (pretraining(LARGE, 256, 1_000_000, 512), "1.92e+20"),
        (pretraining(LARGE, 2048, 464_000, 512), "7.1e+20"),
        (pretraining(LARGE, 2048, 400_000, 512, 1 / 4), "7.12e+20"),
        (pretraining(LARGE, 2048, 1_750_000, 512, 1 / 4), "3.11e+21"),
        (
            pretraining(encoder(1024, 24, vocab_size=50265), 8000, 500_000, 512),
            "3.19e+21",
        ),
        (
            pretraining(encoder(4096, 12, 128, vocab_size=30000), 4096, 1_500_000, 512),
            "3.11e+22",
        ),
    ],
    ids="bert_small electra_small bert_base electra_base bert_large bert_large_464k "
    "electra_400k electra_1.75m roberta albert_xxlarge".split(),
)
def test_training_equals_the_electra_paper(config, printed):
    digits = len(printed.partition("e")[0]) - 1
    assert float(f"{training_flops(config):.{digits}g}") == float(printed)


def test_a_layer_costs_what_the_electra_paper_counts():
    hidden, length, heads, inner = 128, 16, 2, 512
    dense = 8 * hidden**2 + 4 * hidden * inner + 4 * hidden * length
    biases_and_residuals = 3 * hidden + 2 * hidden + inner + 2 * hidden
    attention_probs = (1 + 5 + 4) * heads * length  # scale, softmax, dropout
    dropout_and_activation = 2 * 4 * hidden + 8 * inner
    layer_norms = 5 + 5 * hidden  # the first without the width: the script's slip
    two, three = (inference_flops(encoder(hidden, n), length) for n in (2, 3))
    assert three - two == length * (
        dense
        + biases_and_residuals
        + attention_probs
        + dropout_and_activation
        + layer_norms
    )


def test_an_inner_group_costs_as_much_as_a_layer():
    deep, grouped = encoder(64, 4), encoder(64, 2, inner_group_num=2)
    assert inference_flops(deep, 16) == inference_flops(grouped, 16)
    steps = [pretraining(model, 2, 10, 128) for model in (deep, grouped)]
    assert matmul_flops(steps[0]) == matmul_flops(steps[1])


def test_sharing_and_sentence_order_cost_nothing_extra():
    plain = pretraining(encoder(64, 2, use_pooler=True), 2, 10, 128)
    ordered = dataclasses.replace(
        plain,
        model=dataclasses.replace(plain.model, parameter_sharing="all"),
        objective=ObjectiveConfig("masked_lm", sentence_objective="sentence_order"),
        data=DataConfig(example_format="sentence_order"),
    )
    assert training_flops(ordered) == training_flops(plain)


def products(*shapes):
    """Operations of matrix products [m, k] x [k, n]."""
    return sum(2 * m * k * n for m, k, n in shapes)


def layer_products(length, hidden, inner):
    projections = [(length, hidden, hidden)] * 4
    attention = [(length, hidden, length), (length, length, hidden)]
    return products(*projections, *attention, (length, hidden, inner)) + products(
        (length, inner, hidden)
    )


def test_matmul_flops_of_a_masked_lm_step_with_a_sentence_head():
    config = PretrainConfig(
        model=encoder(64, 3, 32, vocab_size=500, use_pooler=True),
        objective=ObjectiveConfig("masked_lm", sentence_objective="sentence_order"),
        data=DataConfig(
            max_seq_length=40,
            max_predictions_per_seq=6,
            example_format="sentence_order",
        ),
        train=TrainConfig(batch_size=7),
    )
    example = products((40, 32, 64)) + 3 * layer_products(40, 64, 256)
    example += products((6, 64, 32), (6, 32, 500))  # masked-LM head
    example += products((1, 64, 64), (1, 64, 2))  # pooler and sentence head
    assert matmul_flops(config) == 3 * 7 * example


def test_matmul_flops_of_a_replaced_token_detection_step():
    config = PretrainConfig(
        model=encoder(128, 2, vocab_size=500),
        objective=ObjectiveConfig(generator_hidden_size=0.5),
        data=DataConfig(max_seq_length=40, max_predictions_per_seq=6),
        train=TrainConfig(batch_size=7),
    )
    discriminator = 2 * layer_products(40, 128, 512)
    discriminator += products((40, 128, 128), (40, 128, 1))
    generator = products((40, 128, 64)) + 2 * layer_products(40, 64, 256)
    generator += products((6, 64, 128), (6, 128, 500))
    assert matmul_flops(config) == 3 * 7 * (discriminator + generator)


@pytest.mark.parametrize("sharing", ["none", "all", "attention", "ffn"])
@pytest.mark.parametrize("groups, inner", [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize("embedding_size, use_pooler", [(8, False), (16, True)])
def test_parameter_counts_equal_the_built_encoder(
    sharing, groups, inner, embedding_size, use_pooler
):
    config = encoder(
        16,
        4,
        embedding_size,
        vocab_size=30,
        parameter_sharing=sharing,
        num_hidden_groups=groups,
        inner_group_num=inner,
        use_pooler=use_pooler,
    )
    counts = parameter_counts(config)
    assert counts["total"] == Encoder(config).count_params()
    assert counts["total"] == sum(counts.values()) - counts["total"]
