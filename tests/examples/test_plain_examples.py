"""The examples in plain TensorFlow and PyTorch compute what this package computes."""

import ast
import contextlib
import functools
import importlib
import os
import re
import subprocess
import sys
import types
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import torch

import tf_pretrain
import toy
from support.paths import ROOT
from tf_pretrain import config as config_lib
from tf_pretrain.training.schedules import AlbertSchedule, ElectraSchedule

EXAMPLES = ROOT / "examples"
MODELS = ("electra", "albert")
FRAMEWORKS = ("tensorflow", "pytorch")
SCRIPTS = [f"{model}_{framework}" for model in MODELS for framework in FRAMEWORKS]
STEPS = 20


def source(name):
    return (EXAMPLES / f"{name}.py").read_text("utf-8")


def load(name, old="", new=""):
    """The module of an example; `new` replaces a text that occurs once."""
    if not old:
        return importlib.import_module(name)
    text = source(name)
    assert text.count(old) == 1, old
    module = types.ModuleType(name)
    exec(compile(text.replace(old, new), f"{name}.py", "exec"), module.__dict__)
    return module


def silence():
    return contextlib.redirect_stdout(open(os.devnull, "w"))


@functools.cache
def history(name, old="", new="", num_steps=STEPS):
    """The losses of the first steps, float [steps, 2]."""
    with silence():
        losses, _, _ = load(name, old, new).train(num_steps)
    return np.array([[float(x) for x in step.values()] for step in losses])


def difference(a, b):
    """The largest relative difference."""
    return np.max(np.abs(a - b) / np.abs(b))


def config(model):
    """The config of the project's network for an example."""
    is_electra = model == "electra"
    return config_lib.from_dict(
        config_lib.PretrainConfig,
        {
            "model": {
                "vocab_size": len(toy.VOCABULARY),
                "embedding_size": toy.EMBEDDING_SIZE,
                "hidden_size": toy.HIDDEN_SIZE,
                "num_hidden_layers": toy.LAYERS,
                "num_attention_heads": toy.HIDDEN_SIZE // toy.HEAD_SIZE,
                "intermediate_size": 4 * toy.HIDDEN_SIZE,
                "max_position_embeddings": toy.LENGTH,
                "hidden_dropout_prob": 0.0,
                "attention_probs_dropout_prob": 0.0,
                "hidden_act": "gelu" if is_electra else "gelu_tanh",
                "parameter_sharing": "none" if is_electra else "all",
                "use_pooler": not is_electra,
            },
            "data": {
                "max_seq_length": toy.LENGTH,
                "example_format": "electra" if is_electra else "sentence_order",
            },
            "objective": {
                "name": "replaced_token_detection" if is_electra else "masked_lm",
                "sentence_objective": "none" if is_electra else "sentence_order",
                "generator_hidden_size": (
                    toy.GENERATOR_SIZE / toy.HIDDEN_SIZE if is_electra else 0.25
                ),
            },
        },
    )


def example_name(variable):
    return re.sub(r"^\w+/embeddings/", "embeddings/", variable.path)


def our_network(model):
    """The project's network with the weights of the example."""
    network = tf_pretrain.build_objective(config(model))
    weights = toy.initial_weights(model)
    for variable in network.trainable_variables:
        variable.assign(weights.pop(example_name(variable)))
    assert not weights
    return network


def our_features(model, step):
    batch = {n: tf.constant(x) for n, x in toy.batch(model, step).items()}
    for name, x in batch.items():
        if x.dtype == tf.int64:
            batch[name] = tf.cast(x, tf.int32)
    batch["next_sentence_labels"] = batch["next_sentence_labels"][:, None]
    return batch


