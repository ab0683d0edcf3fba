"""Question answering as a graph: question and context -> the answer and its place."""

import tensorflow as tf

from tf_pretrain.serving.question_answering import answers
from tf_pretrain.serving.question_answering.documents import make_documents
from tf_pretrain.serving.question_answering.windows import cut_windows
from tf_pretrain.serving.string_model import StringModel, in_parts, padded_features

_NO_WINDOW = 1e6  # null odds of a context without pieces


class QuestionModel(StringModel):
    """Strings -> the best answer to each question.

    The inputs are `question` and `context` string [B]. A context of any length is read
    in windows. A question that is too long loses its end.

    The outputs are `answer` string [B], `start` and `end` int32 [B], the characters of
    the context from the first one to before the last one, and `probability` float32
    [B], among the `n_best_size` best answers. If questions may have no answer, there
    are also `null_odds` float32 [B], which are high without an answer, and
    `has_answer` bool [B], whether they are not above the threshold of the fine-tuning.
    They are what `run_finetuning.py` predicts for the same question.

    Args:
        network: A QuestionAnswerer.
        tokenizer: Its tokenizer.
        model: Its QuestionAnswererConfig.
    """

    def __init__(self, network, tokenizer, model):
        super().__init__(network, {"question": [None], "context": [None]})
        self._tokenizer, self._graph = tokenizer, tokenizer.graph
        self._model = model
        self._documents = make_documents(tokenizer)
        self._query_length = min(model.max_query_length, model.max_seq_length - 4)

    def _answer(self, questions, contexts):
        model = self._model
        question_ids = self._graph.tokenize_tensor(questions)[:, : self._query_length]
        document = self._documents.read(contexts)
        windows = cut_windows(
            question_ids.row_lengths(),
            document.row_splits,
            model.max_seq_length,
            model.doc_stride,
        )
        starts, ends, start_scores, end_scores, odds = self._outputs(
            windows, question_ids, document.piece_ids
        )
        spans = answers.possible(
            windows,
            starts,
            ends,
            tf.cast(start_scores, tf.float64) + tf.cast(end_scores, tf.float64),
            tf.size(document.piece_ids, tf.int64),
            model.max_answer_length,
        )
        text, start, end, probability, best = self._best(spans, document, contexts)
        found = {"answer": text, "start": start, "end": end, "probability": probability}
        if not model.may_be_unanswerable:
            return found
        # The most certain window decides.
        num_rows = tf.size(questions, tf.int64)
        lowest = tf.math.unsorted_segment_min(odds, windows.rows, num_rows)
        if not self._network.head.has_answerability and model.head != "joint":
            lowest = tf.cast(tf.cast(lowest, tf.float64) - best, tf.float32)
        null_odds = tf.where(windows.counts > 0, lowest, _NO_WINDOW)
        has_answer = null_odds <= model.null_threshold
        return found | {"null_odds": null_odds, "has_answer": has_answer}

    def _outputs(self, windows, question_ids, piece_ids):
        """Start and end positions, their scores [W, C], and null odds float32 [W]."""
        width = self._width()

        def outputs(rows):
            features = self._features(windows, rows, question_ids, piece_ids, width)
            found = self._network(features)
            odds = found.get("answerability_logits")
            if odds is None and "start_scores" in found:
                odds = tf.zeros_like(found["start_scores"][:, 0])
            elif odds is None:
                odds = found["start_logits"][:, 0] + found["end_logits"][:, 0]
            return [*answers.candidates(found, width), odds]

        shape = [width * width]
        types = (tf.int32, tf.int32, tf.float32, tf.float32)
        kinds = [(dtype, shape) for dtype in types] + [(tf.float32, [])]
        return in_parts(outputs, tf.size(windows.rows, tf.int64), kinds)

    def _width(self):
        """How many starts, and ends of each, are candidates."""
        model = self._model
        is_beam = model.head == "joint"
        is_beam |= model.head == "albert" and model.may_be_unanswerable
        width = model.beam_size if is_beam else model.n_best_size
        return min(width, model.max_seq_length)

    def _features(self, windows, rows, question_ids, piece_ids, width):
        question = tf.gather(question_ids, tf.gather(windows.rows, rows))
        starts = tf.gather(windows.starts, rows)
        ends = starts + tf.gather(windows.lengths, rows)
        text = tf.gather(piece_ids, tf.ragged.range(starts, ends))
        # At least as many positions as there are to choose from.
        shortest = self._model.max_seq_length if self._model.reads_padding else width
        ones = tf.ones([tf.size(rows), 1], tf.int32)
        separator = ones * self._tokenizer.sep_id
        pieces = [ones * self._tokenizer.cls_id, question, separator, text, separator]
        segments = [ones * 0, question * 0, ones * 0, text * 0 + 1, ones]
        return padded_features(
            tf.concat(pieces, axis=1),
            tf.concat(segments, axis=1),
            self._tokenizer.pad_id,
            self._model.max_seq_length,
            at_least=shortest,
        )

    def _best(self, spans, document, contexts):
        """The best answer to each question: tensors [B]."""

        def best(row):
            own = spans.rows == row
            chosen = answers.Spans(*(tf.boolean_mask(each, own) for each in spans))
            return answers.best_answer(
                chosen,
                lambda first, last: self._documents.span(
                    document, contexts[row], first, last
                ),
                self._model.n_best_size,
            )

        types = (tf.string, tf.int32, tf.int32, tf.float32, tf.float64)
        return tf.map_fn(
            best, tf.range(tf.size(contexts, tf.int64)), fn_output_signature=types
        )
