"""`data.alignment` as graph operations."""

import tensorflow as tf

from tf_pretrain.data.alignment import MAX_CELLS

_UP, _LEFT, _MATCH = 0, 1, 2


def align(wanted, glued):
    """Pairs of matching characters of a text and of what its clean-up made of it.

    Args:
        wanted: int32 [n], each character of the text after the clean-up, or -1 for one
            that became none or several.
        glued: int32 [m], the cleaned text with a blank in front.

    Returns:
        int32 [pairs, 2], rising: places in both. None at all if not more than 0.8 of
        the text's characters have a partner.
    """
    n, m = tf.size(wanted), tf.size(glued)
    places = tf.range(n)
    is_same = tf.cond(
        tf.equal(n, m - 1),
        lambda: tf.reduce_all(wanted == glued[1:]),
        lambda: tf.constant(False),
    )
    width = tf.abs(n - m) + 5
    return tf.cond(
        is_same,
        lambda: tf.stack([places, places + 1], axis=1),
        lambda: tf.cond(
            tf.minimum(n, m) > 0,
            lambda: _within(wanted, glued, width, lambda: _wider(wanted, glued, width)),
            _nothing,
        ),
    )


def _nothing():
    return tf.zeros([0, 2], tf.int32)


def _wider(wanted, glued, width):
    return _within(wanted, glued, 2 * width, _nothing)


def _within(wanted, glued, width, otherwise):
    """The pairs within `width` of the diagonal, or else those of `otherwise`."""
    n = tf.size(wanted)
    cells = tf.cast(n, tf.int64) * tf.cast(2 * width, tf.int64)

    def search():
        matched, moves = _table(wanted, glued, width)
        return tf.cond(
            tf.cast(matched, tf.float64) > 0.8 * tf.cast(n, tf.float64),
            lambda: _trace_back(moves, n, tf.size(glued), width),
            otherwise,
        )

    return tf.cond(cells <= MAX_CELLS, search, _nothing)


def _table(wanted, glued, width):
    """The length of the longest common subsequence, and moves int8 [n, 2 * width].

    Row i holds columns i - width to i + width - 1, so column j is cell j - i + width.
    """
    n, m = tf.size(wanted), tf.size(glued)
    # -2 matches nothing: columns outside of the text.
    border = tf.fill([width], -2)
    padded = tf.concat([border, glued, tf.fill([width + tf.maximum(n - m, 0)], -2)], 0)
    offsets = tf.range(-width, width)

    def body(i, above, moves):
        columns = i + offsets
        is_column = (columns >= 0) & (columns < m)
        is_match = padded[i : i + 2 * width] == wanted[i]
        up = above[1:]  # column j of row i - 1
        diagonal = tf.where(columns == 0, 0, above[:-1]) + 1
        lengths = tf.maximum(_without_fall(up), _last_before(is_match, diagonal))
        lengths = tf.where(is_column, lengths, 0)
        left = tf.concat([[0], lengths[:-1]], axis=0)
        best = tf.maximum(up, left)
        up_or_none = tf.where(i > 0, _UP, -1)
        move = tf.where(left > up, _LEFT, up_or_none)
        move = tf.where(is_match & (diagonal > best), _MATCH, move)
        move = tf.cast(tf.where(is_column, move, -1), tf.int8)
        return i + 1, tf.concat([lengths, [0]], axis=0), moves.write(i, move)

    moves = tf.TensorArray(tf.int8, n, infer_shape=False, element_shape=[None])
    _, above, moves = tf.while_loop(
        lambda i, *_: i < n,
        body,
        (0, tf.zeros([2 * width + 1], tf.int32), moves),
        parallel_iterations=1,
    )
    last = m - n + width
    is_inside = (last >= 0) & (last < 2 * width)
    matched = tf.where(is_inside, above[tf.clip_by_value(last, 0, 2 * width)], 0)
    return matched, moves.stack()


def _without_fall(up):
    """Lengths of the row above, which never fall but for the cell outside of it."""
    return tf.concat([up[:-1], up[-2:-1]], axis=0)


def _last_before(is_match, values):
    """The value of the last match up to each cell, or 0. It is the largest one."""
    found = tf.boolean_mask(values, is_match)
    return tf.gather(tf.concat([[0], found], 0), tf.cumsum(tf.cast(is_match, tf.int32)))


def _trace_back(moves, n, m, width):
    def is_open(i, j, _):
        cell = j - i + width
        return (i >= 0) & (j >= 0) & (cell >= 0) & (cell < 2 * width)

    def body(i, j, pairs):
        move = tf.cast(moves[i, j - i + width], tf.int32)
        is_match = tf.equal(move, _MATCH)
        pairs = pairs.write(
            pairs.size(), tf.where(is_match, tf.stack([i, j]), tf.constant([-1, -1]))
        )
        i_step = tf.cast(tf.not_equal(move, _LEFT), tf.int32)
        j_step = tf.cast(tf.not_equal(move, _UP), tf.int32)
        # No move leads further from here.
        ends = tf.equal(move, -1)
        return tf.where(ends, -1, i - i_step), j - j_step, pairs

    pairs = tf.TensorArray(tf.int32, 0, dynamic_size=True, element_shape=[2])
    _, _, pairs = tf.while_loop(
        is_open, body, (n - 1, m - 1, pairs), parallel_iterations=1
    )
    pairs = pairs.stack()[::-1]
    return tf.boolean_mask(pairs, pairs[:, 0] >= 0)


def start_of(pairs, places, target_size):
    """The partners of first characters, as `PartialMap.start`: int32 [k].

    Args:
        pairs: int32 [p, 2], rising: a place and its partner; one or more.
        places: int32 [k].
        target_size: Length of the partners' text.
    """
    exact, front, rear = _neighbours(pairs, places)
    behind = tf.minimum(front + 1, target_size - 1)
    start = tf.where(rear > front + 1, front + 1, rear)
    start = tf.where(rear < 0, behind, start)
    return tf.where(exact, rear, tf.where(front < 0, 0, start))


def end_of(pairs, places, target_size):
    """The partners of last characters, as `PartialMap.end`: int32 [k]."""
    exact, front, rear = _neighbours(pairs, places)
    end = tf.where(rear > front + 1, rear - 1, front)
    end = tf.where(rear < 0, target_size - 1, end)
    return tf.where(exact, rear, tf.where(front < 0, tf.maximum(rear - 1, 0), end))


def _neighbours(pairs, places):
    """Whether a place has a partner, and those before and at or behind it, or -1."""
    none = tf.constant([-1])
    partners = tf.concat([none, pairs[:, 1], none], axis=0)
    index = tf.searchsorted(pairs[:, 0], places)
    found = tf.gather(tf.concat([pairs[:, 0], none], axis=0), index)
    return found == places, tf.gather(partners, index), tf.gather(partners, index + 1)