@functools.cache
def our_history(model, num_steps):
    """The same losses, from the project's networks, optimizers and schedules."""
    network = our_network(model)
    names = list(network.loss_terms)
    if model == "electra":
        rate = ElectraSchedule(0.005, toy.NUM_STEPS, toy.WARMUP_STEPS)
        optimizer = tf_pretrain.AdamW(rate)
    else:
        rate = AlbertSchedule(0.01, toy.NUM_STEPS, toy.WARMUP_STEPS)
        optimizer = tf_pretrain.LAMB(rate)
    rows = []
    for step in range(num_steps):
        with tf.GradientTape() as tape:
            losses = network.losses(our_features(model, step), training=True)
            total = network.total_loss(losses)
        variables = network.trainable_variables
        gradients = tape.gradient(total, [v.value for v in variables])
        gradients = [tf.convert_to_tensor(g) for g in gradients]
        optimizer.apply(gradients, variables)
        terms = network.loss_terms
        means = {n: s / terms[n].divisor(weight) for n, (s, weight) in losses.items()}
        rows.append([float(means[name]) for name in names])
    return np.array(rows)


@pytest.mark.parametrize("model", MODELS)
def test_both_frameworks_compute_the_same_losses(model):
    theirs = history(f"{model}_pytorch")
    losses = history(f"{model}_tensorflow")
    assert losses.shape == (STEPS, 2)
    assert difference(losses[:1], theirs[:1]) < 1e-6
    assert difference(losses, theirs) < 1e-4


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_losses_are_those_of_this_project(name):
    model = name.partition("_")[0]
    ours = our_history(model, 6)
    np.testing.assert_allclose(history(name)[0], ours[0], rtol=0, atol=1e-5)
    assert difference(history(name)[:6], ours) < 1e-5


MASK = '(1.0 - batch["input_mask"])'
WRONG_FORWARD = {
    "labels not reset for correct samples": (
        "electra",
        "return corrupted, (corrupted != ids).float()",
        "return corrupted, ids.scatter(1, positions, -1).lt(0).float()",
    ),
    "loss over padding": (
        "electra",
        'mean(token, batch["input_mask"])',
        "token.mean()",
    ),
    "attention to padding": ("electra", f"-10000.0 * {MASK}", f"0.0 * {MASK}"),
    "loss over unused slots": (
        "electra",
        'mean(word, batch["masked_lm_weights"])',
        "word.mean()",
    ),
    "the generator reads the original": (
        "electra",
        '"generator", batch, batch["masked_input_ids"]',
        '"generator", batch, batch["input_ids"]',
    ),
    "the discriminator reads the masks": (
        "electra",
        "discriminator(w, batch, ids)\n    word",
        'discriminator(w, batch, batch["masked_input_ids"])\n    word',
    ),
    "the likeliest word instead of a sample": (
        "electra",
        "is_below.sum(dim=-1)",
        "probs.argmax(dim=-1)",
    ),
    "one layer instead of all": ("albert", "range(toy.LAYERS)", "range(1)"),
    "no tanh": ("albert", "torch.tanh(", "("),
    "order from the last token": ("albert", "x[:, 0]", "x[:, -1]"),
}
WRONG_UPDATE = {
    "embeddings not tied": (
        "electra",
        'word_embeddings = w["embeddings/word_embeddings"]',
        'word_embeddings = w["embeddings/word_embeddings"].detach()',
    ),
    "losses of equal weight": ("electra", "50.0 * ", "1.0 * "),
    "no clipping": ("electra", "norm.clamp(min=1.0)", "1.0"),
    "clipped at 2": ("albert", "norm.clamp(min=1.0)", "norm.clamp(min=2.0) * 2.0"),
    "bias correction": (
        "electra",
        "m[name] / (v[name].sqrt() + 1e-6)",
        "m[name] / (v[name].sqrt() + 1e-6) * 0.001**0.5 / 0.1",
    ),
    "no trust ratio": ("albert", "update *= w[name].norm() / update.norm()", "pass"),
    "no order loss": (
        "albert",
        "masked_lm + sentence_order",
        "masked_lm + 0.5 * sentence_order",
    ),
}


