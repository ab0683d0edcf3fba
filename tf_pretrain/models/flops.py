"""Formulas for the operations of a network, which need no model to be built.

`inference_flops` and `training_flops` count as the ELECTRA paper does (Clark et al.,
2020, appendix; constants and conventions from its released script), so they can be
compared with its tables. A multiplication and an addition are two operations. Embedding
lookups are dense products with a one-hot matrix. The backward pass costs as much as the
forward pass. 15.625 % of the positions are predicted by masked language modelling
(20 of 128). Parameter sharing saves memory, not operations, so it has no effect.

`matmul_flops` counts the matrix products that a training step really executes, and
`encoder_matmul_flops` those of the encoder on one sequence.
"""

from tf_pretrain.config import EncoderConfig, PretrainConfig, generator_config

# Operations for each element.
DROPOUT = 4
LAYER_NORM = 5
ACTIVATION = 8
SOFTMAX = 5

MASKED_FRACTION = 0.15625


def inference_flops(model: EncoderConfig, sequence_length: int) -> float:
    """Operations on one sequence, counted as in the ELECTRA paper's Table 1.

    The count has the encoder and, as in the paper, a binary classification of every
    token.
    """
    return _encoder_flops(model, sequence_length) + _replaced_token_head_flops(
        model, sequence_length
    )


def encoder_matmul_flops(model: EncoderConfig, sequence_length: int) -> int:
    """Operations in the encoder's matrix products on one sequence, as executed here."""
    hidden, embedding = model.hidden_size, model.embedding_size
    block = 4 * hidden * hidden + 2 * hidden * sequence_length
    block += 2 * hidden * model.intermediate_size
    token = model.num_hidden_layers * model.inner_group_num * block
    if embedding != hidden:
        token += embedding * hidden
    pooler = hidden * hidden if model.use_pooler else 0
    return 2 * (sequence_length * token + pooler)


def training_flops(config: PretrainConfig) -> float:
    """Operations of the whole pretraining run, counted as the ELECTRA paper does.

    Replaced-token detection has the discriminator with its head and the generator with
    its masked-LM head, whichever tokens the loss counts. A generator that is not a
    network costs nothing. The masked-LM head of all-tokens MLM predicts every position.
    In the second stage of two-stage training the frozen generator has no backward
    pass. A sentence objective is not counted, because its head costs 2 hidden_size^2
    for each example, 1e-5 of the encoder. Neither is the baseline of an adversarial
    generator.
    """
    model, length, train = config.model, config.data.max_seq_length, config.train
    objective = config.objective
    main = _encoder_flops(model, length)
    if objective.has_discriminator:
        main += _replaced_token_head_flops(model, length)
    elif objective.name == "all_tokens_mlm":
        main += _masked_lm_head_flops(model, length, fraction=1.0)
        main += length * 2 * model.hidden_size  # copy gate
    else:
        main += _masked_lm_head_flops(model, length)
    generator = 0.0
    if objective.has_generator_network:
        network = generator_config(config)
        generator += _encoder_flops(network, length)
        generator += _masked_lm_head_flops(network, length)
    return train.batch_size * _over_steps(config, main, generator, backward=1)


def matmul_flops(config: PretrainConfig) -> int:
    """Operations in the matrix products of one training step, as executed here.

    Embedding lookups are gathers, so they cost nothing. Masked-LM heads compute the
    slots of masked positions only, except that of all-tokens MLM, which computes every
    position. The backward pass has two products for each product of the forward pass.
    For two-stage training the result is the mean over the steps. Divide it by the time
    of a step to compare with the rate of the hardware.
    """
    model, length = config.model, config.data.max_seq_length
    slots, objective = config.data.num_predictions, config.objective
    main = encoder_matmul_flops(model, length)
    if objective.has_discriminator:
        main += length * 2 * (model.hidden_size**2 + model.hidden_size)
    elif objective.name == "all_tokens_mlm":
        main += _masked_lm_products(model, length) + length * 2 * model.hidden_size
    else:
        main += _masked_lm_products(model, slots)
    if objective.sentence_objective != "none":
        main += 2 * 2 * model.hidden_size
    generator = 0
    if objective.has_generator_network:
        network = generator_config(config)
        generator += encoder_matmul_flops(network, length)
        generator += _masked_lm_products(network, slots)
    if objective.generator_training == "adversarial":
        generator += 2 * slots * network.hidden_size  # baseline
    total = config.train.batch_size * _over_steps(config, main, generator, backward=2)
    return total // config.train.num_steps


def matmul_training_flops(config: PretrainConfig) -> int:
    """`matmul_flops` summed over all steps of a run."""
    return matmul_flops(config) * config.train.num_steps


def _over_steps(config, main, generator, backward):
    """Operations for one example in each step, summed over the steps of the run.

    Args:
        main, generator: Operations of a forward pass of the pretrained network and of
            the generator.
        backward: Cost of a backward pass, in forward passes.
    """
    steps, both = config.train.num_steps, 1 + backward
    if config.objective.generator_training != "two_stage":
        return both * (main + generator) * steps
    first = config.objective.generator_steps
    second = steps - first
    return first * both * generator + second * (both * main + generator)


def _encoder_flops(model, length):
    hidden, embedding = model.hidden_size, model.embedding_size
    lookups = 2 * embedding * (model.vocab_size + length + 2)  # words, positions, types
    embeddings = lookups + 2 * embedding + (LAYER_NORM + DROPOUT) * embedding
    if embedding != hidden:
        embeddings += 2 * embedding * hidden + hidden
    blocks = model.num_hidden_layers * model.inner_group_num
    block = _attention_flops(model, length) + _feed_forward_flops(model)
    return length * (embeddings + blocks * block)


def _attention_flops(model, length):
    """Self-attention and its residual connection, for one token."""
    hidden, heads = model.hidden_size, model.num_attention_heads
    query_key_value = 3 * (2 * hidden * hidden + hidden)
    scores = 2 * hidden * length + length * heads * (1 + SOFTMAX + DROPOUT)
    values = 2 * hidden * length
    output = 2 * hidden * hidden + (1 + DROPOUT + 1) * hidden
    # The script counts this LayerNorm as if it had one element; so do its tables.
    return query_key_value + scores + values + output + LAYER_NORM


def _feed_forward_flops(model):
    """Feed-forward network and its residual connection, for one token."""
    hidden, inner = model.hidden_size, model.intermediate_size
    expand = 2 * hidden * inner + (1 + ACTIVATION) * inner
    contract = 2 * hidden * inner + (1 + DROPOUT + 1 + LAYER_NORM) * hidden
    return expand + contract


def _masked_lm_head_flops(model, length, fraction=MASKED_FRACTION):
    embedding, vocab = model.embedding_size, model.vocab_size
    transform = 2 * model.hidden_size * embedding
    transform += (1 + ACTIVATION + LAYER_NORM) * embedding
    scores = (2 * embedding + SOFTMAX + 2) * vocab  # 2: the target's one-hot product
    return fraction * length * (transform + scores)


def _replaced_token_head_flops(model, length):
    hidden = model.hidden_size
    return length * (2 * hidden * hidden + (1 + ACTIVATION + 2) * hidden)


def _masked_lm_products(model, num_predictions):
    embedding = model.embedding_size
    return 2 * num_predictions * embedding * (model.hidden_size + model.vocab_size)
