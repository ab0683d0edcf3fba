"""`tasks.question_answering.answers` as graph operations."""

import collections

import tensorflow as tf

from tf_pretrain.serving.question_answering.windows import max_context

# Spans in the order in which they were found: the question int64 [n], first and last
# piece int64 [n], the sum of both scores float64 [n].
Spans = collections.namedtuple("Spans", "rows firsts lasts scores")


def candidates(outputs, width):
    """The candidates of each window, from what a head predicts.

    Args:
        outputs: See models/span_heads.py.
        width: The number of starts, and of ends of each.

    Returns:
        Start and end positions int32 [W, C], and their scores float32 [W, C]; C is the
        square of `width`.
    """
    if "start_logits" in outputs:
        start_scores, starts = tf.math.top_k(outputs["start_logits"], width)
        end_scores, ends = tf.math.top_k(outputs["end_logits"], width)
        # Every start is paired with every end.
        ends, end_scores = (tf.tile(x, [1, width]) for x in (ends, end_scores))
    else:
        starts, start_scores = outputs["start_positions"], outputs["start_scores"]
        ends, end_scores = (
            tf.reshape(outputs[name], [-1, width * width])
            for name in ("end_positions", "end_scores")
        )
    starts, start_scores = (tf.repeat(x, width, axis=1) for x in (starts, start_scores))
    return starts, ends, start_scores, end_scores


def possible(windows, starts, ends, scores, num_pieces, max_answer_length) -> Spans:
    """The candidates that can be an answer, see `answers.best_answers`.

    Args:
        windows: Windows, W of them.
        starts, ends: int32 [W, C], positions in the inputs.
        scores: float64 [W, C].
        num_pieces: Number of pieces of all contexts.
        max_answer_length: In pieces.
    """
    shift = windows.text_starts[:, None]
    firsts, lasts = tf.cast(starts, tf.int64) - shift, tf.cast(ends, tf.int64) - shift
    is_kept = (firsts >= 0) & (lasts < windows.lengths[:, None]) & (firsts <= lasts)
    is_kept &= lasts - firsts < max_answer_length
    chosen = tf.where(is_kept)
    owners = chosen[:, 0]
    begins = tf.gather(windows.starts, owners)
    firsts = tf.gather_nd(firsts, chosen) + begins
    lasts = tf.gather_nd(lasts, chosen) + begins
    in_best = tf.gather(max_context(windows, num_pieces), firsts) == owners
    spans = Spans(
        tf.gather(windows.rows, owners), firsts, lasts, tf.gather_nd(scores, chosen)
    )
    return Spans(*(tf.boolean_mask(each, in_best) for each in spans))


def best_answer(spans, span_of, n_best_size):
    """The best answer to one question that has a text.

    Args:
        spans: Spans of this question.
        span_of: From first and last piece to (text, start, end).
        n_best_size: Most different answers among which it has its probability.

    Returns:
        Its text, start, end (0 and 0 without any), its probability float32 among the
        best ones, and the largest score float64, or 0 without any.
    """
    order = tf.argsort(spans.scores, direction="DESCENDING", stable=True)

    def is_open(i, texts, *_):
        return (i < tf.size(order)) & (tf.size(texts) < n_best_size)

    def body(i, texts, places, scores):
        chosen = order[i]
        text, start, end = span_of(spans.firsts[chosen], spans.lasts[chosen])
        is_new = [tf.reduce_all(texts != text)]
        added = [text], [[start, end]], [spans.scores[chosen]]
        kept = [
            tf.concat([old, tf.boolean_mask(new, is_new)], axis=0)
            for old, new in zip((texts, places, scores), added, strict=True)
        ]
        return (i + 1, *kept)

    nothing = (
        tf.zeros([0], tf.string),
        tf.zeros([0, 2], tf.int32),
        tf.zeros([0], tf.float64),
    )
    shapes = (tf.TensorShape([]), *map(tf.TensorShape, ([None], [None, 2], [None])))
    _, texts, places, scores = tf.while_loop(
        is_open, body, (0, *nothing), shapes, parallel_iterations=1
    )
    best = tf.where(texts != "")[:1, 0]  # the first one, or none
    place = tf.reduce_sum(tf.gather(places, best), axis=0)
    probability = tf.reduce_sum(tf.gather(tf.nn.softmax(scores), best))
    return (
        tf.strings.reduce_join(tf.gather(texts, best)),
        place[0],
        place[1],
        tf.cast(probability, tf.float32),
        tf.reduce_sum(scores[:1]),
    )