WRONG_DECAY = {
    "decay of all": ("electra", 'if "bias" not in name and', "if True or"),
    "decay of LayerNorm": ("electra", ' and "layer_norm" not in name', ""),
    "no decay": ("albert", "update += 0.01 * w[name]", "pass"),
    "ratio without decay": (
        "albert",
        "update *= w[name].norm() / update.norm()",
        "update *= w[name].norm() / (update - 0.01 * w[name]).norm()",
    ),
}


@pytest.mark.parametrize("case", WRONG_FORWARD)
def test_a_wrong_forward_pass_is_noticed_at_the_first_step(case):
    model, old, new = WRONG_FORWARD[case]
    wrong = history(f"{model}_pytorch", old, new, num_steps=1)
    assert np.max(np.abs(wrong - our_history(model, 6)[:1])) > 1e-3


@pytest.mark.parametrize("case", WRONG_UPDATE)
def test_a_wrong_update_is_noticed_within_the_steps(case):
    model, old, new = WRONG_UPDATE[case]
    wrong = history(f"{model}_pytorch", old, new)
    right = history(f"{model}_tensorflow")
    assert difference(wrong[:1], right[:1]) < 1e-6  # the forward pass is right
    assert difference(wrong, right) > 1e-3


@functools.cache
def updated(name, old="", new=""):
    """{name: value} after two updates of weights so large that their decay shows."""
    model, framework = name.split("_")
    optimizer = "adamw" if model == "electra" else "lamb"
    tensor = tf.Variable if framework == "tensorflow" else torch.tensor
    w = {n: tensor(100 * x) for n, x in toy.initial_weights(model).items()}
    m, v = ({n: tensor(np.zeros(x.shape, "f")) for n, x in w.items()} for _ in "mv")
    for seed in range(2):
        gradients = {n: tensor(g) for n, g in random_gradients(model, seed).items()}
        getattr(load(name, old, new), optimizer)(w, m, v, gradients, 0.1)
    return {n: np.array(x) for n, x in w.items()}


def random_gradients(model, seed):
    rng = np.random.default_rng(seed)
    weights = toy.initial_weights(model)
    return {n: rng.normal(size=x.shape).astype("f") for n, x in weights.items()}


@functools.cache
def our_update(model):
    """What the optimizers of this package make of the same gradients."""
    network = our_network(model)
    make = {"electra": tf_pretrain.AdamW, "albert": tf_pretrain.LAMB}[model]
    optimizer, variables = make(0.1), network.trainable_variables
    names = [example_name(variable) for variable in variables]
    for variable in variables:
        variable.assign(100 * variable)
    for seed in range(2):
        gradients = random_gradients(model, seed)
        optimizer.apply([tf.constant(gradients[name]) for name in names], variables)
    return {n: x.numpy() for n, x in zip(names, variables, strict=True)}


def farthest(values, expected):
    return max(np.max(np.abs(values[name] - expected[name])) for name in expected)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_update_is_that_of_this_project(name):
    assert farthest(updated(name), our_update(name.split("_")[0])) < 1e-4


@pytest.mark.parametrize("case", WRONG_DECAY)
def test_a_wrong_decay_is_noticed(case):
    model, old, new = WRONG_DECAY[case]
    assert farthest(updated(f"{model}_pytorch", old, new), our_update(model)) > 1e-3


# The toy text.


def order_labels(batch):
    """1 where the first word of A is larger than that of B."""
    b = np.argmax(batch["segment_ids"], axis=1)
    rows = np.arange(len(b))
    return (batch["input_ids"][:, 1] > batch["input_ids"][rows, b]).astype(int)


def test_batches_depend_on_seed_and_step_alone():
    one = toy.batch("electra", 3)
    for other, is_same in (
        (toy.batch("electra", 3), True),
        (toy.batch("electra", 4), False),
        (toy.batch("electra", 3, seed=1), False),
    ):
        for name in ("input_ids", "masked_lm_positions", "sampling_uniform"):
            assert np.array_equal(one[name], other[name]) == is_same


