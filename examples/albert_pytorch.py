# %% [markdown]
# # ALBERT in plain PyTorch
# One layer is applied several times, and the embeddings are narrower than the layers.
# The network fills masked words and tells whether two sentences were swapped (Lan et
# al., 2019). `albert_tensorflow.py` has the same functions and prints the same losses.

# %%
import torch
from torch.nn import functional as F

import toy

# %% [markdown]
# ## The encoder: a Transformer with LayerNorm after each part (Vaswani et al., 2017)


# %%
# region: encoder
def dense(w, name, x):
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def layer_norm(w, name, x):
    gamma, beta = w[f"{name}/layer_norm/gamma"], w[f"{name}/layer_norm/beta"]
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps=1e-12)


def attention(w, name, x, bias):
    def heads(part):  # [B, S, H] -> [B, heads, S, head size]
        y = dense(w, f"{name}/{part}", x).view(*x.shape[:2], -1, toy.HEAD_SIZE)
        return y.transpose(1, 2)

    query, key, value = heads("query"), heads("key"), heads("value")
    scores = query @ key.transpose(2, 3) / toy.HEAD_SIZE**0.5
    context = F.softmax(scores + bias, dim=-1) @ value
    context = context.transpose(1, 2).reshape(x.shape)
    return layer_norm(w, name, x + dense(w, f"{name}/output", context))


def feed_forward(w, name, x):
    inner = F.gelu(dense(w, f"{name}/intermediate", x), approximate="tanh")
    return layer_norm(w, name, x + dense(w, f"{name}/output", inner))


def encoder(w, batch):
    x = F.embedding(batch["masked_input_ids"], w["embeddings/word_embeddings"])
    x = x + w["embeddings/position_embeddings"]
    x = x + F.embedding(batch["segment_ids"], w["embeddings/token_type_embeddings"])
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
    x = torch.take_along_dim(x, batch["masked_lm_positions"][:, :, None], dim=1)
    x = F.gelu(dense(w, "masked_lm_head/dense", x), approximate="tanh")  # (3)
    word_embeddings = w["embeddings/word_embeddings"]
    x = layer_norm(w, "masked_lm_head", x) @ word_embeddings.T  # (4)
    return x + w["masked_lm_head/output_bias"]


def sentence_head(w, x):
    pooled = torch.tanh(dense(w, "encoder/pooler", x[:, 0]))  # (5)
    return dense(w, "sentence_head/dense", pooled)


def cross_entropy(logits, ids):
    return F.cross_entropy(logits.movedim(-1, 1), ids, reduction="none")


def losses(w, batch):
    x = encoder(w, batch)
    order = sentence_head(w, x)
    word = cross_entropy(masked_lm_head(w, x, batch), batch["masked_lm_ids"])
    used = batch["masked_lm_weights"]
    masked_lm = (word * used).sum() / (used.sum() + 1e-5)  # (6)
    labels = batch["next_sentence_labels"]
    sentence_order = cross_entropy(order, labels).mean()  # (7)
    return masked_lm, sentence_order, order


# endregion

# %% [markdown]
# ## The update: LAMB (You et al., 2019), as in the original program


# %%
# region: update
@torch.no_grad()
def lamb(w, m, v, gradients, rate):
    norm = torch.stack([g.norm() for g in gradients.values()]).norm()
    for name, gradient in gradients.items():
        gradient = gradient / norm.clamp(min=1.0)
        m[name] = 0.9 * m[name] + 0.1 * gradient
        v[name] = 0.999 * v[name] + 0.001 * gradient**2
        update = m[name] / (v[name].sqrt() + 1e-6)
        if "bias" not in name and "layer_norm" not in name:
            update += 0.01 * w[name]
            update *= w[name].norm() / update.norm()  # (8)
        w[name] -= rate * update


def train_step(w, m, v, batch, rate):
    masked_lm, sentence_order, _ = losses(w, batch)
    loss = masked_lm + sentence_order  # (9)
    gradients = torch.autograd.grad(loss, list(w.values()))
    lamb(w, m, v, dict(zip(w, gradients, strict=True)), rate)
    return {"masked_lm": masked_lm.item(), "sentence_order": sentence_order.item()}


# endregion

# %% [markdown]
# ## Training, and scores on new sentences


# %%
# region: training
def tensors(arrays):
    return {name: torch.from_numpy(x) for name, x in arrays.items()}


@torch.no_grad()
def evaluate(w):
    batch = tensors(toy.new_batch("albert"))
    masked_lm, _, order = losses(w, batch)
    accuracy = toy.accuracy(batch["next_sentence_labels"], order)
    return {"masked_lm": float(masked_lm), "order_accuracy": accuracy}


def train(num_steps):
    w = tensors(toy.initial_weights("albert"))
    w = {name: x.requires_grad_() for name, x in w.items()}
    m, v = ({name: torch.zeros_like(x) for name, x in w.items()} for _ in range(2))
    before, history = evaluate(w), []
    for step in range(num_steps):
        batch = tensors(toy.batch("albert", step))
        history.append(train_step(w, m, v, batch, toy.albert_rate(step)))
        toy.print_losses(step, history[-1])
    return history, before, evaluate(w)


# endregion

# %%
if __name__ == "__main__":
    torch.set_num_threads(1)  # the tensors are small
    toy.conclude(*train(toy.num_steps()))
