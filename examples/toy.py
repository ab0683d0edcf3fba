# %% [markdown]
# # A toy text to pretrain on, in NumPy
# The four examples beside this file share what is here: sentences that count upwards,
# their batches with masks, and the initial weights. All random numbers are drawn here,
# so the TensorFlow and the PyTorch examples compute the same losses.

# %%
import os

import numpy as np

NUM_STEPS, WARMUP_STEPS, BATCH_SIZE, SEED = 400, 100, 32, 0
LENGTH = 20  # S, tokens of an example: [CLS] A [SEP] B [SEP] and padding
NUM_PREDICTIONS = 3  # P, the most tokens that are masked in an example
LAYERS, HEAD_SIZE, EMBEDDING_SIZE = 2, 16, 16
HIDDEN_SIZE, GENERATOR_SIZE = 32, 16  # H, the width of the layers

PAD, UNK, CLS, SEP, MASK = range(5)
WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
FIRST_WORD = VOCABULARY.index("zero")

# %% [markdown]
# ## The text
# A document counts upwards, in two sentences of four to eight words: "five six seven
# eight", "nine ten eleven twelve thirteen". So a masked word can be told from its
# neighbours, a replaced word does not fit, and the second sentence goes on where the
# first one ends.


# %%
# region: document
def document(rng):
    """The ids of the words of two sentences."""
    length_a, length_b = rng.integers(4, 8, 2, endpoint=True)
    count = length_a + length_b
    start = rng.integers(len(WORDS) - count, endpoint=True)
    words = FIRST_WORD + start + np.arange(count)
    return words[:length_a], words[length_a:]


# endregion

# %% [markdown]
# ## The masks
# 15 % of the tokens of an example are chosen. ELECTRA chooses single tokens: 85 % of
# them become [MASK], and the others stay. ALBERT chooses n-grams of one to three words,
# with p(n) proportional to 1/n (Lan et al., 2019, section 3.1): 80 % of their tokens
# become [MASK], 10 % a random token, and 10 % stay.


# %%
# region: masks
def choose(rng, ids, max_ngram):
    """The positions whose tokens are to be predicted, in order."""
    words = np.flatnonzero(ids >= FIRST_WORD)
    budget = max(1, min(NUM_PREDICTIONS, round(np.sum(ids != PAD) * 0.15)))
    weights = 1 / np.arange(1, max_ngram + 1)
    sizes = rng.choice(max_ngram, len(words), p=weights / weights.sum()) + 1
    free, chosen = set(words), []
    for start, size in zip(rng.permutation(words), sizes, strict=True):
        ngram = range(start, start + min(size, budget - len(chosen)))
        if free.issuperset(ngram):
            free.difference_update(ngram)
            chosen.extend(ngram)
    return sorted(chosen)


def mask(rng, ids, max_ngram, mask_share, random_share):
    """Masks an example [S]. Unused slots have position 0, id 0 and weight 0."""
    chosen = choose(rng, ids, max_ngram)
    masked_ids = ids.copy()
    for position in chosen:
        kind = rng.random()
        if kind < mask_share:
            masked_ids[position] = MASK
        elif kind < mask_share + random_share:
            masked_ids[position] = rng.integers(len(VOCABULARY))
    unused = [0] * (NUM_PREDICTIONS - len(chosen))
    return {
        "masked_input_ids": masked_ids,
        "masked_lm_positions": np.array([*chosen, *unused]),
        "masked_lm_ids": np.array([*ids[chosen], *unused]),
        "masked_lm_weights": np.array([1.0] * len(chosen) + unused, np.float32),
    }


# endregion

# %% [markdown]
# ## The batches
# A batch depends on the seed and the step alone. ALBERT swaps the two sentences in half
# of the examples, and learns which ones (sentence-order prediction). With
# `sampling_uniform` ELECTRA's generator samples.


# %%
# region: batches
def example(rng, model):
    a, b = document(rng)
    is_swapped = model == "albert" and rng.random() < 0.5
    if is_swapped:
        a, b = b, a
    padding = [PAD] * (LENGTH - len(a) - len(b) - 3)
    ids = np.array([CLS, *a, SEP, *b, SEP, *padding])
    masking = {"electra": (1, 0.85, 0.0), "albert": (3, 0.8, 0.1)}[model]
    return {
        "input_ids": ids,
        "input_mask": (ids != PAD).astype(np.float32),
        "segment_ids": np.array([0] * (len(a) + 2) + [1] * (len(b) + 1) + padding),
        **mask(rng, ids, *masking),
        "sampling_uniform": rng.random(NUM_PREDICTIONS, np.float32),
        "next_sentence_labels": np.array(int(is_swapped)),
    }


def batch(model, step, seed=SEED, size=BATCH_SIZE):
    """Arrays [B, S], [B, P], and [B] for the labels."""
    rng = np.random.default_rng((seed, step))
    examples = [example(rng, model) for _ in range(size)]
    return {name: np.stack([x[name] for x in examples]) for name in examples[0]}


def new_batch(model):
    """A large batch from another seed, for the scores."""
    return batch(model, 0, seed=SEED + 1, size=256)


# endregion

# %% [markdown]
# ## The initial weights
# Tables and kernels are drawn from a normal distribution that is cut at two deviations,
# as in both original programs. Their deviation of 0.02 is for networks of width 768,
# and a narrow network needs larger weights. For two kernels ELECTRA's program leaves
# TensorFlow's default (Glorot & Bengio, 2010). The names are those of tf_pretrain.


