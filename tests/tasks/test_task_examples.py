"""What is said of a task's texts before training."""

import numpy as np
import pytest

from tf_pretrain.data.tokenization import WordPieceTokenizer
from tf_pretrain.tasks import examples
from tf_pretrain.tasks.task import Split

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def described(folder, pieces, texts, texts_b=None, lower_case=True):
    path = folder / "vocab.txt"
    path.write_text("\n".join([*SPECIAL, *pieces]) + "\n")
    tokenizer = WordPieceTokenizer(path, lower_case)
    split = Split(texts, texts_b, np.zeros(len(texts), np.int32))
    encoded = examples.encode_split(split, tokenizer, 8)
    return examples.describe({"train": encoded}, tokenizer, 8)


def test_lengths_and_the_share_of_unknown_pieces(tmp_path):
    """Lengths are 3, 4 and 8, cut from 12; 1 of 9 and of 19 pieces is unknown."""
    texts = ["good", "good bad", "good " * 10]
    text = described(tmp_path, ["good"], texts)
    assert text.splitlines()[0] == (
        "  train: 4 pieces (median), 8 (95 %), 8 at most; 33.3% fill 8 and may be cut; "
        "11.1% of the pieces are [UNK]"
    )
    pairs = described(tmp_path, ["good"], texts[:2], ["good", "good good good"])
    assert "14.3% of the pieces are [UNK]" in pairs  # 1 of 7
    assert described(tmp_path, ["good", "bad"], texts).count("\n") == 0


@pytest.mark.parametrize(
    "pieces, cause",
    [
        (
            ["Good", "Bad", "film"],
            r"2 of its 3 pieces are such as lower-cased text never gives ('Bad'). Set "
            "--init_checkpoint to an encoder that was pretrained with "
            "--config.data.lower_case=false; this one's tokenizer has lower_case=true.",
        ),
        (
            ["좋은", "영화", "film"],
            "2 of its 3 pieces are such as text without accents never gives ('영화'). "
            "Set --init_checkpoint to an encoder that was pretrained with "
            "--config.data.strip_accents=false; this one's tokenizer has "
            "strip_accents=true.",
        ),
        (
            ["bon", "mauvais", "film"],
            "Probably the vocabulary was made for another language or script, or for "
            "text of another casing. Set --init_checkpoint to an encoder that was "
            "pretrained on text like yours.",
        ),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_explained(tmp_path, pieces, cause):
    texts = ["Good film", "Bad film"]
    if pieces[0] == "좋은":
        texts = ["좋은 film", "영화 film"]
    warning = described(tmp_path, pieces, texts).splitlines()[1]
    assert warning == (
        "warning: 50.0% of the pieces are [UNK]: the network cannot see these words. "
        + cause
    )
    if pieces[0] == "Good":
        fitting = described(tmp_path, pieces, texts, lower_case=False)
        assert "0.0% of the pieces are [UNK]" in fitting and "warning" not in fitting
