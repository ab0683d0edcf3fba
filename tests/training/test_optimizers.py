import keras
import numpy as np
import pytest
import tensorflow as tf

from support.optimizer_helpers import AdamWInOps, compiled_step, make_variable
from support.tiny import cached_strategy
from tf_pretrain.config import TrainConfig
from tf_pretrain.training.optimizers import (
    LAMB,
    AdamW,
    build_optimizer,
    layerwise_multipliers,
)
from tf_pretrain.training.schedules import AlbertSchedule, ElectraSchedule

# Two layers' worth of paths: what the patterns must and must not exclude.
DECAYED = [
    "encoder/embeddings/word_embeddings/embeddings",
    "encoder/attention_0/query/kernel",
    "bias_model/kernel",
    "layer_norm_tower/dense/kernel",
]
PLAIN = [
    "encoder/embeddings/layer_norm/gamma",
    "encoder/attention_0/layer_norm/beta",
    "encoder/attention_0/query/bias",
    "mlm_head/output_bias",
    "mlm_head/layer_norm_1/gamma",
    "electra/embeddings/LayerNorm/beta",
]


def numpy_steps(
    weights, gradients, rate, decay, clip, adapt, is_plain, corrected=False
):
    """AdamW or LAMB in NumPy, float64. weights: list; gradients: [step][variable]."""
    t = 0
    weights = [np.array(w, "float64") for w in weights]
    m, v = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for grads in gradients:
        norm = np.sqrt(sum(np.sum(np.square(g, dtype="float64")) for g in grads))
        if not np.isfinite(norm):
            continue
        t += 1
        factor = np.sqrt(1 - 0.999**t) / (1 - 0.9**t) if corrected else 1
        for i, w in enumerate(weights):
            g = grads[i] * min(1, clip / norm)
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g**2
            u = factor * m[i] / (np.sqrt(v[i]) + 1e-6)
            u += 0 if is_plain[i] else decay * w
            norms = np.linalg.norm(w), np.linalg.norm(u)
            ratio = (
                norms[0] / norms[1] if adapt and not is_plain[i] and all(norms) else 1
            )
            weights[i] = w - rate * ratio * u
    return weights, m, v


@pytest.mark.parametrize(
    "optimizer_class, clip, corrected",
    [
        (AdamW, 0.5, False),
        (AdamWInOps, 0.5, False),
        (LAMB, 0.5, False),
        (LAMB, 1e9, False),
        (AdamW, 0.5, True),
        (AdamWInOps, 0.5, True),
        (LAMB, 0.5, True),
    ],
)
def test_matches_numpy_with_clip_exclusions_and_a_skipped_step(
    optimizer_class, clip, corrected
):
    rng = np.random.default_rng(0)
    paths = [DECAYED[1], PLAIN[2], PLAIN[0]]
    weights = [rng.normal(size=s).astype("float32") for s in ((3, 4), (4,), (4,))]
    gradients = [
        [rng.normal(size=w.shape).astype("float32") for w in weights] for _ in range(5)
    ]
    gradients[2][1][3] = np.nan
    variables = [make_variable(*pair) for pair in zip(paths, weights, strict=True)]
    optimizer = optimizer_class(
        0.01, weight_decay=0.1, clip_norm=clip, bias_correction=corrected
    )
    for grads in gradients:
        optimizer.apply([tf.constant(g) for g in grads], variables)
    is_lamb = optimizer_class is LAMB
    expected = numpy_steps(
        weights, gradients, 0.01, 0.1, clip, is_lamb, [0, 1, 1], corrected
    )
    for got, values in zip(
        (variables, optimizer._m, optimizer._v), expected, strict=True
    ):
        for variable, value in zip(got, values, strict=True):
            np.testing.assert_allclose(variable, value, rtol=1e-5, atol=1e-7)


