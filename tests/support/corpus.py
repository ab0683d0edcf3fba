"""A small corpus of invented words, and records built from it."""

from pathlib import Path

import numpy as np

from tf_pretrain.config import DataConfig
from tf_pretrain.data import text, tokenization, vocabulary
from tf_pretrain.data.build_records import build_records

_SYLLABLES = "ba ke li mo nu ra se ti vo za che dru fle gno".split()


def write_corpus(path: Path, documents=60, seed=0) -> Path:
    """Documents of sentences, one a line, whose words follow a crude grammar."""
    rng = np.random.default_rng(seed)
    words = [
        "".join(rng.choice(_SYLLABLES, size)) for size in (2, 3) for _ in range(40)
    ]
    lines = []
    for _ in range(documents):
        topic = rng.integers(0, 60)
        for _ in range(rng.integers(3, 8)):
            picks = (topic + rng.integers(0, 12, rng.integers(5, 12))) % len(words)
            lines.append(" ".join(words[i] for i in picks) + " .")
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def build_tiny_records(folder: Path, masking="dynamic", length=24):
    """Records of the corpus in a folder; returns (data config, tokenizer)."""
    folder.mkdir(parents=True, exist_ok=True)
    source = write_corpus(folder / "corpus.txt")
    data = DataConfig(
        max_seq_length=length,
        masking=masking,
        example_format="electra" if masking == "dynamic" else "sentence_order",
        shard_size_mb=0.004,
        heldout_fraction=0.1,
        max_predictions_per_seq=5,
        shuffle_buffer=16,
    )
    vocabulary.train_vocabulary(
        text.iter_documents(str(source)), "wordpiece", 120, folder
    )
    build_records(str(source), folder, folder, data, seed=0, progress=None)
    return data, tokenization.load_tokenizer(folder)
