"""Operations of the ablations, as the ELECTRA paper counts and as executed."""

import dataclasses

import pytest

from tf_pretrain.config import (
    DataConfig,
    EncoderConfig,
    ObjectiveConfig,
    PretrainConfig,
    TrainConfig,
)
from tf_pretrain.models.flops import inference_flops, matmul_flops, training_flops
from tf_pretrain.models.sizes import memory_bytes

HIDDEN, EMBEDDING, VOCAB, LENGTH, SLOTS, BATCH, STEPS = 128, 32, 500, 40, 6, 7, 10


def _config(**objective):
    return PretrainConfig(
        model=EncoderConfig(
            vocab_size=VOCAB,
            embedding_size=EMBEDDING,
            hidden_size=HIDDEN,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=4 * HIDDEN,
        ),
        objective=ObjectiveConfig(**objective),
        data=DataConfig(max_seq_length=LENGTH, max_predictions_per_seq=SLOTS),
        train=TrainConfig(batch_size=BATCH, num_steps=STEPS),
    )


def _head(positions, hidden=HIDDEN):
    """The paper's masked-LM head: transform, activation and norm, scores, softmax."""
    transform = 2 * hidden * EMBEDDING + (1 + 8 + 5) * EMBEDDING
    return positions * (transform + (2 * EMBEDDING + 5 + 2) * VOCAB)


def _replaced_head():
    return LENGTH * (2 * HIDDEN**2 + (1 + 8 + 2) * HIDDEN)


def _encoder():
    return inference_flops(_config().model, LENGTH) - _replaced_head()


def _generator():
    """Forward pass of a generator half as wide with tied embeddings, and its head."""
    model = dataclasses.replace(
        _config().model,
        hidden_size=HIDDEN // 2,
        num_attention_heads=1,
        intermediate_size=2 * HIDDEN,
    )
    head = LENGTH * (2 * (HIDDEN // 2) ** 2 + (1 + 8 + 2) * HIDDEN // 2)
    encoder = inference_flops(model, LENGTH) - head
    return encoder + _head(0.15625 * LENGTH, HIDDEN // 2)


HALF = {"generator_hidden_size": 0.5}
TWO_STAGE = {
    "generator_training": "two_stage",
    "generator_steps": 4,
    "generator_hidden_size": 1.0,
    "weight_tying": "none",
}


@pytest.mark.parametrize("generator", ["uniform", "unigram"])
def test_a_generator_without_a_network_costs_nothing(generator):
    config = _config(generator=generator)
    expected = 2 * (_encoder() + _replaced_head()) * BATCH * STEPS
    assert training_flops(config) == pytest.approx(expected, rel=1e-12)
    config = _config(name="replace_mlm", generator=generator)
    expected = 2 * (_encoder() + _head(0.15625 * LENGTH)) * BATCH * STEPS
    assert training_flops(config) == pytest.approx(expected, rel=1e-12)
    assert training_flops(config) == training_flops(_config(name="masked_lm"))


def test_where_the_loss_is_taken_and_its_gradient_cost_nothing():
    electra = training_flops(_config(**HALF))
    expected = 2 * (_encoder() + _replaced_head() + _generator()) * BATCH * STEPS
    assert electra == pytest.approx(expected, rel=1e-12)
    fifteen = _config(**HALF, discriminator_positions="masked")
    assert training_flops(fifteen) == electra
    assert matmul_flops(fifteen) == matmul_flops(_config(**HALF))
    adversarial = _config(**HALF, generator_training="adversarial")
    assert training_flops(adversarial) == electra
    baseline = 3 * BATCH * 2 * SLOTS * HIDDEN // 2
    assert matmul_flops(adversarial) == matmul_flops(_config(**HALF)) + baseline


def test_all_tokens_mlm_predicts_every_position():
    replace = training_flops(_config(name="replace_mlm", **HALF))
    forward = _encoder() + _generator() + _head(0.15625 * LENGTH)
    assert replace == pytest.approx(2 * forward * BATCH * STEPS, rel=1e-12)
    every = training_flops(_config(name="all_tokens_mlm", **HALF))
    gate = 2 * HIDDEN * LENGTH
    forward = _encoder() + _generator() + _head(LENGTH) + gate
    assert every == pytest.approx(2 * forward * BATCH * STEPS, rel=1e-12)

    def products(positions):
        return 2 * positions * (HIDDEN * EMBEDDING + EMBEDDING * VOCAB)

    every, replace = (
        matmul_flops(_config(name=name, **HALF))
        for name in ("all_tokens_mlm", "replace_mlm")
    )
    assert every - replace == 3 * BATCH * (products(LENGTH) + gate - products(SLOTS))


def test_two_stage_training_has_no_backward_pass_of_the_frozen_generator():
    # The generator has the discriminator's size, its own embeddings and its head.
    generator = _encoder() + _head(0.15625 * LENGTH)
    main = _encoder() + _replaced_head()
    expected = 4 * 2 * generator + 6 * (2 * main + generator)
    config = _config(**TWO_STAGE)
    assert training_flops(config) == pytest.approx(BATCH * expected, rel=1e-12)
    # As executed, a backward pass has two products for each of the forward pass.
    alone = matmul_flops(_config(name="masked_lm")) // 3
    electra = matmul_flops(_config(generator="uniform")) // 3
    mean = (4 * 3 * alone + 6 * (3 * electra + alone)) // STEPS
    assert matmul_flops(config) == mean


def test_memory_grows_with_the_predicted_positions():
    every, replace = (
        memory_bytes(_config(name=name)) for name in ("all_tokens_mlm", "replace_mlm")
    )
    logits = 3 * BATCH * LENGTH * VOCAB * 4
    gate = 16 * (HIDDEN + 1)  # weight, gradient and two moments of 4 bytes
    assert every - replace == logits + gate