def test_bias_correction_is_keras_own():
    """keras.optimizers.AdamW always corrects."""
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(5, 3)).astype("float32")
    ours, theirs = (make_variable(DECAYED[1], weight) for _ in range(2))
    settings = {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon": 1e-6}
    optimizer = AdamW(**settings, clip_norm=None, bias_correction=True)
    oracle = keras.optimizers.AdamW(**settings)
    for gradient in rng.normal(size=(20, 5, 3)).astype("float32"):
        optimizer.apply([tf.constant(gradient)], [ours])
        oracle.apply([tf.constant(gradient)], [theirs])
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert AdamW.from_config(optimizer.get_config()).bias_correction


def test_bias_correction_of_moments_that_begin_later():
    """A second stage's first updates are those of a run that begins with them."""
    rng = np.random.default_rng(1)
    gradients = rng.normal(size=(6, 5, 3)).astype("float32")
    weight = rng.normal(size=(5, 3)).astype("float32")
    alone, second, first = (make_variable(f"{i}/kernel", weight) for i in range(3))
    settings = {"learning_rate": 0.01, "clip_norm": None, "bias_correction": True}
    oracle = AdamW(**settings)
    staged = AdamW(**settings, moments_begin=4)
    staged.build([first, second])
    # Steps that are skipped change no moments, before the stage and in it.
    skipped = tf.constant(np.full((5, 3), np.nan, "float32"))
    for gradient in (*gradients[:2], skipped, gradients[3]):
        staged.apply([tf.constant(gradient)], [first])
    for gradient in (skipped, skipped, *gradients[:4]):
        oracle.apply([tf.constant(gradient)], [alone])
        staged.apply([tf.constant(gradient)], [second])
    np.testing.assert_array_equal(second, alone)
    assert int(staged.iterations) == 10
    np.testing.assert_array_equal(staged.get_config()["moments_begin"], 4)


@pytest.mark.parametrize("optimizer_class", [AdamW, AdamWInOps, LAMB])
def test_exactly_the_layer_norms_and_biases_are_not_decayed(optimizer_class):
    variables = [make_variable(path, np.ones(2)) for path in DECAYED + PLAIN]
    optimizer = optimizer_class(0.5, weight_decay=0.1)
    optimizer.apply([tf.zeros(2)] * len(variables), variables)
    decayed = [v.path for v in variables if float(v[0]) != 1.0]
    assert decayed == DECAYED


def test_lamb_does_not_adapt_the_excluded_variables():
    variables = [make_variable(path, np.ones(2)) for path in (DECAYED[1], PLAIN[0])]
    gradient = tf.constant([0.1, 0.1])
    LAMB(1.0, weight_decay=0.0, beta_1=0.0, beta_2=0.0).apply([gradient] * 2, variables)
    # Without memory the update is sign(g): |w| / |u| = 1, told apart by a longer w.
    np.testing.assert_allclose(variables[0], 1 - 1.0, atol=1e-4)
    longer = [make_variable(path, [3.0, 3.0]) for path in (DECAYED[1], PLAIN[0])]
    LAMB(1.0, weight_decay=0.0, beta_1=0.0, beta_2=0.0).apply([gradient] * 2, longer)
    np.testing.assert_allclose(longer[0], 3 - 3.0, atol=1e-4)
    np.testing.assert_allclose(longer[1], 3 - 1.0, atol=1e-4)


@pytest.mark.parametrize("optimizer_class", [AdamW, AdamWInOps, LAMB])
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_step_with_a_gradient_that_is_not_finite_is_skipped_exactly(
    optimizer_class, jit_compile, bad
):
    variables = [make_variable(DECAYED[1], [1.0, 2.0]), make_variable(PLAIN[0], [3.0])]
    optimizer = optimizer_class(0.1)
    optimizer.build(variables)
    step = compiled_step(optimizer, variables, jit_compile)
    assert step([tf.constant([0.3, -0.2]), tf.constant([0.5])]).is_finite
    before = [v.numpy() for v in variables + optimizer._m + optimizer._v]

    update = step([tf.constant([0.3, -0.2]), tf.constant([bad])])

    assert not update.is_finite
    assert not np.isfinite(update.gradient_norm)
    for variable, old in zip(
        variables + optimizer._m + optimizer._v, before, strict=True
    ):
        np.testing.assert_array_equal(variable, old)
    assert int(optimizer.skipped_steps) == 1
    assert int(optimizer.iterations) == 2


def train_on_replicas(strategy, optimizer_class, shares, bias_correction):
    """Weights, norms and counters after steps on `shares` [step][replica][variable]."""
    with strategy.scope():
        variables = [
            make_variable(DECAYED[1], np.linspace(-1, 1, 6).reshape(2, 3)),
            make_variable(PLAIN[0], np.ones(3)),
        ]
        optimizer = optimizer_class(
            0.1, weight_decay=0.1, clip_norm=1.0, bias_correction=bias_correction
        )
        optimizer.build(variables)

    @tf.function
    def step(grads):
        return strategy.run(optimizer.clip_and_apply, args=(grads,))

    norms = []
    for share in shares:
        grads = [
            strategy.experimental_distribute_values_from_function(
                lambda c, s=share, i=i: tf.constant(s[c.replica_id_in_sync_group][i])
            )
            for i in range(len(variables))
        ]
        update = step(grads)
        norms.append(strategy.experimental_local_results(update.gradient_norm)[-1])
    copies = [
        [copy.numpy() for copy in strategy.experimental_local_results(v.value)]
        for v in variables
    ]
    counters = (optimizer.skipped_steps, optimizer.iterations)
    return copies, norms, *(int(c.numpy()) for c in counters)


@pytest.mark.parametrize("bias_correction", [False, True])
@pytest.mark.parametrize("optimizer_class", [AdamW, AdamWInOps, LAMB])
def test_one_and_two_replicas_take_the_same_clipped_steps(
    optimizer_class, bias_correction
):
    rng = np.random.default_rng(1)
    shares = [
        [
            [scale * rng.normal(size=s).astype("float32") for s in ((2, 3), (3,))]
            for _ in range(2)
        ]
        for scale in (5.0, 0.1, 5.0)  # clipped, not clipped, clipped
    ]
    shares[1][1][1][:] = np.nan  # on the second replica only: both must skip
    sums = [[[a + b for a, b in zip(*share, strict=True)]] for share in shares]
    one, norms_of_one, *counts_of_one = train_on_replicas(
        cached_strategy("one"), optimizer_class, sums, bias_correction
    )
    two, norms_of_two, *counts_of_two = train_on_replicas(
        cached_strategy("mirrored"), optimizer_class, shares, bias_correction
    )
    assert norms_of_one[0] > 1.0 and norms_of_one[2] > 1.0
    np.testing.assert_allclose(norms_of_two, norms_of_one, rtol=1e-6)
    assert counts_of_one == counts_of_two == [1, 3]
    for (alone,), (first, second) in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, alone, rtol=1e-6)


