"""The train step on JAX: a pure function of its state, with several steps in one call.

The state is what a step changes: weights, moments and counters. It is lists of arrays
that stay on the device from step to step and are updated in place (donated). Meanwhile
the Keras variables have old values; `sync` updates them.

On an accelerator, a step of a small model takes a few milliseconds, which is no more
than Python needs to start it. So `run` stacks `steps_per_dispatch` batches, puts them
on the device while earlier steps are computed, and starts all of them as one program
(`lax.scan`).
"""

import contextlib
import functools
import queue
import threading

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import ops

from tf_pretrain.config.checks import require
from tf_pretrain.training.optimizers import AdamFamily
from tf_pretrain.training.step import TrainStep, endless, real_tokens, total

_DISPATCHES_AHEAD = 2  # groups of batches that wait on the device


class _OnDevice:
    """The data of `run`, in an object that Keras does not track.

    Attributes:
        state: The state of the step, while `run` runs.
        groups: From `JaxStep._groups`.
        functions: {steps: compiled function} from `JaxStep._advance`.
    """

    def __init__(self):
        self.state = self.groups = None
        self.functions = {}


class JaxStep(TrainStep):
    """The train step that `run` uses on JAX; `fit` uses Keras' own step.

    Attributes:
        steps_per_dispatch: Number of steps that `run` starts at once. If `run` begins
            or ends at another step than a multiple of it, steps are started one by one.
            Both give the same results except for rounding
            (tests/training/test_jax_step.py).
    """

    steps_per_dispatch = 1
    _on_device = None

    def run(self, batches, start_step, num_steps, callbacks=()):
        """Trains the steps `start_step` to `num_steps - 1`; see training/step.py.

        Callbacks are told of all steps of a group together. `batch` is the number of
        the last one, counted from `start_step`, and each of the logs is an array [n]
        with an entry for each step. Callbacks must call `sync` before they read a
        variable of the model or the optimizer.

        Args:
            batches: An iterable of feature dicts of NumPy arrays, which begins with the
                batch of `start_step`.

        Raises:
            ConfigError: If the optimizer is not one of `training.optimizers`.
        """
        require(
            isinstance(self.optimizer, AdamFamily),
            f"optimizer is {self.optimizer!r}; expected a tf_pretrain.AdamW or LAMB",
        )
        self.network.begin_step(start_step)
        hooks = keras.callbacks.CallbackList(callbacks, model=self)
        hooks.on_train_begin()
        self._on_device = self._on_device or _OnDevice()
        device, step = self._on_device, start_step
        device.groups = self._groups()
        device.state = self._read_state()
        try:
            with _loading(
                endless(batches, start_step, num_steps),
                self._dispatches(start_step, num_steps),
            ) as parts:
                for count, features in parts:
                    hooks.on_train_batch_begin(step - start_step)
                    device.state, logs = self._advance(count)(device.state, features)
                    step += count
                    hooks.on_train_batch_end(step - start_step - 1, logs)
        finally:
            self.sync()
            device.state = None
        hooks.on_train_end()
        self.network.end_training()

    def sync(self):
        """Copies the weights of the last step of `run` into the Keras variables.

        They may be read until the next step begins, which overwrites them.
        """
        if self._on_device is None or self._on_device.state is None:
            return
        weights, rest, slots, counters = self._on_device.state
        groups = self._on_device.groups
        values = _unstacked((weights, *slots), groups)
        for variables, new in zip(
            self._variables(), (*values, rest, counters), strict=True
        ):
            for variable, value in zip(variables, new, strict=True):
                variable.assign(value)

    def _groups(self):
        """Tuples of indices of the trained variables that are stacked.

        On an accelerator, variables of one shape that the optimizer treats alike are
        one array of the state. On CPUs stacking would only cost copies.
        """
        variables, groups = self.trainable_variables, {}
        is_stacked = jax.default_backend() != "cpu"
        for index, variable in enumerate(variables):
            key = index
            if is_stacked:
                key = (*variable.shape, *self.optimizer.group_of(variable))
            groups.setdefault(key, []).append(index)
        return tuple(map(tuple, groups.values()))  # hashable, for `_stacked`

    def _variables(self):
        """What the state holds, as lists: trained, its moments m and v, others of the
        network, others of the optimizer."""
        trained = self.trainable_variables
        moments = zip(*map(self.optimizer.moments_of, trained), strict=True)
        first, second = map(list, moments)
        known = {id(v) for v in (*trained, *first, *second)}
        rest = [v for v in self.network.variables if id(v) not in known]
        counters = [v for v in self.optimizer.variables if id(v) not in known]
        return trained, first, second, rest, counters

    def _read_state(self):
        """The state from the variables: weights, rest, moments, counters."""
        *stacked, rest, counters = ([v.value for v in p] for p in self._variables())
        weights, *moments = _stacked(stacked, self._on_device.groups)
        return weights, rest, moments, counters

    def _dispatches(self, start_step, num_steps):
        """Yields how many steps to start together, from `start_step` to `num_steps`."""
        most, step = self.steps_per_dispatch, start_step
        while step < num_steps:
            is_whole = step % most == 0 and step + most <= num_steps
            count = most if is_whole else 1
            yield count
            step += count

    def _advance(self, count):
        """A compiled function: state, features -> the state after `count` steps, logs.

        Features and logs have a leading axis of `count` steps.
        """
        functions = self._on_device.functions
        if count not in functions:
            function = self._several_steps
            if self.jit_compile:
                function = jax.jit(function, donate_argnums=0)
            functions[count] = function
        return functions[count]

    def _several_steps(self, state, features):
        count = len(features["input_ids"])
        if count > 1:
            return jax.lax.scan(self._one_step, state, features)
        state, logs = self._one_step(state, {n: v[0] for n, v in features.items()})
        return state, {name: value[None] for name, value in logs.items()}

    def _one_step(self, state, features):
        """A pure function: the state after the update of a batch, and its logs."""
        weights, rest, moments, counters = state
        groups = self._on_device.groups
        variables, *_, rest_variables, counter_variables = self._variables()
        features = self._with_random_numbers(features, counters, counter_variables)
        (trained,) = _unstacked((weights,), groups)

        def loss_of(trained):
            mapping = zip(variables + rest_variables, trained + rest, strict=True)
            with keras.StatelessScope(state_mapping=list(mapping)):
                losses, rates = self.network.losses_and_rates(features, training=True)
            sums = {name: losses[name][0] for name in shares}
            counts = {name: rates[name] for name in self.network.rates}
            return total(shares, sums), sums | counts

        loss_weights = self.network.loss_weights(features)
        shares = self._shares(loss_weights)
        (loss, sums), gradients = jax.value_and_grad(loss_of, has_aux=True)(trained)
        gradients = self._spoiled_unless_finite(gradients, loss)
        mapping = zip(counter_variables, counters, strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)) as scope:
            learning_rate = self.optimizer.learning_rate
            (gradients,) = _stacked((gradients,), groups)
            kinds = [self.optimizer.group_of(variables[g[0]]) for g in groups]
            update, new = self.optimizer.apply_to_groups(
                gradients, weights, list(zip(*moments, strict=True)), kinds
            )
            logs = {
                **self._logs(sums, loss_weights, shares),
                "learning_rate": ops.convert_to_tensor(learning_rate, "float32"),
                "gradient_norm": update.gradient_norm,
                "skipped_steps": ops.convert_to_tensor(self.optimizer.skipped_steps),
                "tokens": real_tokens(features),
            }
            counters = [scope.get_current_value(v) for v in counter_variables]
        weights, *moments = (list(part) for part in zip(*new, strict=True))
        return (weights, rest, moments, counters), logs

    def _with_random_numbers(self, features, counters, counter_variables):
        """Adds the random numbers that batches of a user's own data lack, by step."""
        missing = self._missing_random_numbers(features)
        if not missing:
            return features
        iterations = self.optimizer.iterations
        step = next(
            value
            for variable, value in zip(counter_variables, counters, strict=True)
            if variable is iterations
        )
        key = jax.random.fold_in(jax.random.key(self.random_seed), step)
        drawn = {}
        if "dropout_seed" in missing:
            shape = missing["dropout_seed"]
            drawn["dropout_seed"] = jax.random.randint(key, shape, 0, 2**31 - 1)
        if "sampling_uniform" in missing:
            key = jax.random.fold_in(key, 1)
            drawn["sampling_uniform"] = jax.random.uniform(
                key, missing["sampling_uniform"]
            )
        return {**features, **drawn}


