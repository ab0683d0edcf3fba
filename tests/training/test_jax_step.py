"""The train steps on JAX and PyTorch, in processes of their own (step_checks.py)."""

import numpy as np
import pytest

from support.backend_processes import QUICK_TO_COMPILE, checks, needs
from support.step_checks import BAD_STEP, END, START, SYNCED

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def _installed(backend):
    pytest.importorskip(backend)


@pytest.fixture(scope="module")
def jax(tmp_path_factory):
    _installed("jax")
    names = ["one_by_one", "five_a_dispatch", "failing_batches", "too_few_batches"]
    names += ["lasting_faults", "without_random_numbers", "first_nonfinite", "stacked"]
    names += ["refusals", "two_devices"]  # two for the whole process from then on
    flags = f"{QUICK_TO_COMPILE} --xla_force_host_platform_device_count=2"
    folder = tmp_path_factory.mktemp("jax")
    return checks(folder, *names, backend="jax", XLA_FLAGS=flags)


@pytest.fixture(scope="module")
def torch(tmp_path_factory):
    _installed("torch")
    names = ["one_by_one", "lasting_faults", "without_random_numbers"]
    names += ["first_nonfinite", "too_few_batches", "refusals"]
    return checks(tmp_path_factory.mktemp("torch"), *names, backend="torch")


@pytest.fixture
def results(request, backend):
    return request.getfixturevalue(backend)


def _by_step(logs):
    """{name: [one value a step]} of the logs of `on_train_batch_end`."""
    return {name: np.concatenate([part[name] for part in logs]) for name in logs[0]}


def _assert_same(got, expected, rtol=1e-5, atol=0.0):
    assert got.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(
            got[name], expected[name], rtol=rtol, atol=atol, err_msg=name
        )


def test_several_steps_a_dispatch_are_the_same_steps(jax):
    single, several = jax["one_by_one"], jax["five_a_dispatch"]
    # Steps 3 and 4, then 5 to 9 and 10 to 14 together, then 15 and 16.
    assert single["batches"] == list(range(END - START))
    assert several["batches"] == [0, 1, 6, 11, 12, 13]
    assert [len(part["loss"]) for part in several["logs"]] == [1, 1, 5, 5, 1, 1]
    assert all(len(part["loss"]) == 1 for part in single["logs"])
    _assert_same(_by_step(several["logs"]), _by_step(single["logs"]))
    _assert_same(several["end"], single["end"], atol=1e-6)


def test_sync_gives_the_weights_of_that_step(jax):
    single, several = (
        jax[name]["weights"][str(SYNCED)] for name in ("one_by_one", "five_a_dispatch")
    )
    _assert_same(several["values"], single["values"], atol=1e-6)
    # They are not those of before: variables stay behind until then.
    assert several["behind"] != several["sha256"]
    end = jax["five_a_dispatch"]["end"]
    moved = [
        np.abs(np.subtract(end[name], several["values"][name])).max() for name in end
    ]
    assert max(moved) > 1e-3


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_a_batch_that_is_not_finite_is_skipped_and_counted(results):
    report = results["one_by_one"]
    logs, bad = _by_step(report["logs"]), BAD_STEP - START
    np.testing.assert_array_equal(logs["skipped_steps"], np.arange(END - START) >= bad)
    assert [i for i, x in enumerate(logs["loss"]) if not np.isfinite(x)] == [bad]
    assert not np.isfinite(logs["gradient_norm"][bad])
    before, after = (report["weights"][str(batch)] for batch in (bad - 1, bad))
    assert before["sha256"] == after["sha256"]
    name = next(n for n in report["end"] if n.endswith("query/kernel"))
    assert np.abs(np.subtract(report["end"][name], after["values"][name])).max() > 1e-3


def test_an_error_of_the_batches_reaches_the_caller(jax):
    """The variables then hold the weights of the last step."""
    report = jax["failing_batches"]
    assert report["error"] == "the disk is gone"
    assert report["batches"] == [0, 1, 2, 3]
    assert report["sha256"] == report["weights"]["3"]["sha256"]


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_batches_that_end_too_early_are_an_error(results):
    assert results["too_few_batches"] == "the batches ended before step 5 of 17"


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_lasting_faults_are_named_by_step(results):
    """The first is number 12 (11 from 0), in the middle of a dispatch on JAX."""
    fault = results["lasting_faults"]
    assert fault["first_step"] == 11
    assert fault["message"].startswith("steps 12 to 14 had no finite loss")
    assert "masked_lm nan" in fault["message"]
    assert "last finite one: none" not in fault["message"]


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_batches_without_random_numbers(results):
    """Drawn by step: other samples in each, the same with the same seed."""
    first, again = results["without_random_numbers"]
    assert first == again
    assert len(set(first[:5])) > 1  # rates of replaced tokens
    assert len(set(first)) > 5


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_the_first_layer_that_is_not_finite_is_found(results):
    nothing, layer, feature, weight, path = results["first_nonfinite"]
    assert nothing.startswith("nothing")
    assert layer.startswith("output of layer ") and "feed_forward_0" in layer
    assert feature == "feature masked_lm_weights of the batch"
    assert weight == f"weight {path}"


@pytest.mark.parametrize("backend", needs("jax", "torch"))
def test_what_a_backend_cannot_do_is_refused(results, backend):
    """By name, before anything is written."""
    expected = [
        "train.mixed_precision=float16",
        "train.accumulation_steps",
        "objective.generator_training=two_stage",
        "train.strategy 'multi_worker'",
        "train.strategy 'tpu'",
    ]
    if backend == "torch":
        expected.append("train.strategy 'mirrored'")
    *messages, is_written = results["refusals"]
    assert messages == [
        f"{name} needs the TensorFlow backend, but KERAS_BACKEND is {backend!r}"
        for name in expected
    ]
    assert not is_written


def test_stacked_variables_give_the_same_weights(jax):
    """As on an accelerator: variables of one shape are one array."""
    assert jax["stacked"].keys() == {"adamw", "lamb"}
    for plain, stacked in jax["stacked"].values():
        assert stacked["groups"] < plain["groups"] == len(plain["weights"])
        _assert_same(stacked["weights"], plain["weights"], atol=1e-5)


def test_two_devices_equal_one(jax):
    one, two = jax["one_by_one"], jax["two_devices"]
    assert two["devices"] == 2
    assert one["batches"] == two["batches"]
    _assert_same(_by_step(two["logs"]), _by_step(one["logs"]))
    _assert_same(two["end"], one["end"], atol=1e-5)
