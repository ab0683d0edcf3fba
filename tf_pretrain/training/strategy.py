"""Where the replicas run: the tf.distribute strategy of a config."""

import contextlib

import tensorflow as tf

from tf_pretrain.config import UserError
from tf_pretrain.data import batches

# What TensorFlow raises in the workers that are left: connections are reset, or, of a
# worker that hangs, heartbeats stay away (after about ten seconds).
_LOST_WORKER_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


class WorkerError(UserError, RuntimeError):
    """Another worker of the run is gone."""


def build_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy for `train.strategy`.

    "one" is the default device; "mirrored" all GPUs of this machine (or all logical
    CPU devices, where there is no GPU); "multi_worker" the workers of TF_CONFIG;
    "tpu" the TPU that the environment names. Must be called before any other
    TensorFlow operation for "multi_worker".
    """
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


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the files: the only one, the chief, or worker 0."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    first = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (first, 0)


@contextlib.contextmanager
def naming_lost_workers(strategy: tf.distribute.Strategy):
    """Turns TensorFlow's errors about another worker into one that says what to do.

    Raises:
        WorkerError: If a worker was killed, hangs, or stopped with an error.
    """
    try:
        yield
    except _LOST_WORKER_ERRORS as error:
        resolver = strategy.cluster_resolver
        if resolver is None or not resolver.task_type:
            raise
        raise WorkerError(
            f"{resolver.task_type} {resolver.task_id} stops, for another worker is "
            f"gone: {_first_line(error)}. Its own output says why, if it was not "
            "killed. The same commands on all workers continue the run"
        ) from error


def _first_line(error):
    lines = error.message.strip().splitlines()
    return lines[0] if lines else type(error).__name__


def distributed_batches(strategy, record_set, config, tokenizer, start_step):
    """Training batches from `start_step` on, each replica with its own rows."""

    def pipeline(context=None):
        shards = {}
        if context is not None:
            shards = {
                "num_pipelines": context.num_input_pipelines,
                "pipeline": context.input_pipeline_id,
                "replicas_per_pipeline": (
                    context.num_replicas_in_sync // context.num_input_pipelines
                ),
            }
        return batches.training_batches(
            record_set,
            config.data,
            tokenizer,
            config.seed,
            config.train.batch_size,
            start_step,
            **shards,
        )

    if strategy.num_replicas_in_sync == 1:
        return pipeline()
    return strategy.distribute_datasets_from_function(pipeline)
