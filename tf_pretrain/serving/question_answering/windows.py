"""`tasks.question_answering.windows` as graph operations, for B questions at once."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Windows:
    """The windows of B questions, one question's after another's; all are [W].

    Attributes:
        rows: int64, the question of each.
        starts, lengths: int64, the part of its context's pieces, whose numbers go on
            from one context to the next.
        text_starts: int64, the position of the first piece in the input.
        counts: int64 [B], the windows of each question.
    """

    rows: tf.Tensor
    starts: tf.Tensor
    lengths: tf.Tensor
    text_starts: tf.Tensor
    counts: tf.Tensor


def cut_windows(question_lengths, piece_splits, max_seq_length, stride) -> Windows:
    """All windows.

    Args:
        question_lengths: int64 [B], in pieces.
        piece_splits: int64 [B + 1], the pieces of the contexts.
        max_seq_length: Most ids of an input.
        stride: Pieces from one window to the next.
    """
    rooms = max_seq_length - question_lengths - 3
    sizes = piece_splits[1:] - piece_splits[:-1]
    steps = tf.minimum(rooms, stride)
    more = tf.maximum(sizes - rooms, 0)
    counts = tf.where(sizes > 0, 1 + (more + steps - 1) // steps, 0)
    rows = tf.repeat(tf.range(tf.size(counts, tf.int64)), counts)
    first_windows = tf.cumsum(counts, exclusive=True)
    number = tf.range(tf.size(rows, tf.int64)) - tf.gather(first_windows, rows)
    offsets = number * tf.gather(steps, rows)
    lengths = tf.minimum(tf.gather(sizes, rows) - offsets, tf.gather(rooms, rows))
    return Windows(
        rows,
        tf.gather(piece_splits, rows) + offsets,
        lengths,
        tf.gather(question_lengths, rows) + 2,
        counts,
    )


def max_context(windows: Windows, num_pieces):
    """The window in which each piece has most context: int64 [pieces]."""
    parts = tf.ragged.range(windows.starts, windows.starts + windows.lengths)
    pieces, owners = parts.values, parts.value_rowids()
    left = pieces - tf.gather(windows.starts, owners)
    lengths = tf.gather(windows.lengths, owners)
    score = tf.cast(tf.minimum(left, lengths - 1 - left), tf.float64)
    score += 0.01 * tf.cast(lengths, tf.float64)
    best = tf.math.unsorted_segment_max(score, pieces, num_pieces)
    none = tf.size(windows.starts, tf.int64)
    candidates = tf.where(score == tf.gather(best, pieces), owners, none)
    return tf.math.unsorted_segment_min(candidates, pieces, num_pieces)