@functools.partial(jax.jit, static_argnums=1)
def _stacked(parts, groups):
    """Lists of arrays by variable -> lists of arrays [n, ...] by group."""
    return [[jnp.stack([part[i] for i in g]) for g in groups] for part in parts]


@functools.partial(jax.jit, static_argnums=1)
def _unstacked(parts, groups):
    """Lists of arrays [n, ...] by group -> lists of arrays by variable."""
    place = {
        index: (g, i) for g, group in enumerate(groups) for i, index in enumerate(group)
    }
    order = [place[index] for index in range(len(place))]
    return [[part[g][i] for g, i in order] for part in parts]


def _put(features):
    """Stacked features on the device, the batch axis over all devices of a mesh."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return jax.device_put(features)
    mesh = distribution.device_mesh.backend_mesh
    axis = distribution.batch_dim_name
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, axis))
    return jax.device_put(features, sharding)


@contextlib.contextmanager
def _loading(batches, counts):
    """Yields an iterator of (count, features on the device), loaded by a thread.

    Errors of the batches are raised when they are read.
    """
    loaded, stop = queue.Queue(_DISPATCHES_AHEAD), threading.Event()

    def put(item):
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                loaded.put(item, timeout=0.1)
                return

    def load():
        try:
            for count in counts:
                parts = [next(batches) for _ in range(count)]
                if stop.is_set():
                    return
                stacked = {
                    name: np.stack([p[name] for p in parts]) for name in parts[0]
                }
                put((count, _put(stacked)))
            put(None)
        except BaseException as error:  # the reader handles it
            put(error)

    def read():
        while (item := loaded.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    try:
        yield read()
    finally:
        stop.set()
        thread.join()
        if hasattr(batches, "close"):
            batches.close()
