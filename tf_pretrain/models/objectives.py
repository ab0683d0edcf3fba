"""Objectives: what an encoder is trained to predict, as encoders, heads and losses.

losses.py describes how the losses of an objective are added.

Features (B batch, S sequence, P prediction slots): `input_ids` (the original text),
`masked_input_ids`, `input_mask`, `segment_ids` int32 [B, S]; `masked_lm_positions`,
`masked_lm_ids` int32 and `masked_lm_weights` float32 [B, P]; `next_sentence_labels`
int32 [B, 1] for sentence objectives. The random numbers are part of the batch:
`dropout_seed` int32 [B] and `sampling_uniform` float32 [B, P].
"""

from keras import ops

from tf_pretrain.models import heads
from tf_pretrain.models.encoder import Encoder, dropout_for
from tf_pretrain.models.generators import build_generator
from tf_pretrain.models.losses import (
    LossTerm,
    Network,
    binary_cross_entropy,
    cross_entropy,
)


class Objective(Network):
    """Base class of the objectives, with the masked-LM and sentence losses.

    Subclasses set `loss_terms` and define `call`, which returns the outputs from which
    the losses are computed.
    """

    rates = ("mask_rate", "distinct_mask_rate")

    def __init__(self, config, dtype=None, name=None):
        super().__init__(dtype=dtype, name=name)
        self.config = config
        self.sentence_head = None
        self.sentence_objective = config.objective.sentence_objective
        if self.sentence_objective != "none":
            self.sentence_head = heads.SentenceHead(config.model, dtype=dtype)
            self.sentence_head.build()

    @property
    def encoder(self):
        """The encoder that is kept after pretraining."""
        raise NotImplementedError

    @property
    def unused_variables(self):
        pooler = self.encoder.pooler
        if pooler is None or self.sentence_head is not None:
            return []
        return pooler.trainable_variables

    def loss_weights(self, features):
        """{name: float32 scalar} for a batch; depends on the features alone."""
        weights = {"masked_lm": ops.sum(features["masked_lm_weights"])}
        if self.sentence_head is not None:
            batch = ops.shape(features["input_ids"])[0]
            weights[self.sentence_objective] = ops.cast(batch, "float32")
        return weights

    def losses_and_rates(self, features, training=False):
        """The losses of a batch and its rates.

        Returns:
            What `losses` returns, and {name: (count, total)}, float32 scalars, for each
            name of `rates`. Rates are shares of the real tokens. "mask_rate" counts the
            slots in use. "distinct_mask_rate" counts their different positions, which
            are fewer if a position was drawn twice. "fake_rate" counts the tokens that
            a generator replaced by a different one.
        """
        outputs = self(features, training=training)
        sums = self._loss_sums(features, outputs)
        weights = self.loss_weights(features)
        losses = {name: (sums[name], weights[name]) for name in self.loss_terms}
        return losses, self._rates(features, outputs)

    def _rates(self, features, outputs):
        tokens = ops.sum(ops.cast(features["input_mask"], "float32"))
        used = features["masked_lm_weights"] > 0
        counts = {
            "mask_rate": used,
            "distinct_mask_rate": _first_uses(features["masked_lm_positions"], used),
            "fake_rate": outputs.get("replaced_labels"),
        }
        return {
            name: (ops.sum(ops.cast(counts[name], "float32")), tokens)
            for name in self.rates
        }

    def evaluation(self, features):
        """The arrays from which held-out scores are computed, without dropout.

        Returns:
            Arrays of one batch: `masked_lm_loss` and `masked_lm_correct` float32
            [B, P]; `sentence_correct` float32 [B] with a sentence objective;
            `replaced_logits` float32 and `replaced_labels` int32 [B, S] with replaced
            token detection.
        """
        return self._evaluation(features, self(features, training=False))

    def masked_lm_logits(self, features, outputs):
        """Logits float32 [B, P, V] of the masked words, from the outputs of `call`."""
        return outputs["masked_lm_logits"]

    def _evaluation(self, features, outputs):
        logits = self.masked_lm_logits(features, outputs)
        ids = features["masked_lm_ids"]
        results = {
            "masked_lm_loss": cross_entropy(logits, ids),
            "masked_lm_correct": _equal(ops.argmax(logits, axis=-1), ids),
        }
        if self.sentence_head is not None:
            predicted = ops.argmax(outputs["sentence_logits"], axis=-1)
            labels = features["next_sentence_labels"][:, 0]
            results["sentence_correct"] = _equal(predicted, labels)
        return results

    def _loss_sums(self, features, outputs):
        """{name: weighted sum} of the losses; subclasses add theirs."""
        if self.sentence_head is None:
            return {}
        labels = features["next_sentence_labels"][:, 0]
        losses = cross_entropy(outputs["sentence_logits"], labels)
        return {self.sentence_objective: ops.sum(losses)}

    def _masked_lm_sum(self, features, logits):
        """Cross-entropy of logits [B, P, V] summed over the slots in use."""
        losses = cross_entropy(logits, features["masked_lm_ids"])
        return ops.sum(losses * features["masked_lm_weights"])


