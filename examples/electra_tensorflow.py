# %% [markdown]
# # ELECTRA in plain TensorFlow
# A generator fills masked words; a discriminator says for each word whether it was
# replaced (Clark et al., 2020). `electra_pytorch.py` has the same functions and
# prints the same losses. `w` holds the weights by name. B texts of S tokens, width H.

# %%
import tensorflow as tf

import toy

# %% [markdown]
# ## The encoder: a Transformer with LayerNorm after each part (Vaswani et al., 2017)


# %%
# region: encoder
def dense(w, name, x):
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def layer_norm(w, name, x):
    mean, variance = tf.nn.moments(x, -1, keepdims=True)
    x = (x - mean) / tf.sqrt(variance + 1e-12)
    return x * w[f"{name}/layer_norm/gamma"] + w[f"{name}/layer_norm/beta"]


def attention(w, name, x, bias):
    def heads(part):  # [B, S, H] -> [B, heads, S, head size]
        y = tf.reshape(dense(w, f"{name}/{part}", x), (*x.shape[:2], -1, toy.HEAD_SIZE))
        return tf.transpose(y, (0, 2, 1, 3))

    query, key, value = heads("query"), heads("key"), heads("value")
    scores = query @ tf.linalg.matrix_transpose(key) / toy.HEAD_SIZE**0.5
    context = tf.nn.softmax(scores + bias) @ value
    context = tf.reshape(tf.transpose(context, (0, 2, 1, 3)), x.shape)
    return layer_norm(w, name, x + dense(w, f"{name}/output", context))


def feed_forward(w, name, x):
    inner = tf.nn.gelu(dense(w, f"{name}/intermediate", x))
    return layer_norm(w, name, x + dense(w, f"{name}/output", inner))


def encoder(w, name, batch, ids):
    x = tf.gather(w["embeddings/word_embeddings"], ids)  # (1)
    x += w["embeddings/position_embeddings"]
    x += tf.gather(w["embeddings/token_type_embeddings"], batch["segment_ids"])
    x = layer_norm(w, "embeddings", x)
    if f"{name}/embeddings_project/kernel" in w:  # the layers are wider than the tables
        x = dense(w, f"{name}/embeddings_project", x)
    bias = -10000.0 * (1.0 - batch["input_mask"])[:, None, None, :]  # (2)
    for i in range(toy.LAYERS):
        x = attention(w, f"{name}/attention_{i}", x, bias)
        x = feed_forward(w, f"{name}/feed_forward_{i}", x)
    return x


# endregion

# %% [markdown]
# ## The two networks (Clark et al., 2020, section 3.1)


# %%
# region: networks
def generator(w, batch):
    x = encoder(w, "generator", batch, batch["masked_input_ids"])
    x = tf.gather(x, batch["masked_lm_positions"], batch_dims=1)  # (3)
    x = layer_norm(w, "masked_lm_head", tf.nn.gelu(dense(w, "masked_lm_head/dense", x)))
    word_embeddings = w["embeddings/word_embeddings"]
    return x @ tf.transpose(word_embeddings) + w["masked_lm_head/output_bias"]  # (4)


def sample(logits, uniform):
    probs = tf.nn.softmax(tf.stop_gradient(logits))  # (5)
    is_below = tf.cumsum(probs, axis=-1)[..., :-1] <= uniform[..., None]
    return tf.reduce_sum(tf.cast(is_below, tf.int64), axis=-1)  # (6)


def corrupt(batch, samples):
    ids, positions = batch["input_ids"], batch["masked_lm_positions"]
    samples = tf.where(batch["masked_lm_weights"] > 0, samples, toy.CLS)  # (7)
    rows = tf.range(ids.shape[0], dtype=tf.int64)[:, None] + 0 * positions
    places = tf.stack([rows, positions], axis=-1)
    corrupted = tf.tensor_scatter_nd_update(ids, places, samples)
    return corrupted, tf.cast(corrupted != ids, tf.float32)  # (8)


def discriminator(w, batch, ids):
    x = encoder(w, "discriminator", batch, ids)
    x = tf.nn.gelu(dense(w, "replaced_token_head/dense", x))
    return dense(w, "replaced_token_head/prediction", x)[..., 0]


# endregion


# region: losses
def mean(losses, weights):
    return tf.reduce_sum(losses * weights) / (tf.reduce_sum(weights) + 1e-6)


def losses(w, batch):
    logits = generator(w, batch)
    ids, labels = corrupt(batch, sample(logits, batch["sampling_uniform"]))
    scores = discriminator(w, batch, ids)
    words = batch["masked_lm_ids"]
    word = tf.nn.sparse_softmax_cross_entropy_with_logits(words, logits)
    token = tf.nn.sigmoid_cross_entropy_with_logits(labels, scores)
    masked_lm = mean(word, batch["masked_lm_weights"])
    replaced_token = mean(token, batch["input_mask"])  # (9)
    return masked_lm, replaced_token, labels, scores


# endregion

# %% [markdown]
# ## The update: Adam with weight decay, without bias correction, as the original


# %%
# region: update
def adamw(w, m, v, gradients, rate):
    norm = tf.linalg.global_norm(list(gradients.values()))
    for name, gradient in gradients.items():
        gradient = gradient / tf.maximum(norm, 1.0)  # (10)
        m[name].assign(0.9 * m[name] + 0.1 * gradient)
        v[name].assign(0.999 * v[name] + 0.001 * gradient**2)
        update = m[name] / (tf.sqrt(v[name]) + 1e-6)  # (11)
        if "bias" not in name and "layer_norm" not in name:
            update += 0.01 * w[name]  # (12)
        w[name].assign_sub(rate * update)


@tf.function  # (13)
def train_step(w, m, v, batch, rate):
    with tf.GradientTape() as tape:
        masked_lm, replaced_token, *_ = losses(w, batch)
        loss = masked_lm + 50.0 * replaced_token  # (14)
    gradients = {n: tf.convert_to_tensor(g) for n, g in tape.gradient(loss, w).items()}
    adamw(w, m, v, gradients, rate)
    return {"masked_lm": masked_lm, "replaced_token": replaced_token}


# endregion

# %% [markdown]
# ## Training, and scores on new sentences


# %%
# region: training
def evaluate(w):
    batch = toy.new_batch("electra")
    masked_lm, _, labels, scores = losses(w, batch)
    auc = toy.auc(labels, scores, batch["input_mask"])
    return {"masked_lm": float(masked_lm), "auc": auc}


def train(num_steps):
    w = {name: tf.Variable(x) for name, x in toy.initial_weights("electra").items()}
    m, v = ({name: tf.Variable(0 * x) for name, x in w.items()} for _ in range(2))
    before, history = evaluate(w), []
    for step in range(num_steps):
        rate = tf.constant(toy.electra_rate(step), tf.float32)
        history.append(train_step(w, m, v, toy.batch("electra", step), rate))
        toy.print_losses(step, history[-1])
    return history, before, evaluate(w)


# endregion

# %%
if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)  # the tensors are small
    toy.conclude(*train(toy.num_steps()))