@pytest.mark.parametrize("model", MODELS)
def test_the_masks_are_those_of_the_papers(model):
    batch = toy.batch(model, 0, size=2000)
    ids, masked = batch["input_ids"], batch["masked_input_ids"]
    used = batch["masked_lm_weights"] > 0
    row, slot = np.nonzero(used)
    position = batch["masked_lm_positions"][row, slot]
    token = ids[row, position]
    assert np.array_equal(batch["masked_lm_ids"][row, slot], token)
    assert (token >= toy.FIRST_WORD).all()
    assert len(set(zip(row, position, strict=True))) == len(row)  # no position twice
    assert not batch["masked_lm_ids"][~used].any()
    real = batch["input_mask"].sum(1)
    if model == "electra":  # n-grams may leave some of the budget
        np.testing.assert_array_equal(used.sum(1), np.minimum(np.rint(real * 0.15), 3))

    untouched = np.ones_like(ids, bool)
    untouched[row, position] = False
    assert np.array_equal(ids[untouched], masked[untouched])
    read = masked[row, position]
    shares = {"electra": (0.85, 0.15), "albert": (0.8, 0.1)}[model]
    # A random token is [MASK] or the word itself in 1 of 25 cases each.
    assert np.mean(read == toy.MASK) == pytest.approx(shares[0], abs=0.02)
    assert np.mean(read == token) == pytest.approx(shares[1], abs=0.02)


@pytest.mark.parametrize("size, share", [(1, 6 / 11), (2, 3 / 11), (3, 2 / 11)])
def test_short_ngrams_are_drawn_more_often(size, share):
    """From a text so long and a budget so large that no n-gram is cut short."""
    ids = np.full(1000, toy.FIRST_WORD)
    rng = np.random.default_rng(0)
    with mock.patch.object(toy, "NUM_PREDICTIONS", 20):
        runs = []
        for _ in range(200):
            chosen = toy.choose(rng, ids, max_ngram=3)
            breaks = np.flatnonzero(np.diff(chosen) > 1) + 1
            runs += [len(run) for run in np.split(chosen, breaks)]
    assert np.mean(np.array(runs) == size) == pytest.approx(share, abs=0.04)


def test_order_labels_are_right():
    batch = toy.batch("albert", 0, size=500)
    labels = batch["next_sentence_labels"]
    assert np.array_equal(order_labels(batch), labels)
    assert np.mean(labels) == pytest.approx(0.5, abs=0.07)
    assert not toy.batch("electra", 0)["next_sentence_labels"].any()


def test_segments_that_are_never_swapped_are_noticed():
    wrong = load("toy", "a, b = b, a", "a, b = a, b").batch("albert", 0, size=500)
    assert not np.array_equal(order_labels(wrong), wrong["next_sentence_labels"])


def test_initial_weights():
    weights = toy.initial_weights("electra")
    table = weights["embeddings/word_embeddings"]
    assert np.abs(table).max() <= 2 * 0.02 * (768 / toy.HIDDEN_SIZE) ** 0.5
    # The deviation of a normal distribution that is cut at 2 is 0.8796 (sqrt(0.7737)).
    assert table.std() == pytest.approx(0.8796 * 0.02 * 24**0.5, rel=0.1)
    glorot = weights["discriminator/embeddings_project/kernel"]
    assert np.abs(glorot).max() == pytest.approx((6 / 48) ** 0.5, rel=0.02)


def test_auc_and_accuracy():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (8, 9))
    logits = rng.integers(0, 5, (8, 9)).astype(float)  # with ties
    mask = np.arange(9) < rng.integers(3, 9, (8, 1))
    expected = roc_auc_score(labels[mask], logits[mask])
    assert toy.auc(labels, logits, mask) == pytest.approx(expected)
    assert toy.accuracy(np.array([0, 1]), np.array([[2.0, 1], [3, 2]])) == 0.5


