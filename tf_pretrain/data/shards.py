"""One task of the record builder: the text of a shard -> a finished TFRecord file."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from tf_pretrain import atomic_files
from tf_pretrain.config import DataConfig
from tf_pretrain.data import accents, masking, records, sentence_pairs, tokenization
from tf_pretrain.data import examples as examples_lib
from tf_pretrain.data.chunks import SPLITS, Chunk, statistics_path

_MASKING_ROWS = 1024  # examples masked at a time, few enough for the CPU caches


@dataclasses.dataclass(frozen=True)
class ShardSettings:
    """The settings that all shards of a build share."""

    tokenizer_path: str
    folder: str
    data: DataConfig
    seed: int


def build_shards(settings: ShardSettings, chunk: Chunk, dupes: list[int]) -> list[dict]:
    """Writes a shard for each of the copies `dupes` and, after it, its statistics.

    A shard depends on (text, seed, split, chunk, dupe), the data settings and the
    tokenizer. It does not depend on the process or on the order of the tasks.

    Returns:
        For each shard `file`, `split`, and counts: `documents`, those of one line
        (`one_line_documents`), `lines`, `examples`, `pieces` of the text, `pieces_kept`
        of these in examples, `pieces_unknown`, `real_tokens` (special tokens included),
        `text_bytes`, `letters` of the text, and by script those that accent stripping
        harms (`letters_harmed`, see `accents.count_harmed`).
    """
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
    letters, harmed = accents.count_harmed(chunk.documents, tokenizer)
    all_statistics = []
    for dupe in dupes:
        key = [settings.seed, SPLITS.index(chunk.split), chunk.number, dupe]
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
        examples = build(documents, rng, data)
        examples = [examples[i] for i in rng.permutation(len(examples))]
        features = _features(examples, rng, data, tokenizer)
        path = Path(settings.folder, chunk.shard_name(dupe))
        records.write_shard(path, records.encode_examples(features))
        statistics = {
            "file": path.name,
            "split": chunk.split,
            "documents": len(chunk.documents),
            "one_line_documents": sum(len(d) == 1 for d in chunk.documents),
            "lines": sum(map(len, chunk.documents)),
            "examples": len(examples),
            "pieces": len(ids),
            "pieces_kept": sum(
                len(e.segment_a) + (0 if e.is_b_random else len(e.segment_b))
                for e in examples
            ),
            "pieces_unknown": int((ids == tokenizer.unk_id).sum()),
            "real_tokens": int(features["input_mask"].sum()),
            "text_bytes": chunk.text_bytes,
            "letters": letters,
            "letters_harmed": harmed,
        }
        atomic_files.write_json(statistics_path(path), statistics)
        all_statistics.append(statistics)
    return all_statistics


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
