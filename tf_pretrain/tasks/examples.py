"""Texts of a split as ids, and statistics that are shown before training."""

import dataclasses
import typing

import numpy as np

from tf_pretrain.data.build_warnings import MAX_UNKNOWN, wrong_setting
from tf_pretrain.data.text_features import encode_pairs
from tf_pretrain.tasks.task import Split


@dataclasses.dataclass(frozen=True)
class Examples:
    """A split as ids.

    Attributes:
        input_ids, segment_ids: Lists of N int32 arrays, not padded.
        labels: int32 or float32 [N]; zeros if the split has none.
    """

    input_ids: list[np.ndarray]
    segment_ids: list[np.ndarray]
    labels: np.ndarray

    evaluation_rows: typing.ClassVar[int] = 64  # of a batch that is only predicted
    # whether all examples are padded to the largest length
    pads_fully: typing.ClassVar[bool] = False

    def __len__(self):
        return len(self.input_ids)

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(ids) for ids in self.input_ids])

    def features(self, indices, length, rows) -> dict[str, np.ndarray]:
        """A batch of these examples.

        Args:
            indices: Indices of the examples.
            length: Length to which inputs are padded.
            rows: Number of rows of the batch; rows without an example are empty.
        """
        ids = [self.input_ids[index] for index in indices]
        segments = [self.segment_ids[index] for index in indices]
        labels = padded_values(self.labels[indices], rows)
        return {**padded_inputs(ids, segments, length, rows), "labels": labels}


def padded_inputs(ids, segments, length, rows) -> dict[str, np.ndarray]:
    """`input_ids`, `input_mask` and `segment_ids`, int32 [rows, length].

    Args:
        ids, segments: Lists of int32 arrays, at most `rows` of them.
    """
    features = {
        name: np.zeros((rows, length), np.int32)
        for name in ("input_ids", "input_mask", "segment_ids")
    }
    # A row that only fills the batch attends to one token, because every row must.
    features["input_mask"][:, 0] = 1
    for row, (row_ids, row_segments) in enumerate(zip(ids, segments, strict=True)):
        features["input_ids"][row, : len(row_ids)] = row_ids
        features["input_mask"][row, : len(row_ids)] = 1
        features["segment_ids"][row, : len(row_ids)] = row_segments
    return features


def padded_values(values, rows) -> np.ndarray:
    """One value for each row, and zeros for rows that only fill the batch."""
    values = np.asarray(values)
    padded = np.zeros((rows, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded


def encode_split(split: Split, tokenizer, max_seq_length) -> Examples:
    """Tokenises a split."""
    labels = split.labels
    if labels is None:
        labels = np.zeros(len(split), np.int32)
    ids, segments = encode_pairs(
        tokenizer, split.texts_a, split.texts_b, max_seq_length
    )
    return Examples(ids, segments, labels)


def describe(splits: dict[str, Examples], tokenizer, max_seq_length) -> str:
    """Lengths in pieces, how many examples are truncated, and the unknown pieces.

    If the share of unknown pieces exceeds MAX_UNKNOWN, there is a warning with the
    likely cause.
    """
    unknown_piece = tokenizer.id_to_piece(tokenizer.unk_id)
    lines, unknown, total = [], 0, 0
    for name, examples in splits.items():
        lengths = examples.lengths
        ids = np.concatenate(examples.input_ids)
        pieces = np.sum((ids != tokenizer.cls_id) & (ids != tokenizer.sep_id))
        missed = np.sum(ids == tokenizer.unk_id)
        lines.append(
            f"  {name}: {np.median(lengths):.0f} pieces (median), "
            f"{np.percentile(lengths, 95):.0f} (95 %), {lengths.max()} at most; "
            f"{np.mean(lengths == max_seq_length):.1%} fill {max_seq_length} and may "
            f"be cut; {missed / max(1, pieces):.1%} of the pieces are {unknown_piece}"
        )
        unknown, total = unknown + missed, total + pieces
    if unknown > MAX_UNKNOWN * total:
        lines.append(
            f"warning: {unknown / total:.1%} of the pieces are {unknown_piece}: the "
            f"network cannot see these words. {_advice(tokenizer)}"
        )
    return "\n".join(lines)


def _advice(tokenizer):
    """Why the vocabulary may not fit, and which flag to set."""
    found = wrong_setting(tokenizer)
    if found is None:
        return (
            "Probably the vocabulary was made for another language or script, or for "
            "text of another casing. Set --init_checkpoint to an encoder that was "
            "pretrained on text like yours."
        )
    name, evidence = found
    return (
        f"{evidence}. Set --init_checkpoint to an encoder that was pretrained with "
        f"--config.data.{name}=false; this one's tokenizer has {name}=true."
    )
