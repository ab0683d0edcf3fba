"""A BERT as transformers writes it, small enough for tests."""

import pytest

SPECIAL_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def save_tiny_bert(folder, words, **settings) -> None:
    """Writes a BERT with random weights, seed 0, and a vocabulary of these words.

    Args:
        folder: It exists and is empty.
        settings: Further arguments of transformers.BertConfig.
    """
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch").manual_seed(0)
    pieces = SPECIAL_PIECES + list(words)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    config = transformers.BertConfig(
        vocab_size=len(pieces),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        **settings,
    )
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(
        folder
    )
