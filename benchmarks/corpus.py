"""Text, vocabulary and batches that both sides of a comparison read.

Made once for each input and kept in a folder: `wordpiece/` and `sentencepiece/` hold a
tokenizer and records; `NAME.npz` the batches of a model.
"""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from tf_pretrain.config import DataConfig, PretrainConfig, TrainConfig

NUM_BATCHES = 8  # different ones, so that no step sees the batch of the last one


def electra_config(batch_size=16, length=128) -> PretrainConfig:
    """ELECTRA-Small as in the paper, dropout included."""
    return PretrainConfig(
        data=DataConfig(max_seq_length=length),
        train=TrainConfig(batch_size=batch_size),
    )


def albert_config(batch_size=8, length=128) -> PretrainConfig:
    """ALBERT-base version 2 (no dropout) at the length of the comparison."""
    from configs import albert

    config = albert.get_config("base_v2")
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, max_seq_length=length, dupe_factor=1),
        train=dataclasses.replace(config.train, batch_size=batch_size),
    )


CONFIGS = {"electra": electra_config, "albert": albert_config}


def folder_for(cache: str, inputs: str) -> Path:
    """Where what is made from these inputs is kept."""
    digest = hashlib.sha256(inputs.encode()).hexdigest()[:8]
    return Path(cache, f"{Path(inputs).stem.replace('*', '')}-{digest}")


def prepare(folder: str, inputs: str, model: str):
    """Makes tokenizer, records and batches of a model, unless they are there.

    A contestant's target, because the package imports TensorFlow.
    """
    from tf_pretrain.data import batches, record_sets, tokenization, vocabulary
    from tf_pretrain.data.build_records import build_records

    config, folder = CONFIGS[model](), Path(folder)
    records = folder / config.data.tokenizer
    vocabulary.prepare_tokenizer(config, inputs, None, records)
    build_records(inputs, records, records, config.data, config.seed, 2)
    path = folder / f"{model}.npz"
    if not path.exists():
        stream = batches.training_batches(
            record_sets.find_records(str(records / "train-*.tfrecord")),
            config.data,
            tokenization.load_tokenizer(records),
            config.seed,
            config.train.batch_size,
        )
        arrays = {
            f"{step}/{name}": value.numpy()
            for step, features in enumerate(stream.take(NUM_BATCHES))
            for name, value in features.items()
        }
        np.savez(path, **arrays)
    return lambda: {}


def load_batches(folder: str, model: str) -> list[dict[str, np.ndarray]]:
    """The batches that `prepare` kept, as dicts of features."""
    batches = [{} for _ in range(NUM_BATCHES)]
    with np.load(Path(folder, f"{model}.npz")) as arrays:
        for key in arrays.files:
            step, name = key.split("/")
            batches[int(step)][name] = arrays[key]
    return batches


def real_tokens(batch) -> int:
    """Tokens of a batch that are not padding."""
    return int(batch["input_mask"].sum())


def words(inputs: str, count: int) -> list[str]:
    """The first words of the text, from the start again as often as needed."""
    from tf_pretrain.data import text

    found = []
    while len(found) < count:
        for document in text.iter_documents(inputs):
            found += " ".join(document).split()
            if len(found) >= count:
                break
    return found[:count]


def text_of(folder: str, pieces: int) -> str:
    """Text that becomes so many pieces, [CLS] and [SEP] counted: whole words."""
    vocabulary = Path(folder, "wordpiece", "vocab.txt").read_text(encoding="utf-8")
    whole = [
        word for word in vocabulary.split("\n") if word.isalpha() and len(word) > 3
    ]
    return " ".join(whole[: pieces - 2])
