"""Runs the tasks of record building on Apache Beam: Flink, Spark, Dataflow, ...

The pipeline does not carry text or records. Its elements are tasks, which say what to
read, and the workers write shards and states to the folder of the records themselves.
So it needs only what every portable runner has. The tasks of a worker that failed can
be repeated, and either engine continues a job that was killed.
"""

import concurrent.futures
import contextlib
import functools
import json
import re
from collections.abc import Iterator

from tf_pretrain import atomic_files, storage
from tf_pretrain.data import build_warnings, chunks, deduplication, local_engine, shards
from tf_pretrain.data.chunks import TASKS, Task, Unit
from tf_pretrain.data.local_engine import BuildError
from tf_pretrain.data.shards import BuildSettings

try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
except ImportError as error:
    raise BuildError(
        f"--engine=beam needs Apache Beam ({error}): pip install 'tf_pretrain[beam]'"
    ) from None

_READERS = 16  # threads that read states


def run(
    arguments: list[str], settings: BuildSettings, tasks: list[Task]
) -> Iterator[dict]:
    """Builds all tasks in a pipeline, then yields the state of each.

    Args:
        arguments: Beam's options, as `--runner=FlinkRunner`; see its documentation.
        settings: Of the build. Its folder and the inputs must be readable by every
            worker under their names.
        tasks: From `chunks.plan_tasks`.

    Raises:
        BuildError: If the runner cannot be used or the job failed.
    """
    folder = storage.path(settings.folder)
    # There may be too many for the description of the job.
    atomic_files.write_json(folder / TASKS, [task.to_dict() for task in tasks])
    options = PipelineOptions(arguments)
    with _naming_the_cause():
        if settings.data.deduplicate_min_chars:
            find_repeats(options, settings, chunks.train_units(tasks))
        with _job(options) as pipeline:
            _ = _tasks(pipeline, settings) | "Build" >> beam.ParDo(BuildTask(settings))
    with concurrent.futures.ThreadPoolExecutor(_READERS) as threads:
        paths = [folder / task.state_name for task in tasks]
        yield from threads.map(shards.read_state, paths)


def find_repeats(options, settings: BuildSettings, units: list[Unit]) -> None:
    """Finds repeated lines in a pipeline of its own; see `deduplication`."""
    if deduplication.is_finished(settings.folder):
        return
    storage.make_folder(storage.path(settings.folder) / deduplication.FOLDER)
    partitions = deduplication.num_partitions(units)
    hashes = functools.partial(deduplication.line_hashes, settings.data, partitions)
    with _job(options) as pipeline:
        _ = (
            _tasks(pipeline, settings)
            | "Units" >> beam.FlatMap(lambda task: chunks.train_units([task]))
            | "Hash lines" >> beam.FlatMap(hashes)
            | "By hash" >> beam.GroupByKey()
            | "Repeats" >> beam.FlatMapTuple(lambda _, x: deduplication.find_repeats(x))
            | "By unit" >> beam.GroupByKey()
            | "Write"
            >> beam.MapTuple(
                functools.partial(deduplication.write_repeats, settings.folder)
            )
        )
    deduplication.finish(settings.folder)


@contextlib.contextmanager
def _job(options):
    """Yields a pipeline, and runs it at the end of the context."""
    pipeline = beam.Pipeline(options=options)
    yield pipeline
    result = pipeline.run()
    result.wait_until_finish()
    if result.state != beam.runners.runner.PipelineState.DONE:
        raise BuildError(f"it ended as {result.state}; the same command continues")


def _tasks(pipeline, settings):
    """The tasks that `run` wrote, shared out among the workers."""
    return (
        pipeline
        | "Folder" >> beam.Create([settings.folder])
        | "Tasks" >> beam.FlatMap(read_tasks)
        | "Spread" >> beam.Reshuffle()
    )


def read_tasks(folder: str) -> Iterator[Task]:
    """The tasks that `run` wrote."""
    text = (storage.path(folder) / TASKS).read_text(encoding="utf-8")
    yield from map(Task.from_dict, json.loads(text))


class BuildTask(beam.DoFn):
    """Builds a task; counts what is in the shards in Beam's metrics."""

    def __init__(self, settings):
        self._settings = settings

    def setup(self):
        local_engine.use_one_core()

    def process(self, task):
        state = shards.build_task(self._settings, task)
        if not state["was_finished"]:
            for name in build_warnings.COUNTS:
                counter = beam.metrics.Metrics.counter("tf_pretrain", name)
                counter.inc(sum(shard[name] for shard in state["shards"]))


@contextlib.contextmanager
def _naming_the_cause():
    """Turns a runner's error, pages long, into the line that says what is wrong."""
    try:
        yield
    # Runners raise errors of many kinds, with the worker's traceback as text.
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        causes = [line for line in lines if re.match(r"[\w.]+(Error|Exit): ", line)]
        cause = (causes or lines or [type(error).__name__])[-1]
        raise BuildError(f"the Beam job failed: {cause}") from error
