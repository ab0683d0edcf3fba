"""How large a network is: parameters and memory by formula, without building it."""

from tf_pretrain.config import EncoderConfig, PretrainConfig, generator_config

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def parameter_counts(model: EncoderConfig) -> dict[str, int]:
    """Trainable parameters of the encoder, by part and in total.

    "embeddings" has the three tables and their LayerNorm, "projection" the layer from
    embedding_size to hidden_size, "attention" and "feed_forward" the layers (shared
    ones are counted once), and "pooler" the dense layer over [CLS]. Pretraining heads
    are not counted.
    """
    hidden, embedding = model.hidden_size, model.embedding_size
    rows = model.vocab_size + model.max_position_embeddings + model.type_vocab_size
    layer_norm = 2 * hidden
    attention = 4 * _dense(hidden, hidden) + layer_norm
    feed_forward = _dense(hidden, model.intermediate_size) + layer_norm
    feed_forward += _dense(model.intermediate_size, hidden)
    is_projected = embedding != hidden
    counts = {
        "embeddings": rows * embedding + 2 * embedding,
        "projection": _dense(embedding, hidden) if is_projected else 0,
        "attention": model.num_units("attention") * attention,
        "feed_forward": model.num_units("ffn") * feed_forward,
        "pooler": _dense(hidden, hidden) if model.use_pooler else 0,
    }
    return counts | {"total": sum(counts.values())}


def masked_lm_head_parameters(model: EncoderConfig) -> int:
    """Dense layer, LayerNorm and output bias; the word table is the embeddings'."""
    embedding = model.embedding_size
    return _dense(model.hidden_size, embedding) + 2 * embedding + model.vocab_size


def replaced_token_head_parameters(model: EncoderConfig) -> int:
    """A dense layer, and one number for each token."""
    return _dense(model.hidden_size, model.hidden_size) + _dense(model.hidden_size, 1)


def trained_parameters(config: PretrainConfig) -> int:
    """Number of trainable parameters of the objective: all networks and heads."""
    model, objective = config.model, config.objective
    hidden = model.hidden_size
    total = parameter_counts(model)["total"]
    if objective.has_discriminator:
        total += replaced_token_head_parameters(model)
    else:
        total += masked_lm_head_parameters(model)
    if objective.name == "all_tokens_mlm":
        total += _dense(hidden, 1)  # copy gate
    if objective.has_generator_network:
        generator = generator_config(config)
        total += masked_lm_head_parameters(generator)
        if objective.weight_tying != "all":
            counts = parameter_counts(generator)
            tied = objective.weight_tying == "embeddings"
            total += counts["total"] - (counts["embeddings"] if tied else 0)
        if objective.generator_training == "adversarial":
            total += _dense(generator.hidden_size, 1)  # baseline
    if objective.sentence_objective != "none":
        total += _dense(hidden, 2)
    return total


def paper_parameters(config: PretrainConfig) -> int:
    """Parameters, counted as the config's own paper counts them.

    For ELECTRA these are the encoder and the replaced-token head, without the
    generator. For its BERT baselines it is the encoder alone. For ALBERT these are the
    encoder and the pooler, with position and segment tables of width H, although the
    released code has width E. This convention gives all printed values except
    xxlarge's (tests/config/test_configs.py).
    """
    model = config.model
    count = parameter_counts(model)["total"]
    if config.objective.name == "replaced_token_detection":
        count += replaced_token_head_parameters(model)
    elif model.parameter_sharing == "all":
        rows = model.max_position_embeddings + model.type_vocab_size
        count += rows * (model.hidden_size - model.embedding_size)
    return count


def memory_bytes(config: PretrainConfig) -> int:
    """A rough estimate for one device: weights, gradients, moments and activations.

    Activations are the numbers that the backward pass reads. For each layer and token
    these are about 9 hidden_size + 3 intermediate_size numbers and 3 attention maps. In
    addition there are three arrays of vocabulary logits. The estimate does not know
    what a compiler saves or what a framework stores in addition.
    """
    train, data = config.train, config.data
    rows = train.batch_size // train.accumulation_steps
    networks = [config.model]
    if config.objective.has_generator_network:
        networks.append(generator_config(config))
    predicted = data.num_predictions
    if config.objective.name == "all_tokens_mlm":
        predicted += data.max_seq_length
    numbers = 3 * rows * predicted * config.model.vocab_size
    for model in networks:
        token = 9 * model.hidden_size + 3 * model.intermediate_size
        token += 3 * model.num_attention_heads * data.max_seq_length
        blocks = model.num_hidden_layers * model.inner_group_num
        numbers += rows * data.max_seq_length * blocks * token
    state = 4 * 4 * trained_parameters(config)  # weight, gradient, two moments
    return state + numbers * _BYTES[train.mixed_precision]


def _dense(inputs, outputs):
    return inputs * outputs + outputs
