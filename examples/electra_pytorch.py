# %% [markdown]
# # ELECTRA in plain PyTorch
# A generator fills masked words; a discriminator says for each word whether it was
# replaced (Clark et al., 2020). `electra_tensorflow.py` has the same functions and
# prints the same losses. `w` holds the weights by name. B texts of S tokens, width H.

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
    inner = F.gelu(dense(w, f"{name}/intermediate", x))
    return layer_norm(w, name, x + dense(w, f"{name}/output", inner))


def encoder(w, name, batch, ids):
    x = F.embedding(ids, w["embeddings/word_embeddings"])  # (1)
    x = x + w["embeddings/position_embeddings"]
    x = x + F.embedding(batch["segment_ids"], w["embeddings/token_type_embeddings"])
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
    x = torch.take_along_dim(x, batch["masked_lm_positions"][:, :, None], dim=1)  # (3)
    x = layer_norm(w, "masked_lm_head", F.gelu(dense(w, "masked_lm_head/dense", x)))
    word_embeddings = w["embeddings/word_embeddings"]
    return x @ word_embeddings.T + w["masked_lm_head/output_bias"]  # (4)


def sample(logits, uniform):
    probs = F.softmax(logits.detach(), dim=-1)  # (5)
    is_below = probs.cumsum(dim=-1)[..., :-1] <= uniform[..., None]
    return is_below.sum(dim=-1)  # (6)


def corrupt(batch, samples):
    ids, positions = batch["input_ids"], batch["masked_lm_positions"]
    samples = torch.where(batch["masked_lm_weights"] > 0, samples, toy.CLS)  # (7)
    corrupted = ids.scatter(1, positions, samples)
    return corrupted, (corrupted != ids).float()  # (8)


def discriminator(w, batch, ids):
    x = encoder(w, "discriminator", batch, ids)
    x = F.gelu(dense(w, "replaced_token_head/dense", x))
    return dense(w, "replaced_token_head/prediction", x)[..., 0]


# endregion


# region: losses
def mean(losses, weights):
    return (losses * weights).sum() / (weights.sum() + 1e-6)


def losses(w, batch):
    logits = generator(w, batch)
    ids, labels = corrupt(batch, sample(logits, batch["sampling_uniform"]))
    scores = discriminator(w, batch, ids)
    words = batch["masked_lm_ids"]
    word = F.cross_entropy(logits.mT, words, reduction="none")
    token = F.binary_cross_entropy_with_logits(scores, labels, reduction="none")
    masked_lm = mean(word, batch["masked_lm_weights"])
    replaced_token = mean(token, batch["input_mask"])  # (9)
    return masked_lm, replaced_token, labels, scores


# endregion

# %% [markdown]
# ## The update: Adam with weight decay, without bias correction, as the original


# %%
# region: update
@torch.no_grad()
def adamw(w, m, v, gradients, rate):
    norm = torch.stack([g.norm() for g in gradients.values()]).norm()
    for name, gradient in gradients.items():
        gradient = gradient / norm.clamp(min=1.0)  # (10)
        m[name] = 0.9 * m[name] + 0.1 * gradient
        v[name] = 0.999 * v[name] + 0.001 * gradient**2
        update = m[name] / (v[name].sqrt() + 1e-6)  # (11)
        if "bias" not in name and "layer_norm" not in name:
            update += 0.01 * w[name]  # (12)
        w[name] -= rate * update


def train_step(w, m, v, batch, rate):  # (13)
    masked_lm, replaced_token, *_ = losses(w, batch)
    loss = masked_lm + 50.0 * replaced_token  # (14)
    gradients = torch.autograd.grad(loss, list(w.values()))
    adamw(w, m, v, dict(zip(w, gradients, strict=True)), rate)
    return {"masked_lm": masked_lm.item(), "replaced_token": replaced_token.item()}


# endregion

# %% [markdown]
# ## Training, and scores on new sentences


# %%
# region: training
def tensors(arrays):
    return {name: torch.from_numpy(x) for name, x in arrays.items()}


@torch.no_grad()
def evaluate(w):
    batch = tensors(toy.new_batch("electra"))
    masked_lm, _, labels, scores = losses(w, batch)
    auc = toy.auc(labels, scores, batch["input_mask"])
    return {"masked_lm": float(masked_lm), "auc": auc}


def train(num_steps):
    w = tensors(toy.initial_weights("electra"))
    w = {name: x.requires_grad_() for name, x in w.items()}
    m, v = ({name: torch.zeros_like(x) for name, x in w.items()} for _ in range(2))
    before, history = evaluate(w), []
    for step in range(num_steps):
        batch = tensors(toy.batch("electra", step))
        history.append(train_step(w, m, v, batch, toy.electra_rate(step)))
        toy.print_losses(step, history[-1])
    return history, before, evaluate(w)


# endregion

# %%
if __name__ == "__main__":
    torch.set_num_threads(1)  # the tensors are small
    toy.conclude(*train(toy.num_steps()))