@pytest.mark.parametrize(
    "after",
    [
        {"masked_lm": 1.0, "auc": 0.94},
        {"masked_lm": 1.6, "auc": 0.96},
        {"masked_lm": 1.0, "order_accuracy": 0.94},
        {"masked_lm": float("nan"), "auc": float("nan")},
    ],
)
def test_a_network_that_has_not_learned_ends_with_status_1(after):
    before = {"masked_lm": 3.0, "auc": 0.5, "order_accuracy": 0.5}
    with pytest.raises(SystemExit, match="not learned"):
        toy.conclude([None] * toy.NUM_STEPS, before, after)
    toy.conclude([None] * STEPS, before, after)  # too short to tell


# The text of the examples.


def functions(name):
    """{name: source} of the functions of an example."""
    tree = ast.parse(source(name))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.unparse(node) for node in found}


def signatures(name):
    return {
        name: re.search(r"def .*", text)[0]
        for name, text in functions(name).items()
        if name != "tensors"  # TensorFlow takes arrays as they are
    }


@pytest.mark.parametrize("model", MODELS)
def test_both_frameworks_have_the_same_functions(model):
    assert signatures(f"{model}_tensorflow") == signatures(f"{model}_pytorch")


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", ["dense", "layer_norm", "attention"])
def test_both_models_have_the_same_parts(framework, name):
    electra, albert = (functions(f"{model}_{framework}")[name] for model in MODELS)
    assert electra == albert


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_short_and_stand_alone(name):
    lines = [line for line in source(name).splitlines() if line.strip()]
    assert len(lines) <= 130
    imported = re.findall(r"^(?:import|from) (\w+)", source(name), flags=re.M)
    assert set(imported) <= {"tensorflow", "torch", "toy"}


def callouts(name):
    return [int(n) for n in re.findall(r"  # \((\d+)\)$", source(name), flags=re.M)]


@pytest.mark.parametrize("model", MODELS)
def test_callouts_are_numbered_in_order_and_equal_in_both_frameworks(model):
    expected = callouts(f"{model}_tensorflow")
    assert expected == list(range(1, len(expected) + 1))
    assert callouts(f"{model}_pytorch") == expected


def test_the_command_in_short_form():
    result = subprocess.run(
        [sys.executable, EXAMPLES / "albert_pytorch.py"],
        env=os.environ | {"COURSE_STEPS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert re.match(r"step   0  masked_lm 3\.\d{4}  sentence_order", result.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_command_in_full(name):
    environment = {n: x for n, x in os.environ.items() if n != "COURSE_STEPS"}
    result = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 10


@pytest.mark.slow
@pytest.mark.parametrize("weight", [50, 1])
def test_a_small_weight_serves_the_generator_only(weight):
    """Exercise 8.4 of the chapter, within what rounding changes in long runs."""
    with silence():
        example = load("electra_pytorch", "+ 50.0 *", f"+ {weight}.0 * 1.0 *")
        *_, after = example.train(toy.NUM_STEPS)
    found = dict(re.findall(rf"run-{weight}-(\w+)-->([\d.]+)", chapter()))
    assert after["masked_lm"] == pytest.approx(float(found["loss"]), abs=0.15)
    assert after["auc"] == pytest.approx(float(found["auc"]), abs=0.05)
    assert (after["auc"] >= 0.95) == (weight == 50)


def chapter():
    return (ROOT / "docs" / "course" / "en.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    "model, old, new",
    [
        ("albert", "a, b = b, a", "a, b = a, b"),
        ("electra", "masked_ids[position] = MASK", "pass"),
    ],
)
def test_a_wrong_text_misses_the_bounds(model, old, new):
    """Both frameworks read the same wrong text, so only the scores can tell."""
    with mock.patch.dict(sys.modules, toy=load("toy", old, new)), silence():
        results = load(f"{model}_pytorch").train(toy.NUM_STEPS)
    with pytest.raises(SystemExit):
        toy.conclude(*results)
