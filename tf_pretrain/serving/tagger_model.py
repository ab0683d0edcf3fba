"""Tagging as a graph: sentences -> the tag of each word, and the spans."""

import tensorflow as tf

from tf_pretrain.serving.graph_words import find_words, white_space
from tf_pretrain.serving.string_model import StringModel, in_parts, padded_features


class TaggerModel(StringModel):
    """Strings -> words with their tags, and the spans that the tags mark.

    A `sentence` is divided into words at white space only. Put a blank between a word
    and the punctuation behind it where the sentences of the training did so. If a
    sentence does not fit into one input, the next input goes on behind the last word
    that does, so every word has a tag.

    The outputs are `words`, `tags` string [B, W] and `num_words` int32 [B], the number
    of words of each sentence; and `span_starts`, `span_ends` int32 [B, N] (characters),
    `span_classes`, `spans` (their texts) string [B, N] and `num_spans` int32 [B]. Rows
    are filled up with "" and 0.

    Args:
        network: A Tagger.
        tokenizer: Its tokenizer.
        model: Its TaggerConfig.
    """

    def __init__(self, network, tokenizer, model):
        super().__init__(network, {"sentence": [None]})
        self._tokenizer, self._graph = tokenizer, tokenizer.graph
        self._room = model.max_seq_length - 2
        self._segment_id = model.segment_id
        prefixes, _, names = zip(
            *(tag.partition("-") for tag in model.class_names), strict=True
        )
        self._tags = tf.constant(model.class_names)
        self._prefixes, self._names = tf.constant(prefixes), tf.constant(names)
        self._splits_at_class = model.span_rule == "conll"

    def _answer(self, sentences):
        words = find_words(sentences, white_space())
        pieces = self._graph.tokenize_tensor(words.texts)[:, : self._room]
        inputs = self._inputs(pieces.row_splits, words.row_splits)

        def classes(rows):
            return [self._classes(pieces, tf.gather(inputs, rows))]

        (found,) = in_parts(classes, tf.shape(inputs, tf.int64)[0], [(tf.int32, [])])
        rows = tf.RaggedTensor.from_row_splits(found, words.row_splits, validate=False)
        outputs = {
            "words": rows.with_values(words.texts).to_tensor(),
            "tags": rows.with_values(tf.gather(self._tags, found)).to_tensor(),
            "num_words": tf.cast(rows.row_lengths(), tf.int32),
        }
        return outputs | self._spans(sentences, words, rows)

    def _inputs(self, piece_splits, row_splits):
        """The first word of each input and the one behind its last: int64 [inputs, 2].

        An input takes as many whole words of its sentence as fit.
        """
        ends_of_rows = row_splits[1:]

        def body(starts, found):
            limits = tf.gather(piece_splits, starts) + self._room
            ends = tf.searchsorted(piece_splits[1:], limits, "right", tf.int64)
            ends = tf.minimum(ends, ends_of_rows)
            pairs = tf.stack([starts, ends], axis=1)
            return ends, tf.concat([found, tf.boolean_mask(pairs, starts < ends)], 0)

        _, found = tf.while_loop(
            lambda starts, _: tf.reduce_any(starts < ends_of_rows),
            body,
            (row_splits[:-1], tf.zeros([0, 2], tf.int64)),
            shape_invariants=(tf.TensorShape([None]), tf.TensorShape([None, 2])),
        )
        return tf.gather(found, tf.argsort(found[:, 0]))  # in the order of the words

    def _classes(self, pieces, inputs):
        """The class of each word of some inputs: int32 [words of all of them]."""
        firsts, lasts = inputs[:, 0], inputs[:, 1]
        splits = pieces.row_splits
        starts = tf.gather(splits, firsts)
        spans = tf.ragged.range(starts, tf.gather(splits, lasts))
        ones = tf.ones([tf.shape(inputs)[0], 1], tf.int32)
        special = (ones * self._tokenizer.cls_id, ones * self._tokenizer.sep_id)
        text = tf.gather(pieces.values, spans)
        ids = tf.concat([special[0], text, special[1]], axis=1)
        words = tf.ragged.range(firsts, lasts)
        shifts = tf.gather(1 - starts, words.value_rowids())
        positions = words.with_values(tf.gather(splits, words.values) + shifts)
        features = padded_features(
            ids,
            tf.ones_like(ids) * self._segment_id,
            self._tokenizer.pad_id,
            self._room + 2,
        )
        features["labeled_positions"] = tf.cast(positions.to_tensor(), tf.int32)
        logits = self._network(features)
        best = tf.argmax(logits, axis=-1, output_type=tf.int32)
        mask = tf.sequence_mask(words.row_lengths(), tf.shape(best)[1])
        return tf.boolean_mask(best, mask)

    def _spans(self, sentences, words, classes):
        """As `tasks.tagging.spans.spans_of_tags`."""
        prefixes = tf.gather(self._prefixes, classes.values)
        names = tf.gather(self._names, classes.values)
        ends_here = self._ends_between(prefixes, names)
        rows = classes.value_rowids()
        other_row = rows[1:] != rows[:-1]
        borders = tf.concat([[True], ends_here | other_row, [True]], axis=0)
        is_inside = prefixes != "O"
        behind_nothing = tf.concat([[True], ~is_inside[:-1]], axis=0)
        before_nothing = tf.concat([~is_inside[1:], [True]], axis=0)
        firsts = tf.where(is_inside & (borders[:-1] | behind_nothing))[:, 0]
        lasts = tf.where(is_inside & (borders[1:] | before_nothing))[:, 0]
        starts, ends = tf.gather(words.starts, firsts), tf.gather(words.ends, lasts)
        rows = tf.gather(rows, firsts)
        texts = tf.strings.substr(
            tf.gather(sentences, rows), starts, ends - starts, unit="UTF8_CHAR"
        )
        found = {
            "span_starts": starts,
            "span_ends": ends,
            "span_classes": tf.gather(names, lasts),
            "spans": texts,
        }
        ragged = {
            name: tf.RaggedTensor.from_value_rowids(
                value, rows, tf.size(sentences, tf.int64), validate=False
            )
            for name, value in found.items()
        }
        counts = tf.cast(ragged["spans"].row_lengths(), tf.int32)
        outputs = {name: value.to_tensor() for name, value in ragged.items()}
        return outputs | {"num_spans": counts}

    def _ends_between(self, prefixes, names):
        """Whether a span ends between neighbouring words: bool [W - 1]."""
        before, after = prefixes[:-1], prefixes[1:]
        ends = (after == "B") | (after == "S") | (after == "O")
        if self._splits_at_class:
            ends |= (before == "E") | (before == "S") | (names[:-1] != names[1:])
        return ends
