"""Builds one task of the record builder: its text -> finished TFRecord files."""

import collections
import dataclasses
import functools
import json
from collections.abc import Iterator

import numpy as np

from tf_pretrain import atomic_files, storage
from tf_pretrain.config import DataConfig
from tf_pretrain.data import (
    accents,
    chunks,
    deduplication,
    masking,
    records,
    sentence_pairs,
    tokenization,
)
from tf_pretrain.data import examples as examples_lib
from tf_pretrain.data.chunks import HELDOUT, SPLITS, TRAIN, Chunk, Task, group_documents
from tf_pretrain.data.text import Notes

_MASKING_ROWS = 1024  # examples masked at a time, few enough for the CPU caches


@dataclasses.dataclass(frozen=True)
class BuildSettings:
    """The settings that all tasks of a build share.

    Attributes:
        tokenizer_path: See `tokenization.load_tokenizer`.
        folder: Of the records; a path or a URL.
        data: The settings.
        seed: Of examples, masks and held-out documents.
        heldout_below: See `chunks.heldout_bound`.
    """

    tokenizer_path: str
    folder: str
    data: DataConfig
    seed: int
    heldout_below: float


def build_task(settings: BuildSettings, task: Task) -> dict:
    """Builds the shards of a task that are not finished; both engines call this.

    The result depends on the arguments and the text only. So any process may repeat
    the task, even two processes at the same time.

    Returns:
        The state of the task, as in its file in the folder: `shards`, the statistics
        of each (see `build_shards`), and counts of the units' text:
        `characters_replaced` and `duplicate_lines` (left out). `was_finished`
        says that nothing was left to do.
    """
    path = storage.path(settings.folder) / task.state_name
    state = read_state(path) or {"is_finished": False, "shards": []}
    state["was_finished"] = state["is_finished"]
    if state["is_finished"]:
        return state
    # Evaluation needs no copies: its masks are drawn once.
    dupes = range(settings.data.dupe_factor if task.split == TRAIN else 1)
    finished = {shard["file"] for shard in state["shards"]}
    counts = collections.Counter()
    documents = selected_documents(settings, task, counts)
    for chunk in group_documents(task, documents, settings.data):
        missing = [d for d in dupes if chunk.shard_name(d) not in finished]
        for statistics in build_shards(settings, chunk, missing):
            state["shards"].append(statistics)
            atomic_files.write_json(path, state, is_shared=True)
    state |= {"is_finished": True, **counts}
    atomic_files.write_json(path, state, is_shared=True)
    return state


