"""Heads that find an answer in a text: ELECTRA's, and ALBERT's for SQuAD 1.1 and 2.0.

Shape letters as in layers.py; K starts that are kept, M ends for each of them. A head
is a layer with two methods on the encoder's final states x [B, S, D]:

    training_outputs(x, features, dropout)    {"start_logits", "end_logits": [B, S],
        "answerability_logits": [B]}. The ends are those of the true starts.
    predictions(x, features)    what `tasks.question_answering.answers` reads: either
        {"start_logits", "end_logits": [B, S]} or {"start_scores", "start_positions":
        [B, K], "end_scores", "end_positions": [B, K, M]}, where scores are log
        probabilities, the best ones first; and "answerability_logits" [B].

All are float32 or int32. An answerability logit is high where there is no answer; only
heads with `has_answerability` have it. Features are `input_mask` and `segment_ids`, for
training also `start_positions` int32 [B].
"""

import keras
from keras import ops

from tf_pretrain.models import layers
from tf_pretrain.models.heads import gather_positions

ELECTRA_HIDDEN_SIZE = 512  # of the head, whatever the encoder's size
# What is added to logits of positions that cannot be chosen.
_ELECTRA_MASKED = -1000.0
_ALBERT_MASKED = -1e30


class PairDense(keras.layers.Layer):
    """A dense layer on two vectors side by side, without putting them side by side.

    [a ; b] W is a W_1 + b W_2, so vectors that are paired with many others are
    multiplied once.

    Args:
        units: Output size.
        kernel_initializer: Initializer of the kernel [2 D, units].

    Call: first [..., D], second [..., D] -> [..., units], with broadcasting.
    """

    def __init__(self, units, kernel_initializer, dtype=None, name=None):
        super().__init__(dtype=dtype, name=name)
        self.units = units
        self.kernel_initializer = kernel_initializer

    def build(self, first_shape, second_shape=None):
        size = first_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(2 * size, self.units),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.units,), initializer="zeros"
        )
        self.built = True

    def call(self, first, second):
        size = first.shape[-1]
        kernel = ops.convert_to_tensor(self.kernel)
        product = ops.matmul(first, kernel[:size]) + ops.matmul(second, kernel[size:])
        return product + self.bias


