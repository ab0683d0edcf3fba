"""Text to TFRecord shards: streamed, by several processes, resumable.

The parent streams documents and groups them, whole, into chunks of about
`shard_size_mb`. A chunk is a function of the input, and a shard one of its chunk and
the seed, so the bytes do not depend on the number of workers or on where an earlier
build was killed. At most two chunks a worker are in flight, so memory does not grow
with the corpus. The parent does not import tensorflow, which alone costs 0.5 GB.
"""

import collections
import concurrent.futures
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tf_pretrain import atomic_files, config, processes
from tf_pretrain.config import DataConfig
from tf_pretrain.data import build_warnings, chunks, encodings, text
from tf_pretrain.data.progress import Progress, print_line
from tf_pretrain.errors import ConfigError, UserError

MANIFEST = "manifest.json"
PLAN = "build.json"  # what an unfinished build is made of
_CHUNKS_IN_FLIGHT = 2  # a worker
_MASKING_FIELDS = (
    "masked_lm_prob",
    "max_predictions_per_seq",
    "mask_token_prob",
    "random_token_prob",
    "whole_word_masking",
    "max_ngram",
    "legacy_duplicate_masking",
)


class BuildError(UserError, RuntimeError):
    """Records cannot be built; finished shards are kept."""


def build_records(
    inputs: str | list[str],
    tokenizer_path: str | os.PathLike,
    output_folder: str | os.PathLike,
    data: DataConfig,
    seed: int,
    num_workers: int = 1,
    progress: Callable[[str], None] | None = print_line,
) -> dict:
    """Builds `train-*.tfrecord` and `heldout-*.tfrecord` in a folder.

    An interrupted build goes on where it was; a finished one is returned as it is.

    Args:
        inputs: See `text.iter_documents`.
        tokenizer_path: See `tokenization.load_tokenizer`.
        output_folder: Made if missing.
        data: The settings; see `chunks.group_documents` for what is held out.
        seed: Of examples, masks and held-out documents.
        num_workers: Processes; 1 works in this one.
        progress: Called with a line now and then; None for silence.

    Returns:
        The manifest, as in `manifest.json`: `inputs`, `settings`, `seed`, `tokenizer`
        (a fingerprint), `shards` (see `shards.build_shards`), `totals`, and `read_as`:
        numbers of files by what was recognised, if they are not all plain UTF-8.

    Raises:
        ConfigError: If the folder holds records of other inputs or settings.
        BuildError: If there is no text to train on, or a worker process died.
        text.TextError: If an input cannot be read.
        OSError: If a file cannot be written; no half shard is left.
    """
    folder = Path(output_folder)
    plan = {
        "inputs": text.describe_inputs(inputs, data.encoding),
        "settings": _record_settings(data),
        "seed": seed,
        "tokenizer": _fingerprint(Path(tokenizer_path)),
    }
    for name in (MANIFEST, PLAN):
        if (folder / name).exists():
            if name == PLAN and not any(folder.glob("*.tfrecord")):
                continue  # nothing was built: say, the text had another encoding
            found = json.loads((folder / name).read_text(encoding="utf-8"))
            _require_same_plan(folder / name, found, plan)
            if name == MANIFEST:
                return found
    folder.mkdir(parents=True, exist_ok=True)
    atomic_files.write_json(folder / PLAN, plan)
    for left_over in folder.glob(f"*.tfrecord{atomic_files.TEMPORARY_SUFFIX}"):
        left_over.unlink()

    reporter = Progress(plan["inputs"], data.dupe_factor, progress)
    warner = build_warnings.Warner(data, tokenizer_path, progress)
    notes = text.Notes(progress)
    arguments = (str(tokenizer_path), str(folder), data, seed)
    statistics = []
    documents = text.iter_documents(inputs, data.errors, data.encoding, notes)
    work = _unfinished(documents, folder, data, seed, statistics, reporter)
    for results in _run(arguments, work, num_workers):
        statistics += results
        reporter.add(results)
        warner.look(statistics)
    statistics.sort(key=lambda shard: shard["file"])
    totals = build_warnings.totals(statistics, data)
    totals["characters_replaced"] = notes.replaced_characters
    manifest = plan | {"shards": statistics, "totals": totals}
    if notes.recognised:
        manifest["read_as"] = notes.recognised
    if not any(s["examples"] for s in statistics if s["split"] == "train"):
        for shard in statistics:  # another build would take them for its own
            (folder / shard["file"]).unlink()
            chunks.statistics_path(folder / shard["file"]).unlink(missing_ok=True)
        (folder / PLAN).unlink()
        raise BuildError(f"no training example in {inputs}: the text is empty")
    atomic_files.write_json(folder / MANIFEST, manifest)
    for shard in statistics:
        chunks.statistics_path(folder / shard["file"]).unlink(missing_ok=True)
    (folder / PLAN).unlink()
    reporter.finish(totals)
    warner.finish(statistics, totals)
    return manifest


