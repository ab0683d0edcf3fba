"""Runs the tasks of record building in processes of this machine."""

import collections
import concurrent.futures
import contextlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool

from tf_pretrain import processes
from tf_pretrain.errors import UserError

_TASKS_IN_FLIGHT = 2  # a worker


class BuildError(UserError, RuntimeError):
    """Records cannot be built; finished shards are kept."""


def run(function: Callable, tasks: Iterable, num_workers: int) -> Iterator:
    """Yields function(task) of each task, in their order.

    Args:
        function: A function of a module, or a `functools.partial` of one.
        tasks: Taken up a few at a time.
        num_workers: Processes; 1 works in this one.

    Raises:
        BuildError: If a process died; also what a function raises.
    """
    if num_workers == 1:
        yield from map(function, tasks)
        return
    spawn = multiprocessing.get_context("spawn")
    executor = concurrent.futures.ProcessPoolExecutor(num_workers, spawn, _start_worker)
    running = collections.deque()
    try:
        for task in tasks:
            running.append(executor.submit(function, task))
            if len(running) >= _TASKS_IN_FLIGHT * num_workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    except BrokenProcessPool as error:
        raise BuildError(
            "a worker process died (killed, or out of memory?); finished shards are "
            "kept, and the same command continues"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _start_worker():
    """Runs first in each worker process."""
    processes.die_with_parent(multiprocessing.parent_process().pid)
    use_one_core()


def use_one_core() -> None:
    """Makes a worker leave the other cores to other workers; text needs no GPU."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # TensorFlow is in use here already
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.set_visible_devices([], "GPU")