class ElectraSpanHead(keras.layers.Layer):
    """The head of ELECTRA's program (`finetune/qa/qa_tasks.py` of the released code).

    The end is predicted from the start and the states (joint), or as the start is
    (independent). The answerability classifier reads [CLS] and the mean of the states,
    weighted by the start probabilities, or [CLS] alone.

    Args:
        config: The encoder's EncoderConfig.
        is_joint: Predict the end from the start.
        has_answerability: Whether there is an answerability classifier. The program
            trains it for SQuAD 1.1 too, where it is never read.
        answerability_uses_starts: Give it the weighted mean.
        beam_size: K and M of a joint head.
        hidden_size: Width of both hidden layers.
    """

    def __init__(
        self,
        config,
        is_joint=True,
        has_answerability=True,
        answerability_uses_starts=True,
        beam_size=20,
        hidden_size=ELECTRA_HIDDEN_SIZE,
        dtype=None,
        name="task_specific",
    ):
        super().__init__(dtype=dtype, name=name)
        self.is_joint = is_joint
        self.has_answerability = has_answerability
        self.answerability_uses_starts = answerability_uses_starts
        self.beam_size = beam_size
        self.activation = layers.activation("gelu")
        self.states_size = config.hidden_size
        one = {"units": 1, "dtype": dtype}  # Glorot uniform, as all kernels here
        hidden = (hidden_size, "glorot_uniform", dtype)
        self.start = keras.layers.Dense(**one, name="start")
        self.end = keras.layers.Dense(**one, name="end")
        self.end_hidden = PairDense(*hidden, name="end_hidden") if is_joint else None
        self.answerability = self.answerability_hidden = None
        if has_answerability:
            self.answerability = keras.layers.Dense(**one, name="answerability")
            if answerability_uses_starts:
                self.answerability_hidden = PairDense(
                    *hidden, name="answerability_hidden"
                )

    def build(self, input_shape=None):
        states = (None, None, self.states_size)
        for hidden, output in (
            (None, self.start),
            (self.end_hidden, self.end),
            (self.answerability_hidden, self.answerability),
        ):
            if hidden is not None:
                hidden.build(states, states)
            if output is not None:
                size = self.states_size if hidden is None else hidden.units
                output.build((None, None, size))
        self.built = True

    def training_outputs(self, x, features, dropout):
        del dropout  # this head has none
        mask = self._mask(features)
        start_logits = self._position_logits(self.start(x), mask)
        if self.is_joint:
            true_starts = features["start_positions"][:, None]
            end_logits = self._end_logits(x, true_starts, mask)[:, 0]
        else:
            end_logits = self._position_logits(self.end(x), mask)
        outputs = {"start_logits": start_logits, "end_logits": end_logits}
        return outputs | self._answerability(x, start_logits)

    def predictions(self, x, features):
        mask = self._mask(features)
        start_logits = self._position_logits(self.start(x), mask)
        if self.is_joint:
            outputs = _beams(
                ops.log_softmax(start_logits),
                lambda starts: self._end_logits(x, starts, mask),
                self.beam_size,
                self.beam_size,
            )
        else:
            end_logits = self._position_logits(self.end(x), mask)
            outputs = {"start_logits": start_logits, "end_logits": end_logits}
        return outputs | self._answerability(x, start_logits)

    def _mask(self, features):
        """float32 [B, S]: 0 for the text, the last [SEP] and [CLS], else -1000."""
        positions = ops.arange(ops.shape(features["segment_ids"])[1])
        is_open = (features["segment_ids"] > 0) | (positions == 0)
        return ops.where(is_open, 0.0, _ELECTRA_MASKED)

    def _position_logits(self, logits, mask):
        return ops.cast(ops.squeeze(logits, axis=-1), "float32") + mask

    def _end_logits(self, x, starts, mask):
        """Logits of the ends for each start: [B, S, D], int [B, K] -> [B, K, S]."""
        start_states = gather_positions(x, starts)[:, :, None]
        hidden = self.activation(self.end_hidden(start_states, x[:, None]))
        return self._position_logits(self.end(hidden), mask[:, None])

    def _answerability(self, x, start_logits):
        if not self.has_answerability:
            return {}
        state = x[:, 0]
        if self.answerability_uses_starts:
            mean = _weighted_mean(x, ops.softmax(start_logits))
            state = self.activation(self.answerability_hidden(state, mean))
        logits = ops.cast(self.answerability(state)[:, 0], "float32")
        return {"answerability_logits": logits}


class AlbertIndependentHead(keras.layers.Layer):
    """ALBERT's head for SQuAD 1.1: start and end logits of every position.

    No position is masked, neither in the loss nor in the predictions
    (`squad_utils.py`, `create_v1_model`, of the released code).
    """

    has_answerability = False

    def __init__(self, config, dtype=None, name="task_specific"):
        super().__init__(dtype=dtype, name=name)
        self.states_size = config.hidden_size
        self.dense = keras.layers.Dense(
            2,
            kernel_initializer=layers.truncated_normal(0.02),
            dtype=dtype,
            name="start_and_end",
        )

    def build(self, input_shape=None):
        self.dense.build((None, None, self.states_size))
        self.built = True

    def training_outputs(self, x, features, dropout):
        del dropout  # this head has none
        return self.predictions(x, features)

    def predictions(self, x, features):
        del features
        logits = ops.cast(self.dense(x), "float32")
        return {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}