def read_state(path) -> dict | None:
    """The state that `build_task` wrote; None if it wrote none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def selected_documents(
    settings: BuildSettings, task: Task, counts: dict
) -> Iterator[tuple[list[str], int]]:
    """Yields the documents of the task's split and the bytes of each.

    At the end, `counts` gets what was counted on the way. This is done for the split
    "train" only, because its tasks together read each unit once.
    """
    notes, data = Notes(), settings.data
    found = collections.Counter()
    for unit in task.units:
        repeats = frozenset()
        if data.deduplicate_min_chars:
            repeats = deduplication.read_repeats(settings.folder, unit.number)
        line = 0
        for document in chunks.unit_documents(unit, data, notes):
            # The whole document decides on its split, whatever is left of it.
            value = chunks.uniform_hash(chunks.join(document), settings.seed)
            kept = [x for i, x in enumerate(document, line) if i not in repeats]
            line += len(document)
            size = len(chunks.join(kept)) + 1
            found["duplicate_lines"] += len(document) - len(kept)
            is_heldout = value < settings.heldout_below
            if kept and is_heldout == (task.split == HELDOUT):
                yield kept, size
    if task.split == TRAIN:
        counts |= found | {"characters_replaced": notes.replaced_characters}


def build_shards(
    settings: BuildSettings, chunk: Chunk, dupes: list[int]
) -> Iterator[dict]:
    """Writes a shard for each of the copies `dupes`.

    A shard is a function of (text, seed, split, task, part, dupe), the data settings
    and the tokenizer.

    Yields:
        For each shard, once it is written, `file`, `split`, and counts: `documents`,
        those of one line (`one_line_documents`), `lines`, `examples`, `pieces` of the
        text, `pieces_kept` of these in examples, `pieces_unknown`, `real_tokens`
        (special tokens included), `text_bytes`, `letters` of the text, and by script
        those that accent stripping harms (`letters_harmed`, see
        `accents.count_harmed`).
    """
    if not dupes:
        return
    data = settings.data
    tokenizer = _load_tokenizer(settings)
    ids, row_splits = tokenizer.tokenize([line for d in chunk.documents for line in d])
    documents = examples_lib.make_documents(
        ids, row_splits, [len(d) for d in chunk.documents], tokenizer.is_word_start
    )
    build = (
        examples_lib.electra_examples
        if data.example_format == "electra"
        else sentence_pairs.sentence_pair_examples
    )
    counts = _text_counts(chunk, ids, tokenizer)
    split = SPLITS.index(chunk.split)
    for dupe in dupes:
        key = [settings.seed, split, chunk.task, chunk.part, dupe]
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
        examples = build(documents, rng, data)
        examples = [examples[i] for i in rng.permutation(len(examples))]
        features = _features(examples, rng, data, tokenizer)
        path = storage.path(settings.folder) / chunk.shard_name(dupe)
        records.write_shard(path, records.encode_examples(features))
        yield {
            "file": path.name,
            "split": chunk.split,
            **counts,
            "examples": len(examples),
            "pieces_kept": sum(
                len(e.segment_a) + (0 if e.is_b_random else len(e.segment_b))
                for e in examples
            ),
            "real_tokens": int(features["input_mask"].sum()),
        }


def _text_counts(chunk, ids, tokenizer):
    """The statistics that all copies of a chunk have in common."""
    letters, harmed = accents.count_harmed(chunk.documents, tokenizer)
    return {
        "documents": len(chunk.documents),
        "one_line_documents": sum(len(d) == 1 for d in chunk.documents),
        "lines": sum(map(len, chunk.documents)),
        "text_bytes": chunk.text_bytes,
        "letters": letters,
        "letters_harmed": harmed,
        "pieces": len(ids),
        "pieces_unknown": int((ids == tokenizer.unk_id).sum()),
    }


@functools.lru_cache(maxsize=1)  # a worker builds many shards with one tokenizer
def _load_tokenizer(settings):
    return tokenization.load_tokenizer(
        settings.tokenizer_path, settings.data.lower_case, settings.data.strip_accents
    )


def _features(examples, rng, data, tokenizer):
    """The arrays of a shard's records, as `records.feature_spec` lists them."""
    features = examples_lib.pack_examples(
        examples, data.max_seq_length, tokenizer.cls_id, tokenizer.sep_id
    )
    input_ids, input_mask = features["input_ids"], features["input_mask"]
    if data.example_format == "electra":
        del features["next_sentence_labels"]
    else:
        is_start = tokenizer.is_word_start[input_ids]  # [CLS] and [SEP] count
        features["token_boundary"] = is_start & (input_mask > 0)
    if data.masking == "static":
        settings = masking.MaskingSettings.from_config(data, tokenizer)
        shape = (*input_ids.shape, data.num_predictions)
        noise = masking.draw_noise(rng, *shape)
        parts = [
            masking.mask_tokens(
                noise.rows(rows), input_ids[rows], input_mask[rows], settings
            )
            for rows in _row_slices(len(examples))
        ]
        masked = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        features |= masked | {"input_ids": masked["masked_input_ids"]}
        del features["masked_input_ids"]
    return features


def _row_slices(num_rows):
    """Slices that cover all rows; one empty slice if there are no rows."""
    starts = range(0, max(num_rows, 1), _MASKING_ROWS)
    return [slice(start, start + _MASKING_ROWS) for start in starts]