def _record_settings(data):
    """The settings that the bytes of records depend on."""
    settings = config.to_dict(data)
    del settings["shuffle_buffer"]
    if data.encoding == encodings.UTF8:
        del settings["encoding"]  # as in folders of versions that did not have it
    if data.masking == "dynamic":
        for name in _MASKING_FIELDS:
            del settings[name]
    return settings


def _fingerprint(path):
    """SHA-256 of the vocabulary file, or of a folder's tokenizer files."""
    if not path.exists():
        raise ConfigError(f"there is no vocabulary {path}")
    files = [path]
    if path.is_dir():
        names = ("tokenizer.json", "vocab.txt", "spiece.model")
        files = [path / name for name in names if (path / name).exists()]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _require_same_plan(path, found, plan):
    differences = config.differing_fields(_comparable(found), _comparable(plan))
    if differences:
        raise ConfigError(
            f"{path.parent} holds records of another build; use another folder or "
            "delete it. What differs:\n  " + "\n  ".join(differences)
        )


def _comparable(plan):
    """The plan within a plan or manifest, with its list of inputs as a dict.

    Files count by name and size, wherever they are.
    """
    keys = ("settings", "seed", "tokenizer")
    inputs = {
        str(i): {**item, "name": Path(item["name"]).name}
        for i, item in enumerate(plan["inputs"])
    }
    return {"inputs": inputs} | {key: plan[key] for key in keys}


def _unfinished(documents, folder, data, seed, statistics, reporter):
    """Yields (chunk, copies to build); adds finished shards to `statistics`."""
    for chunk in chunks.group_documents(documents, data, seed):
        # Evaluation needs no copies: its masks are drawn once.
        dupes = range(data.dupe_factor if chunk.split == "train" else 1)
        missing = []
        for dupe in dupes:
            shard = folder / chunk.shard_name(dupe)
            path = chunks.statistics_path(shard)
            if shard.exists() and path.exists():
                found = json.loads(path.read_text(encoding="utf-8"))
                statistics.append(found)
                reporter.skip([found])
            else:
                missing.append(dupe)
        if missing:
            yield chunk, missing


def _run(arguments, work, num_workers):
    """Yields the statistics of each (chunk, copies), in the order of completion."""
    if num_workers == 1:
        for chunk, dupes in work:
            yield _build(arguments, chunk, dupes)
        return
    executor = concurrent.futures.ProcessPoolExecutor(
        num_workers, multiprocessing.get_context("spawn"), _start_worker
    )
    running = collections.deque()
    try:
        for chunk, dupes in work:
            running.append(executor.submit(_build, arguments, chunk, dupes))
            if len(running) >= _CHUNKS_IN_FLIGHT * num_workers:
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
    import tensorflow as tf

    # Workers share the cores among them, and text needs no accelerator.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.set_visible_devices([], "GPU")


def _build(arguments, chunk, dupes):
    # Imports tensorflow, hence not at the top: see the docstring of the module.
    from tf_pretrain.data import shards

    return shards.build_shards(shards.ShardSettings(*arguments), chunk, dupes)
