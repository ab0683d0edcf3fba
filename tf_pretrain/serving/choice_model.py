"""Multiple choice as a graph: article, question and options -> probabilities."""

import tensorflow as tf

from tf_pretrain.serving.string_model import StringModel, in_parts, padded_features


class ChoiceModel(StringModel):
    """Strings -> `choice` int32 [B] and `probabilities` float32 [B, N].

    The inputs are `article` and `question` string [B] and `options` string [B, N].
    Inputs are read as in `tasks.multiple_choice.features`. An article that is too long
    loses its end.

    Args:
        network: A MultipleChoice.
        tokenizer: Its tokenizer.
        model: Its MultipleChoiceConfig.
    """

    def __init__(self, network, tokenizer, model):
        inputs = {"article": [None], "question": [None], "options": [None, None]}
        super().__init__(network, inputs)
        self._tokenizer, self._graph = tokenizer, tokenizer.graph
        self._length = model.max_seq_length
        self._choice_length = min(model.max_choice_length, self._length - 4)

    def _answer(self, article, question, options):
        num_options = tf.shape(options, tf.int64)[1]
        texts = _with_options(question, options)
        endings = self._graph.tokenize_tensor(texts)[:, -self._choice_length :]
        articles = self._graph.tokenize_tensor(article)[:, : self._length]

        def logits(rows):
            ending = tf.gather(endings, rows)
            room = self._length - 3 - ending.row_lengths()
            text = _beginnings(tf.gather(articles, rows // num_options), room)
            return [self._network(self._features(text, ending))]

        num_rows = tf.size(texts, tf.int64)
        (found,) = in_parts(logits, num_rows, [(tf.float32, [1])])
        found = tf.reshape(found, tf.shape(options))
        return {
            "choice": tf.argmax(found, axis=1, output_type=tf.int32),
            "probabilities": tf.nn.softmax(found),
        }

    def _features(self, text, ending):
        """Each row is a question with one option: int32 [r, 1, S]."""
        ones = tf.ones([text.nrows(), 1], tf.int32)
        separator = ones * self._tokenizer.sep_id
        pieces = [ones * self._tokenizer.cls_id, text, separator, ending, separator]
        segments = [ones * 0, text * 0, ones * 0, ending * 0 + 1, ones]
        features = padded_features(
            tf.concat(pieces, axis=1),
            tf.concat(segments, axis=1),
            self._tokenizer.pad_id,
            self._length,
        )
        return {name: value[:, None] for name, value in features.items()}


def _with_options(questions, options):
    """string [B], string [B, N] -> string [B * N]: `features.question_with_option`."""
    # The parts of each question between its "_", joined by an option.
    parts = tf.strings.split(questions, "_")
    num_options = tf.shape(options)[1]
    repeated = tf.gather(parts, tf.repeat(tf.range(parts.nrows()), num_options))
    options = tf.reshape(options, [-1])
    places = repeated.value_rowids()
    is_last = places != tf.concat([places[1:], [-1]], axis=0)
    counts = repeated.row_lengths()
    # Without any "_" the option stands behind the question.
    has_place = counts > 1
    separated = tf.gather(tf.where(has_place, options, ""), places)
    joined = repeated.with_values(repeated.values + tf.where(is_last, "", separated))
    ending = tf.where(has_place, "", tf.strings.join([" ", options]))
    return tf.strings.reduce_join(joined, axis=1) + ending


def _beginnings(ragged, lengths):
    """The first `lengths` [B] values of each row."""
    kept = tf.minimum(ragged.row_lengths(), lengths)
    starts = ragged.row_starts()
    return tf.gather(ragged.values, tf.ragged.range(starts, starts + kept))