class MaskedLM(Objective):
    """Masked language model: BERT's baseline and, with sentence order, ALBERT.

    The total loss is the mean masked-LM loss plus the mean sentence loss (Devlin et
    al., 2019; Lan et al., 2019, sec. 3.1).
    """

    def __init__(self, config, dtype=None, name="masked_lm"):
        super().__init__(config, dtype=dtype, name=name)
        model = config.model
        self.loss_terms["masked_lm"] = LossTerm(epsilon=1e-5)
        if self.sentence_head is not None:
            self.loss_terms[self.sentence_objective] = LossTerm()
        self._encoder = Encoder(model, dtype=dtype)
        self.masked_lm_head = heads.MaskedLMHead(
            model, model.embedding_size, dtype=dtype
        )
        self.masked_lm_head.build()
        self.built = True

    @property
    def encoder(self):
        return self._encoder

    def call(self, features, training=False):
        return self._predict(
            features, features["masked_input_ids"], dropout_for(features, training)
        )

    def _predict(self, features, input_ids, dropout):
        """Outputs of encoder and heads for the text `input_ids` int32 [B, S]."""
        encoded = self._encoder({**features, "input_ids": input_ids}, dropout=dropout)
        outputs = self._predict_tokens(features, encoded["sequence_output"])
        if self.sentence_head is not None:
            outputs["sentence_logits"] = self.sentence_head(encoded["pooled_output"])
        return outputs

    def _predict_tokens(self, features, sequence_output):
        logits = self.masked_lm_head(
            sequence_output,
            features["masked_lm_positions"],
            self._encoder.embeddings.word_embeddings,
        )
        return {"masked_lm_logits": logits}

    def _loss_sums(self, features, outputs):
        sums = super()._loss_sums(features, outputs)
        return sums | self._token_loss_sums(features, outputs)

    def _token_loss_sums(self, features, outputs):
        logits = outputs["masked_lm_logits"]
        return {"masked_lm": self._masked_lm_sum(features, logits)}


class ReplacedTokenDetection(Objective):
    """ELECTRA: a generator fills the masks, a discriminator finds the replaced tokens.

    Clark et al. (2020), sec. 3.1. A sampled token that equals the original counts as
    original. There are two losses. The generator, if it is a network, has a masked-LM
    loss (weight 1). The discriminator has a sigmoid cross-entropy over all real tokens,
    [CLS] and [SEP] included (weight 50). With `discriminator_positions="masked"` the
    second loss counts the chosen tokens only (ELECTRA 15 %, sec. 3.5). A sentence
    objective, if there is one, is predicted by the discriminator from corrupted text.
    """

    rates = (*Objective.rates, "fake_rate")

    def __init__(self, config, dtype=None, name="replaced_token_detection"):
        super().__init__(config, dtype=dtype, name=name)
        model, objective = config.model, config.objective
        self.discriminator = Encoder(model, dtype=dtype, name="discriminator")
        self.token_generator = build_generator(config, self.discriminator, dtype=dtype)
        self.replaced_token_head = heads.ReplacedTokenHead(model, dtype=dtype)
        self.replaced_token_head.build()
        if self.generator is not None:
            self.loss_terms["masked_lm"] = LossTerm(objective.generator_weight, 1e-6)
        self.loss_terms["replaced_token"] = LossTerm(
            objective.discriminator_weight, 1e-6
        )
        if self.sentence_head is not None:
            self.loss_terms[self.sentence_objective] = LossTerm()
        self.built = True

    @property
    def encoder(self):
        return self.discriminator

    @property
    def generator(self):
        """The generator's encoder; None if it is not a network."""
        return self.token_generator.encoder

    def begin_step(self, step):
        self.token_generator.check_is_ready()
        return super().begin_step(step)

    def call(self, features, training=False):
        dropout = dropout_for(features, training)
        outputs = self.token_generator(features, dropout=dropout)
        return outputs | self._detect(features, outputs, dropout)

    def _detect(self, features, generated, dropout):
        """Outputs of the discriminator for the text that the generator corrupted."""
        encoded = self.discriminator(
            {**features, "input_ids": generated["corrupted_input_ids"]},
            dropout=dropout,
        )
        states = encoded["sequence_output"]
        outputs = {
            "masked_lm_logits": generated["generator_logits"],
            "replaced_logits": self.replaced_token_head(states),
        }
        if self.sentence_head is not None:
            outputs["sentence_logits"] = self.sentence_head(encoded["pooled_output"])
        return outputs

    def _detected(self, features):
        """float32 [B, S]: 1 for the tokens that the discriminator's loss counts."""
        mask = features["input_mask"]
        if self.config.objective.discriminator_positions == "masked":
            _, mask = heads.scatter_ids(
                features["input_ids"],
                features["masked_lm_positions"],
                features["masked_lm_ids"],
                features["masked_lm_weights"],
            )
        return ops.cast(mask, "float32")

    def loss_weights(self, features):
        weights = super().loss_weights(features)
        weights["replaced_token"] = ops.sum(self._detected(features))
        return weights

    def _loss_sums(self, features, outputs):
        sums = super()._loss_sums(features, outputs)
        if self.generator is not None:
            logits = outputs["generator_logits"]
            sums["masked_lm"] = self._masked_lm_sum(features, logits)
        losses = binary_cross_entropy(
            outputs["replaced_logits"], outputs["replaced_labels"]
        )
        sums["replaced_token"] = ops.sum(losses * self._detected(features))
        return sums

    def _evaluation(self, features, outputs):
        kept = ("replaced_logits", "replaced_labels")
        results = {name: outputs[name] for name in kept}
        return results | super()._evaluation(features, outputs)


def _equal(predicted, expected):
    return ops.cast(ops.cast(predicted, "int32") == expected, "float32")


def _first_uses(positions, used):
    """bool [B, P]: slots in use whose position is not that of an earlier used slot."""
    slots = ops.arange(positions.shape[1])
    is_earlier = slots[:, None] > slots  # [P, P]: the second index is smaller
    is_same = positions[:, :, None] == positions[:, None, :]
    is_repeat = ops.logical_and(is_same, ops.logical_and(is_earlier, used[:, None, :]))
    return ops.logical_and(used, ops.logical_not(ops.any(is_repeat, axis=2)))