# %%
# region: shapes
def dense(name, inputs, outputs):
    return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def layer_norm(name, width):
    return {f"{name}/layer_norm/gamma": (width,), f"{name}/layer_norm/beta": (width,)}


def embeddings():
    rows = {"word": len(VOCABULARY), "position": LENGTH, "token_type": 2}
    tables = {
        f"embeddings/{n}_embeddings": (k, EMBEDDING_SIZE) for n, k in rows.items()
    }
    return tables | layer_norm("embeddings", EMBEDDING_SIZE)


def encoder(name, width, layers):
    shapes = {}
    if width != EMBEDDING_SIZE:
        shapes |= dense(f"{name}/embeddings_project", EMBEDDING_SIZE, width)
    for i in range(layers):
        for part in ("query", "key", "value", "output"):
            shapes |= dense(f"{name}/attention_{i}/{part}", width, width)
        shapes |= layer_norm(f"{name}/attention_{i}", width)
        shapes |= dense(f"{name}/feed_forward_{i}/intermediate", width, 4 * width)
        shapes |= dense(f"{name}/feed_forward_{i}/output", 4 * width, width)
        shapes |= layer_norm(f"{name}/feed_forward_{i}", width)
    return shapes


def masked_lm_head(width):
    shapes = dense("masked_lm_head/dense", width, EMBEDDING_SIZE)
    shapes |= layer_norm("masked_lm_head", EMBEDDING_SIZE)
    return shapes | {"masked_lm_head/output_bias": (len(VOCABULARY),)}


def electra():
    return {
        **embeddings(),  # both networks use the same tables
        **encoder("generator", GENERATOR_SIZE, LAYERS),
        **masked_lm_head(GENERATOR_SIZE),
        **encoder("discriminator", HIDDEN_SIZE, LAYERS),
        **dense("replaced_token_head/dense", HIDDEN_SIZE, HIDDEN_SIZE),
        **dense("replaced_token_head/prediction", HIDDEN_SIZE, 1),
    }


def albert():
    return {
        **embeddings(),
        **encoder("encoder", HIDDEN_SIZE, layers=1),  # all layers use the same weights
        **masked_lm_head(HIDDEN_SIZE),
        **dense("encoder/pooler", HIDDEN_SIZE, HIDDEN_SIZE),
        **dense("sentence_head/dense", HIDDEN_SIZE, 2),
    }


# endregion


# %%
# region: weights
def initial_weight(rng, name, shape, model):
    if name.endswith(("bias", "beta")):
        return np.zeros(shape, np.float32)
    if name.endswith("gamma"):
        return np.ones(shape, np.float32)
    glorot = ("embeddings_project/kernel", "prediction/kernel")
    if model == "electra" and name.endswith(glorot):
        limit = (6 / sum(shape)) ** 0.5
        return rng.uniform(-limit, limit, shape).astype(np.float32)
    x = rng.normal(size=shape)
    while (is_far := np.abs(x) > 2).any():
        x[is_far] = rng.normal(size=is_far.sum())
    return (0.02 * (768 / HIDDEN_SIZE) ** 0.5 * x).astype(np.float32)


def initial_weights(model):
    """{name: float32 array}"""
    rng = np.random.default_rng(SEED)
    shapes = {"electra": electra, "albert": albert}[model]()
    return {name: initial_weight(rng, name, shapes[name], model) for name in shapes}


# endregion

# %% [markdown]
# ## The learning rate
# It rises during the warm-up and then falls to 0. ELECTRA multiplies the two, and
# ALBERT joins them.


# %%
# region: schedules
def electra_rate(step, peak=0.005):
    return peak * (1 - step / NUM_STEPS) * min(1, step / WARMUP_STEPS)


def albert_rate(step, peak=0.01):
    if step < WARMUP_STEPS:
        return peak * step / WARMUP_STEPS
    return peak * (1 - step / NUM_STEPS)


# endregion

# %% [markdown]
# ## Scores and what is printed


# %%
def auc(labels, logits, mask):
    """The chance that a replaced token has a larger logit than an original one.

    Arrays [B, S]; `mask` is 0 for padding, which does not count.
    """
    labels, logits = (np.asarray(x)[mask > 0] for x in (labels, logits))
    replaced, original = logits[labels == 1][:, None], logits[labels == 0]
    return np.mean(replaced > original) + np.mean(replaced == original) / 2


def accuracy(labels, logits):
    """The share of the labels [B] that have the largest logit of [B, 2]."""
    return np.mean(np.argmax(np.asarray(logits), axis=-1) == np.asarray(labels))


def num_steps():
    """`COURSE_STEPS=20` stops after the first 20 steps."""
    return int(os.environ.get("COURSE_STEPS", NUM_STEPS))


def print_losses(step, losses):
    if step % 50 == 0:
        values = (f"{name} {float(x):.4f}" for name, x in losses.items())
        print(f"step {step:3}", *values, sep="  ")


def has_learned(before, after):
    """Bounds that a wrong program misses."""
    if "order_accuracy" in after:
        return after["order_accuracy"] >= 0.95
    return after["auc"] >= 0.95 and after["masked_lm"] < before["masked_lm"] / 2


def conclude(history, before, after):
    """Prints the scores on new sentences; exits with 1 if training went wrong."""
    for name, score in after.items():
        print(f"{name} of new sentences: {before[name]:.4f}, now {score:.4f}")
    if len(history) == NUM_STEPS and not has_learned(before, after):
        raise SystemExit("This network has not learned the text.")