class AlbertConditionalHead(keras.layers.Layer):
    """ALBERT's head for SQuAD 2.0 (`squad_utils.py`, `create_v2_model`).

    The end is predicted from the start, as in XLNet (Yang et al., 2019). Answerability
    is read from [CLS] and the mean of the states, weighted by the start probabilities.

    Args:
        config: The encoder's EncoderConfig.
        start_n_top, end_n_top: K and M.
        dropout: Rate of the dropout before the answerability logit.
    """

    has_answerability = True

    def __init__(
        self,
        config,
        start_n_top=5,
        end_n_top=5,
        dropout=0.1,
        dtype=None,
        name="task_specific",
    ):
        super().__init__(dtype=dtype, name=name)
        self.start_n_top, self.end_n_top = start_n_top, end_n_top
        self.dropout = dropout
        self.states_size = size = config.hidden_size

        def dense(units, name, use_bias=True):
            return keras.layers.Dense(
                units,
                use_bias=use_bias,
                kernel_initializer=layers.truncated_normal(config.initializer_range),
                dtype=dtype,
                name=name,
            )

        def pair_dense(name):
            initializer = layers.truncated_normal(config.initializer_range)
            return PairDense(size, initializer, dtype, name)

        self.start = dense(1, "start")
        self.end_hidden = pair_dense("end_hidden")
        self.layer_norm = layers.layer_norm(dtype)
        self.end = dense(1, "end")
        self.answerability_hidden = pair_dense("answerability_hidden")
        self.answerability = dense(1, "answerability", use_bias=False)

    def build(self, input_shape=None):
        states = (None, None, self.states_size)
        for pair in (self.end_hidden, self.answerability_hidden):
            pair.build(states, states)
        for layer in (self.start, self.layer_norm, self.end, self.answerability):
            layer.build(states)
        self.built = True

    def training_outputs(self, x, features, dropout):
        closed = self._closed(features)
        start_log_probs = self._log_probs(self.start(x), closed)
        true_starts = features["start_positions"][:, None]
        return {
            "start_logits": start_log_probs,
            "end_logits": self._end_log_probs(x, true_starts, closed)[:, 0],
            "answerability_logits": self._answerability(x, start_log_probs, dropout),
        }

    def predictions(self, x, features):
        closed = self._closed(features)
        start_log_probs = self._log_probs(self.start(x), closed)
        outputs = _beams(
            start_log_probs,
            lambda starts: self._end_log_probs(x, starts, closed),
            self.start_n_top,
            self.end_n_top,
        )
        logits = self._answerability(x, start_log_probs, layers.no_dropout)
        return outputs | {"answerability_logits": logits}

    def _closed(self, features):
        """float32 [B, S]: 0 for [CLS] and the text, 1 for all other positions."""
        length = ops.sum(features["input_mask"], axis=1, keepdims=True)
        positions = ops.arange(ops.shape(features["input_mask"])[1])
        is_text = (features["segment_ids"] > 0) & (positions < length - 1)
        return ops.where(is_text | (positions == 0), 0.0, 1.0)

    def _log_probs(self, logits, closed):
        logits = ops.cast(ops.squeeze(logits, axis=-1), "float32")
        return ops.log_softmax(logits * (1.0 - closed) + _ALBERT_MASKED * closed)

    def _end_log_probs(self, x, starts, closed):
        """Those of the ends for each start: [B, S, D], int [B, K] -> [B, K, S]."""
        start_states = gather_positions(x, starts)[:, :, None]
        hidden = ops.tanh(self.end_hidden(x[:, None], start_states))
        return self._log_probs(self.end(self.layer_norm(hidden)), closed[:, None])

    def _answerability(self, x, start_log_probs, dropout):
        mean = _weighted_mean(x, ops.exp(start_log_probs))
        hidden = ops.tanh(self.answerability_hidden(mean, x[:, 0]))
        logits = self.answerability(dropout(hidden, self.dropout))
        return ops.cast(logits[:, 0], "float32")


def _weighted_mean(x, weights):
    """[B, S, D], float32 [B, S] that sum to 1 -> [B, D]."""
    return ops.sum(x * ops.cast(weights, x.dtype)[:, :, None], axis=1)


def _beams(start_log_probs, end_logits_of, start_n_top, end_n_top):
    """The best starts, and the best ends of each; fewer where a text is shorter.

    Args:
        start_log_probs: float32 [B, S].
        end_logits_of: From starts int [B, K] to logits [B, K, S].
        start_n_top, end_n_top: K and M.
    """
    length = start_log_probs.shape[1]
    if length is None:  # in a graph for texts of any length
        length = ops.shape(start_log_probs)[1]
        start_n_top = ops.minimum(start_n_top, length)
        end_n_top = ops.minimum(end_n_top, length)
    else:
        start_n_top, end_n_top = min(start_n_top, length), min(end_n_top, length)
    start_scores, starts = ops.top_k(start_log_probs, start_n_top)
    end_log_probs = ops.log_softmax(end_logits_of(starts))
    end_scores, ends = ops.top_k(end_log_probs, end_n_top)
    return {
        "start_scores": start_scores,
        "start_positions": ops.cast(starts, "int32"),
        "end_scores": end_scores,
        "end_positions": ops.cast(ends, "int32"),
    }
