"""The objectives between BERT and ELECTRA (Clark et al., 2020, sec. 3.5, Table 5).

The fifth row, "ELECTRA 15 %", is `ReplacedTokenDetection` with
`discriminator_positions="masked"`. None of them is in the released code. "Chosen here"
marks what the paper leaves open.
"""

import keras
from keras import ops

from tf_pretrain.models.encoder import dropout_for
from tf_pretrain.models.generators import build_generator
from tf_pretrain.models.losses import LossTerm, cross_entropy
from tf_pretrain.models.objectives import MaskedLM


class ReplaceMLM(MaskedLM):
    """Masked LM whose input has a generator's samples instead of [MASK] (sec. 3.5).

    The generator is trained at the same time, as in ELECTRA, with the loss "generator".
    Chosen here: both losses have weight 1 (`generator_weight` sets the generator's),
    because both are means of the same cross-entropy; ELECTRA's weight of 50 balances a
    binary loss. Held-out "masked_lm" scores are those of the pretrained encoder, which
    then reads samples too.
    """

    rates = (*MaskedLM.rates, "fake_rate")

    def __init__(self, config, dtype=None, name="replace_mlm"):
        super().__init__(config, dtype=dtype, name=name)
        self.token_generator = build_generator(
            config, self._encoder, head_name="generator_head", dtype=dtype
        )
        if self.token_generator.encoder is not None:
            coefficient = config.objective.generator_weight
            self.loss_terms["generator"] = LossTerm(coefficient, 1e-6)

    def begin_step(self, step):
        self.token_generator.check_is_ready()
        return super().begin_step(step)

    def call(self, features, training=False):
        dropout = dropout_for(features, training)
        generated = self.token_generator(features, dropout=dropout)
        input_ids = generated["corrupted_input_ids"]
        return generated | self._predict(features, input_ids, dropout)

    def loss_weights(self, features):
        weights = super().loss_weights(features)
        return weights | {"generator": weights["masked_lm"]}

    def _loss_sums(self, features, outputs):
        logits = outputs["generator_logits"]
        sums = {"generator": self._masked_lm_sum(features, logits)}
        return sums | super()._loss_sums(features, outputs)


class AllTokensMLM(ReplaceMLM):
    """Replace MLM that predicts every token, with a copy gate (sec. 3.5).

    For each token a sigmoid gives a copy probability D. If c is the token in the input,
    p(x) = D [x = c] + (1 - D) softmax(x). The loss is the mean of -log p(original) over
    all real tokens, which are those that ELECTRA's discriminator counts. Chosen here:
    the gate is one dense unit on the final states.
    """

    def __init__(self, config, dtype=None, name="all_tokens_mlm"):
        super().__init__(config, dtype=dtype, name=name)
        del self.loss_terms["masked_lm"]
        self.loss_terms["all_tokens_mlm"] = LossTerm(epsilon=1e-6)
        self.copy_gate = keras.layers.Dense(1, dtype=dtype, name="copy_gate")
        self.copy_gate.build((None, None, config.model.hidden_size))

    def _predict_tokens(self, features, sequence_output):
        input_ids = features["input_ids"]
        everywhere = ops.arange(input_ids.shape[1], dtype="int32")
        logits = self.masked_lm_head(
            sequence_output,
            ops.broadcast_to(everywhere[None], ops.shape(input_ids)),
            self._encoder.embeddings.word_embeddings,
        )
        gate = ops.squeeze(self.copy_gate(sequence_output), axis=-1)
        return {"token_logits": logits, "copy_logits": ops.cast(gate, "float32")}

    def loss_weights(self, features):
        mask = ops.cast(features["input_mask"], "float32")
        return super().loss_weights(features) | {"all_tokens_mlm": ops.sum(mask)}

    def _token_loss_sums(self, features, outputs):
        losses = copy_loss(
            outputs["token_logits"],
            outputs["copy_logits"],
            outputs["corrupted_input_ids"],
            features["input_ids"],
        )
        mask = ops.cast(features["input_mask"], "float32")
        return {"all_tokens_mlm": ops.sum(losses * mask)}

    def masked_lm_logits(self, features, outputs):
        """Logits at the masked positions: log p of the mixture."""

        def at_slots(name):
            positions, x = features["masked_lm_positions"], outputs[name]
            if len(x.shape) == 3:
                positions = positions[..., None]
            return ops.take_along_axis(x, positions, axis=1)

        return copy_log_probs(
            at_slots("token_logits"),
            at_slots("copy_logits"),
            at_slots("corrupted_input_ids"),
        )


def copy_log_probs(logits, copy_logits, read_ids):
    """log p of the copy mechanism for every token; arguments as for `copy_loss`.

    Returns:
        float32 [..., V].
    """
    generated = ops.log_softmax(logits, axis=-1) - ops.softplus(copy_logits)[..., None]
    copied = -ops.softplus(-copy_logits)[..., None]
    is_read = ops.arange(logits.shape[-1], dtype="int32") == read_ids[..., None]
    return ops.where(is_read, ops.logaddexp(generated, copied), generated)


def copy_loss(logits, copy_logits, read_ids, ids):
    """-log p(ids) of the copy mechanism: p(x) = D [x = read] + (1 - D) softmax(x).

    Args:
        logits: float32 [..., V].
        copy_logits: float32 [...]; D is their sigmoid.
        read_ids, ids: int32 [...], the tokens of the input and the original tokens.

    Returns:
        float32 [...].
    """
    generated = -cross_entropy(logits, ids) - ops.softplus(copy_logits)
    copied = -ops.softplus(-copy_logits)
    return -ops.where(read_ids == ids, ops.logaddexp(generated, copied), generated)
