"""Weights for tests of what comes in and goes out: noise, and comparisons of it."""

import numpy as np

from tf_pretrain.interchange.pretrained import Pretrained, variable_shapes


def random_pretrained(config, seed=0, keep=lambda path: True, moments=False):
    """Noise in every tensor whose path is kept, LayerNorm and biases included."""
    rng = np.random.default_rng(seed)

    def noise(start):
        return {
            path: rng.normal(start and path.endswith("/gamma"), 0.2, shape).astype("f4")
            for path, shape in variable_shapes(config).items()
            if keep(path)
        }

    weights = noise(1)
    slots = {key: noise(0) for key in ("m", "v")} if moments else {}
    step = 7 if moments else 0
    return Pretrained(config, weights, "noise", moments=slots, step=step)


def assert_same(got, expected):
    """Tensors by name are equal bit for bit."""
    assert set(got) == set(expected)
    for path, value in expected.items():
        np.testing.assert_array_equal(got[path], value, err_msg=path)
