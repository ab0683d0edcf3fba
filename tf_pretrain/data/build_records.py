"""Text to TFRecord shards: planned here, built by an engine, resumable.

The input is cut into tasks by the sizes of its files (`chunks`). A task is built by
`shards.build_task`, in processes of this machine (`local_engine`) or of many
(`beam_engine`). A shard is a function of its task, the settings and the seed, so the
bytes depend neither on the engine, nor on the number of workers, nor on where an
earlier build was killed. This process does not import tensorflow, which alone costs
0.5 GB.
"""

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tf_pretrain import atomic_files, config, storage
from tf_pretrain.config import DataConfig
from tf_pretrain.data import (
    build_warnings,
    chunks,
    deduplication,
    encodings,
    local_engine,
    sources,
)
from tf_pretrain.data.chunks import Task
from tf_pretrain.data.local_engine import BuildError
from tf_pretrain.data.progress import Progress, print_line
from tf_pretrain.data.shards import BuildSettings, build_task
from tf_pretrain.data.text_files import Notes
from tf_pretrain.errors import ConfigError

MANIFEST = "manifest.json"
PLAN = "build.json"  # what an unfinished build is made of
# How text becomes shards. A build that another version began cannot be continued.
_LAYOUT = 2
Engine = Callable[[BuildSettings, list[Task]], Iterator[dict]]
_MASKING_FIELDS = (
    "masked_lm_prob",
    "max_predictions_per_seq",
    "mask_token_prob",
    "random_token_prob",
    "whole_word_masking",
    "max_ngram",
    "legacy_duplicate_masking",
)


def build_records(
    inputs: str | list[str],
    tokenizer_path: str | os.PathLike,
    output_folder: str | os.PathLike,
    data: DataConfig,
    seed: int,
    num_workers: int = 1,
    progress: Callable[[str], None] | None = print_line,
    engine: Engine | None = None,
) -> dict:
    """Builds `train-*.tfrecord` and `heldout-*.tfrecord` in a folder.

    An interrupted build goes on where it was; a finished one is returned as it is.

    Args:
        inputs: See `text.iter_documents`.
        tokenizer_path: See `tokenization.load_tokenizer`.
        output_folder: A path or a URL; made if missing.
        data: The settings; see `chunks.heldout_bound` for what is held out.
        seed: Of examples, masks and held-out documents.
        num_workers: Processes; 1 works in this one.
        progress: Called with a line now and then; None for silence.
        engine: Builds all tasks and yields their states (see `shards.build_task`), in
            any order. By default it is `num_workers` processes of this machine.

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
    folder = storage.path(output_folder)
    notes = Notes(progress)
    found = sources.find_sources(inputs, data.encoding, notes)
    plan = _plan(found, tokenizer_path, data, seed)
    if (finished := _begin(folder, plan)) is not None:
        return finished
    units = chunks.plan_units(found, data.shard_size_mb)
    tasks = chunks.plan_tasks(units, data.heldout_fraction)
    bound = chunks.heldout_bound(units, data, seed)
    settings = BuildSettings(str(tokenizer_path), str(folder), data, seed, bound)
    warner = build_warnings.Warner(data, tokenizer_path, progress)
    reporter = Progress(plan["inputs"], data.dupe_factor, progress)
    states = []
    for state in (engine or _local_engine(num_workers))(settings, tasks):
        states.append(state)
        if engine is None:  # others show the progress of their jobs themselves
            reporter.add(state)
            warner.look(states)
    manifest = plan | _summary(states, data)
    if notes.recognised:
        manifest["read_as"] = notes.recognised
    _finish(folder, tasks, manifest)
    reporter.finish(manifest["totals"])
    warner.finish(manifest["shards"], manifest["totals"])
    return manifest


def _plan(found, tokenizer_path, data, seed):
    """What the bytes of the records depend on."""
    return {
        "layout": _LAYOUT,
        "inputs": [source.description() for source in found],
        "settings": _record_settings(data),
        "seed": seed,
        "tokenizer": _fingerprint(storage.path(tokenizer_path)),
    }


def _local_engine(num_workers) -> Engine:
    """Processes of this machine."""

    def run(settings, tasks):
        data, folder = settings.data, settings.folder
        if data.deduplicate_min_chars:
            units = chunks.train_units(tasks)
            deduplication.find_locally(folder, units, data, num_workers)
        build = functools.partial(build_task, settings)
        yield from local_engine.run(build, tasks, num_workers)

    return run


def _begin(folder, plan):
    """Writes the plan; returns the manifest if the folder's build is finished."""
    for name in (MANIFEST, PLAN):
        path = folder / name
        if path.exists():
            if name == PLAN and not any(folder.glob("*.tfrecord")):
                continue  # nothing was built: say, the text had another encoding
            found = json.loads(path.read_text(encoding="utf-8"))
            if name == MANIFEST:
                found.setdefault("layout", _LAYOUT)  # finished, so any will do
            _require_same_plan(path, found, plan)
            if name == MANIFEST:
                return found
    storage.make_folder(folder)
    for left_over in folder.glob(f"*.tfrecord*{atomic_files.TEMPORARY_SUFFIX}"):
        left_over.unlink()
    atomic_files.write_json(folder / PLAN, plan)
    return None


def _summary(states, data):
    """The statistics of all shards, and their totals."""
    statistics = [shard for state in states for shard in state["shards"]]
    statistics.sort(key=lambda shard: shard["file"])
    totals = build_warnings.totals(statistics, data)
    for name in build_warnings.TEXT_COUNTS:
        totals[name] = sum(state.get(name, 0) for state in states)
    return {"shards": statistics, "totals": totals}


def _finish(folder, tasks, manifest):
    """Writes the manifest in place of what only an unfinished build needs."""
    is_empty = not any(
        shard["examples"]
        for shard in manifest["shards"]
        if shard["split"] == chunks.TRAIN
    )
    if is_empty:  # another build would take its shards for its own
        for shard in manifest["shards"]:
            (folder / shard["file"]).unlink()
    else:
        atomic_files.write_json(folder / MANIFEST, manifest)
    for task in tasks:
        (folder / task.state_name).unlink(missing_ok=True)
    deduplication.remove(folder)
    (folder / chunks.TASKS).unlink(missing_ok=True)
    (folder / PLAN).unlink()
    if is_empty:
        names = ", ".join(item["name"] for item in manifest["inputs"][:3])
        raise BuildError(f"no training example in {names}: the text is empty")


def _record_settings(data):
    """The settings that the bytes of records depend on."""
    settings = config.to_dict(data)
    del settings["shuffle_buffer"]
    # As in folders of versions that did not have these.
    if data.encoding == encodings.UTF8:
        del settings["encoding"]
    if not data.deduplicate_min_chars:
        del settings["deduplicate_min_chars"]
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
    if found.get("layout") != plan["layout"]:
        raise ConfigError(
            f"{path.parent} holds a build that another version of the program began; "
            "delete it or use another folder"
        )
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