def test_sparse_gradients_count_as_dense_ones():
    tables = [make_variable(DECAYED[0], np.ones((4, 2))) for _ in range(2)]
    rows, indices = tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([1, 1])
    sparse = tf.IndexedSlices(rows, indices, dense_shape=tf.constant([4, 2]))
    dense = tf.constant([[0.0, 0.0], [4.0, 6.0], [0.0, 0.0], [0.0, 0.0]])
    norms = []
    for table, gradient in zip(tables, (sparse, dense), strict=True):
        norms.append(AdamW(0.1).clip_and_apply([gradient], [table]).gradient_norm)
    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_allclose(norms, np.sqrt(52.0), rtol=1e-6)


def test_a_variable_without_gradient_stays_as_it_is():
    kernel, unused = make_variable("a/kernel", [1.0]), make_variable("b/kernel", [1.0])
    with pytest.warns(UserWarning, match="b/kernel"):
        AdamW(0.1).apply([tf.constant([1.0]), None], [kernel, unused])
    assert float(kernel[0]) != 1.0 and float(unused[0]) == 1.0


@pytest.mark.parametrize(
    "path", ["encoder/attention_3/query/kernel", "encoder/pooler/kernel"]
)
def test_layerwise_rates_refuse_a_variable_without_depth(path):
    optimizer = AdamW(learning_rate_multipliers=layerwise_multipliers(3, 0.8))
    with pytest.raises(ValueError, match=f"Variable {path} matches none"):
        optimizer.build([make_variable(path, [0.0])])


def test_clip_norm_must_be_positive():
    with pytest.raises(ValueError, match="clip_norm is 0"):
        AdamW(clip_norm=0)


@pytest.mark.parametrize("optimizer_class", [AdamW, LAMB])
def test_stock_fit_trains_and_a_saved_model_goes_on_the_same(optimizer_class, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = x @ np.array([[1.0], [-2.0], [0.5], [0.0]], "float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
    optimizer = optimizer_class(
        ElectraSchedule(0.02, 1000, 2),
        weight_decay=0.2,
        clip_norm=0.7,
        learning_rate_multipliers={"kernel": 1.0, "bias": 0.5},
    )
    model.compile(optimizer, loss="mse")
    fit = {"batch_size": 16, "shuffle": False, "verbose": 0}
    losses = model.fit(x, y, epochs=20, **fit).history["loss"]
    assert losses[-1] < 0.5 * losses[0]

    model.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    assert restored.optimizer.get_config() == optimizer.get_config()
    model.fit(x, y, **fit)
    restored.fit(x, y, **fit)
    for got, expected in zip(restored.weights, model.weights, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_config_describes_the_optimizer():
    train = TrainConfig(
        optimizer="lamb", schedule="albert", weight_decay=0.3, clip_norm=2.0
    )
    optimizer = build_optimizer(train, 50, 5, {"/": 0.5})
    assert type(optimizer) is LAMB
    assert (optimizer.weight_decay, optimizer.clip_norm) == (0.3, 2.0)
    assert optimizer.learning_rate_multipliers == {"/": 0.5}
    assert isinstance(optimizer._learning_rate, AlbertSchedule)
    assert type(build_optimizer(TrainConfig(), 50, 5)) is AdamW


def test_the_update_adds_few_nodes_to_the_graph():
    def nodes_per_variable(optimizer, count=20):
        variables = [make_variable(f"layer_{i}/kernel", [1.0]) for i in range(count)]
        optimizer.build(variables)
        step = tf.function(lambda: optimizer.apply([tf.ones(1)] * count, variables))
        return len(step.get_concrete_function().graph.get_operations()) / count

    ours = nodes_per_variable(AdamW())
    stock = nodes_per_variable(keras.optimizers.AdamW(global_clipnorm=1.0))
    assert ours < 0.5 * stock
