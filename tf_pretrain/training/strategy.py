"""Distribution: replicas on one device, several devices or several machines."""

import contextlib

import keras

from tf_pretrain.data import pipelines
from tf_pretrain.errors import ConfigError, UserError


class WorkerError(UserError, RuntimeError):
    """Another worker of the run was lost."""


def build_strategy(name: str):
    """Builds the strategy for `train.strategy`.

    "one" is the default device. "mirrored" is all GPUs of this machine (or all CPU
    devices, if there is no GPU). "multi_worker" is the workers of TF_CONFIG. "tpu" is
    the TPU that the environment names. For "multi_worker" it must be called before any
    other TensorFlow operation.

    Returns:
        A tf.distribute.Strategy on TensorFlow, a KerasStrategy on JAX and PyTorch.

    Raises:
        ConfigError: If the backend has no such strategy.
    """
    if keras.backend.backend() == "tensorflow":
        return _tensorflow_strategy(name)
    if name == "one":
        return KerasStrategy()
    if name == "mirrored" and keras.backend.backend() == "jax":
        return KerasStrategy(keras.distribution.list_devices())
    raise ConfigError(
        f"train.strategy {name!r} needs the TensorFlow backend, but KERAS_BACKEND is "
        f"{keras.backend.backend()!r}"
    )


def _tensorflow_strategy(name):
    import tensorflow as tf

    if name == "mirrored":
        if tf.config.list_logical_devices("GPU"):
            return tf.distribute.MirroredStrategy()
        devices = [device.name for device in tf.config.list_logical_devices("CPU")]
        return tf.distribute.MirroredStrategy(devices)
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "tpu":
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    return tf.distribute.get_strategy()


class KerasStrategy:
    """One process on JAX or PyTorch. On JAX it may have several devices.

    Every device holds all weights and takes its share of the batch
    (keras.distribution.DataParallel). XLA adds the gradients.

    Attributes:
        num_replicas_in_sync: The number of devices.
    """

    cluster_resolver = None

    def __init__(self, devices=None):
        self.num_replicas_in_sync = len(devices or [None])
        self._distribution = None
        if self.num_replicas_in_sync > 1:
            self._distribution = keras.distribution.DataParallel(
                devices=devices, auto_shard_dataset=False
            )
        keras.distribution.set_distribution(self._distribution)

    def scope(self):
        """A context in which variables are created. It does nothing here."""
        return contextlib.nullcontext()


def is_chief(strategy) -> bool:
    """Whether this process writes the files: the only one, the chief, or worker 0."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (first, 0)


@contextlib.contextmanager
def naming_lost_workers(strategy):
    """A context that turns TensorFlow's errors about another worker into a clear one.

    Raises:
        WorkerError: If a worker was killed, hangs, or stopped with an error.
    """
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        yield
        return
    import tensorflow as tf

    try:
        yield
    # The errors that TensorFlow raises in the remaining workers. Connections are reset
    # or, if a worker hangs, heartbeats are missing (after about ten seconds).
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
    ) as error:
        raise WorkerError(
            f"{resolver.task_type} {resolver.task_id} stops, for another worker is "
            f"gone: {_first_line(error)}. Its own output says why, if it was not "
            "killed. The same commands on all workers continue the run"
        ) from error


def _first_line(error):
    lines = error.message.strip().splitlines()
    return lines[0] if lines else type(error).__name__


def distributed_batches(strategy, record_set, config, tokenizer, start_step):
    """Training batches from `start_step` on, with each replica's own rows."""
    arguments = (record_set, config.data, tokenizer, config.seed)
    arguments += (config.train.batch_size, start_step)
    is_alone = strategy.num_replicas_in_sync == 1
    if is_alone or keras.backend.backend() != "tensorflow":
        return pipelines.training_batches(*arguments)
    from tf_pretrain.data import batches

    def pipeline(context):
        workers = context.num_input_pipelines
        return batches.training_batches(
            *arguments,
            num_pipelines=workers,
            pipeline=context.input_pipeline_id,
            replicas_per_pipeline=context.num_replicas_in_sync // workers,
        )

    return strategy.distribute_datasets_from_function(pipeline)
