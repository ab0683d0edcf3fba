# %% [markdown]
# # ALBERT in plain TensorFlow
# One layer is applied several times, and the embeddings are narrower than the layers.
# The network fills masked words and tells whether two sentences were swapped (Lan et
# al., 2019). `albert_pytorch.py` has the same functions and prints the same losses.

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
    inner = tf.nn.gelu(dense(w, f"{name}/intermediate", x), approximate=True)
    return layer_norm(w, name, x + dense(w, f"{name}/output", inner))


def encoder(w, batch):
    x = tf.gather(w["embeddings/word_embeddings"], batch["masked_input_ids"])
    x += w["embeddings/position_embeddings"]
    x += tf.gather(w["embeddings/token_type_embeddings"], batch["segment_ids"])
    x = dense(w, "encoder/embeddings_project", layer_norm(w, "embeddings", x))  # (1)
    bias = -10000.0 * (1.0 - batch["input_mask"])[:, None, None, :]
    for _ in range(toy.LAYERS):  # (2)
        x = attention(w, "encoder/attention_0", x, bias)
        x = feed_forward(w, "encoder/feed_forward_0", x)
    return x


# endregion

# %% [markdown]
# ## The two heads and their losses (Lan et al., 2019, section 3.1)


# %%
# region: heads
def masked_lm_head(w, x, batch):
    x = tf.gather(x, batch["masked_lm_positions"], batch_dims=1)
    x = tf.nn.gelu(dense(w, "masked_lm_head/dense", x), approximate=True)  # (3)
    word_embeddings = w["embeddings/word_embeddings"]
    x = layer_norm(w, "masked_lm_head", x) @ tf.transpose(word_embeddings)  # (4)
    return x + w["masked_lm_head/output_bias"]


def sentence_head(w, x):
    pooled = tf.tanh(dense(w, "encoder/pooler", x[:, 0]))  # (5)
    return dense(w, "sentence_head/dense", pooled)


def cross_entropy(logits, ids):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(ids, logits)


def losses(w, batch):
    x = encoder(w, batch)
    order = sentence_head(w, x)
    word = cross_entropy(masked_lm_head(w, x, batch), batch["masked_lm_ids"])
    used = batch["masked_lm_weights"]
    masked_lm = tf.reduce_sum(word * used) / (tf.reduce_sum(used) + 1e-5)  # (6)
    labels = batch["next_sentence_labels"]
    sentence_order = tf.reduce_mean(cross_entropy(order, labels))  # (7)
    return masked_lm, sentence_order, order


# endregion

# %% [markdown]
# ## The update: LAMB (You et al., 2019), as in the original program


# %%
# region: update
def lamb(w, m, v, gradients, rate):
    norm = tf.linalg.global_norm(list(gradients.values()))
    for name, gradient in gradients.items():
        gradient = gradient / tf.maximum(norm, 1.0)
        m[name].assign(0.9 * m[name] + 0.1 * gradient)
        v[name].assign(0.999 * v[name] + 0.001 * gradient**2)
        update = m[name] / (tf.sqrt(v[name]) + 1e-6)
        if "bias" not in name and "layer_norm" not in name:
            update += 0.01 * w[name]
            update *= tf.norm(w[name]) / tf.norm(update)  # (8)
        w[name].assign_sub(rate * update)


@tf.function
def train_step(w, m, v, batch, rate):
    with tf.GradientTape() as tape:
        masked_lm, sentence_order, _ = losses(w, batch)
        loss = masked_lm + sentence_order  # (9)
    gradients = {n: tf.convert_to_tensor(g) for n, g in tape.gradient(loss, w).items()}
    lamb(w, m, v, gradients, rate)
    return {"masked_lm": masked_lm, "sentence_order": sentence_order}


# endregion

# %% [markdown]
# ## Training, and scores on new sentences


# %%
# region: training
def evaluate(w):
    batch = toy.new_batch("albert")
    masked_lm, _, order = losses(w, batch)
    accuracy = toy.accuracy(batch["next_sentence_labels"], order)
    return {"masked_lm": float(masked_lm), "order_accuracy": accuracy}


def train(num_steps):
    w = {name: tf.Variable(x) for name, x in toy.initial_weights("albert").items()}
    m, v = ({name: tf.Variable(0 * x) for name, x in w.items()} for _ in range(2))
    before, history = evaluate(w), []
    for step in range(num_steps):
        rate = tf.constant(toy.albert_rate(step), tf.float32)
        history.append(train_step(w, m, v, toy.batch("albert", step), rate))
        toy.print_losses(step, history[-1])
    return history, before, evaluate(w)


# endregion

# %%
if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)  # the tensors are small
    toy.conclude(*train(toy.num_steps()))
