"""The train step on JAX: a pure function of the state, several steps a dispatch.

What a step changes (weights, moments, counters) is its state: three lists of arrays,
which live on the device from step to step and are written in place (donated). The
Keras variables are behind meanwhile; `sync` brings them up to date.

On an accelerator a step of a small model takes a few milliseconds, no more than Python
needs to start it. So `run` stacks `steps_per_dispatch` batches, puts them on the device
while earlier steps are computed, and starts all of them as one program (`lax.scan`).
"""

import contextlib
import queue
import threading

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import ops

from tf_pretrain.training.optimizers import AdamFamily
from tf_pretrain.training.step import TrainStep, real_tokens, total

_DISPATCHES_AHEAD = 2  # batches that wait on the device for their steps


class _OnDevice:
    """What `run` keeps, in an object that Keras does not look into.

    Attributes:
        state: The state of the step, while `run` runs.
        functions: {steps: compiled function} of `JaxStep._advance`.
    """

    def __init__(self):
        self.state, self.functions = None, {}


class JaxStep(TrainStep):
    """The train step of `run` on JAX; `fit` takes Keras' own step.

    Attributes:
        steps_per_dispatch: Steps that `run` starts at once; where it begins or ends
            elsewhere than at a multiple of them, steps are started one by one. A step
            computes the same in both cases (tests/test_jax_step.py).
    """

    steps_per_dispatch = 1
    _on_device = None

    def run(self, batches, start_step, num_steps, callbacks=()):
        """Trains the steps `start_step` to `num_steps - 1`; see training/step.py.

        Callbacks hear of all steps of a dispatch together: `batch` is the number of
        the last one, counted from `start_step`, and each of the logs is an array [n]
        with an entry for each step. Before they read a variable of the model or the
        optimizer they must call `sync`.

        Args:
            batches: An iterable of feature dicts of NumPy arrays, which begins with
                the batch of `start_step`.
        """
        self.network.begin_step(start_step)
        hooks = keras.callbacks.CallbackList(callbacks, model=self)
        hooks.on_train_begin()
        self._on_device = self._on_device or _OnDevice()
        device, step = self._on_device, start_step
        device.state = tuple([v.value for v in part] for part in self._variables())
        try:
            with _loading(
                iter(batches), self._dispatches(start_step, num_steps)
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
        """Makes the variables hold the weights of the last step of `run`.

        They may be read until the next step begins, which writes over them.
        """
        if self._on_device is None or self._on_device.state is None:
            return
        state = self._on_device.state
        for variables, values in zip(self._variables(), state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _variables(self):
        """What the state holds, in its order: trained, not trained, the optimizer's."""
        trained = self.trainable_variables
        known = {id(v) for v in trained}
        rest = [v for v in self.network.variables if id(v) not in known]
        return trained, rest, self.optimizer.variables

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
        trained, rest, slots = state
        variables = self._variables()
        features = self._with_random_numbers(features, state)

        def loss_of(trained):
            mapping = zip(variables[0] + variables[1], trained + rest, strict=True)
            with keras.StatelessScope(state_mapping=list(mapping)):
                losses, rates = self.network.losses_and_rates(features, training=True)
            sums = {name: losses[name][0] for name in shares}
            counts = {name: rates[name] for name in self.network.rates}
            return total(shares, sums), sums | counts

        weights = self.network.loss_weights(features)
        shares = self._shares(weights)
        (loss, sums), gradients = jax.value_and_grad(loss_of, has_aux=True)(trained)
        gradients = self._spoiled_unless_finite(gradients, loss)
        mapping = zip(variables[0] + variables[2], trained + slots, strict=True)
        with keras.StatelessScope(state_mapping=list(mapping)) as scope:
            learning_rate = self.optimizer.learning_rate
            norm, skipped = self._update(gradients)
            logs = {
                **self._logs(sums, weights, shares),
                "learning_rate": ops.convert_to_tensor(learning_rate, "float32"),
                "gradient_norm": norm,
                "skipped_steps": skipped,
                "tokens": real_tokens(features),
            }
            trained = [scope.get_current_value(v) for v in variables[0]]
            slots = [scope.get_current_value(v) for v in variables[2]]
        return (trained, rest, slots), logs

    def _update(self, gradients):
        """Applies the gradients; returns their norm and the count of skipped steps."""
        variables = self.trainable_variables
        if isinstance(self.optimizer, AdamFamily):
            norm = self.optimizer.clip_and_apply(gradients, variables).gradient_norm
            return norm, ops.convert_to_tensor(self.optimizer.skipped_steps)
        self.optimizer.apply(gradients, variables)
        return _global_norm(gradients), jnp.zeros((), "int32")

    def _with_random_numbers(self, features, state):
        """What the batches of a user's own data lack, by step."""
        missing = self._missing_random_numbers(features)
        if not missing:
            return features
        slots = self.optimizer.variables
        place = next(i for i, v in enumerate(slots) if v is self.optimizer.iterations)
        key = jax.random.fold_in(jax.random.key(self.random_seed), state[2][place])
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


def _global_norm(arrays):
    return jnp.sqrt(sum(jnp.sum(jnp.square(a)) for a in arrays))


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

    Errors of the batches are raised where they are read.
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
        except BaseException as error:  # it is the reader's to handle
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
