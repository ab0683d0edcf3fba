"""What an encoder is trained to predict: an objective is encoders + heads + losses.

Every objective answers two questions about a batch of features:

- `loss_weights(features)`: how many predictions each loss averages over. It needs no
  network, so a trainer can sum the weights of all replicas and micro-batches first.
- `losses(features, training)`: {name: (weighted sum, weight)}.

The loss that is minimised is sum over names of
coefficient * weighted_sum / (weight + epsilon), see `LossTerm`.

Features (B batch, S sequence, P prediction slots): `input_ids` (the original text),
`masked_input_ids`, `input_mask`, `segment_ids` int32 [B, S]; `masked_lm_positions`,
`masked_lm_ids` int32 and `masked_lm_weights` float32 [B, P]; `next_sentence_labels`
int32 [B, 1] for sentence objectives. Random numbers come with the batch:
`dropout_seed` int32 [B] and `sampling_uniform` float32 [B, P].
"""

import dataclasses

import keras
from keras import ops

from tf_pretrain import config as config_lib
from tf_pretrain.models import heads
from tf_pretrain.models.encoder import Encoder, dropout_for
from tf_pretrain.models.layers import Embeddings


@dataclasses.dataclass(frozen=True)
class LossTerm:
    """How one loss enters the total."""

    coefficient: float = 1.0
    epsilon: float = 0.0  # added to the weight, as the references do
    is_mean: bool = True  # False: the weighted sum enters as it is

    def divisor(self, weight):
        """What the weighted sum is divided by; float32 scalar, as `weight`."""
        return weight + self.epsilon if self.is_mean else ops.ones_like(weight)


def total_loss(loss_terms, losses):
    """Sum of the losses as {name: LossTerm} says, of {name: (weighted sum, weight)}."""
    return sum(
        term.coefficient * losses[name][0] / term.divisor(losses[name][1])
        for name, term in loss_terms.items()
    )


class Objective(keras.Model):
    """The part that objectives share: masked-LM and sentence losses.

    Subclasses set `loss_terms` {name: LossTerm} and define `call`, which returns the
    outputs that the losses are made from.
    """

    def __init__(self, config, dtype=None, name=None):
        # No autocast: uniform numbers and weights of the batch stay float32.
        super().__init__(dtype=dtype, name=name, autocast=False)
        self.config = config
        self.loss_terms = {}
        self.sentence_head = None
        self.sentence_objective = config.objective.sentence_objective
        if self.sentence_objective != "none":
            self.sentence_head = heads.SentenceHead(config.model, dtype=dtype)
            self.sentence_head.build()

    @property
    def encoder(self):
        """The encoder that is kept after pretraining."""
        raise NotImplementedError

    def loss_weights(self, features):
        """{name: float32 scalar} for a batch; depends on the features alone."""
        weights = {"masked_lm": ops.sum(features["masked_lm_weights"])}
        if self.sentence_head is not None:
            batch = ops.shape(features["input_ids"])[0]
            weights[self.sentence_objective] = ops.cast(batch, "float32")
        return weights

    def losses(self, features, training=False):
        """{name: (weighted sum, weight)}, float32 scalars, for a batch."""
        outputs = self(features, training=training)
        sums = self._loss_sums(features, outputs)
        weights = self.loss_weights(features)
        return {name: (sums[name], weights[name]) for name in self.loss_terms}

    def total_loss(self, losses):
        """The loss that is minimised, from what `losses` returned."""
        return total_loss(self.loss_terms, losses)

    def evaluation(self, features):
        """What held-out scores are made from, without dropout.

        Returns:
            Arrays of one batch: `masked_lm_loss` and `masked_lm_correct` float32
            [B, P]; `sentence_correct` float32 [B] with a sentence objective;
            `replaced_logits` float32 and `replaced_labels` int32 [B, S] with replaced
            token detection.
        """
        return self._evaluation(features, self(features, training=False))

    def _evaluation(self, features, outputs):
        logits, ids = outputs["masked_lm_logits"], features["masked_lm_ids"]
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
        token_losses = cross_entropy(
            outputs["masked_lm_logits"], features["masked_lm_ids"]
        )
        sums = {"masked_lm": ops.sum(token_losses * features["masked_lm_weights"])}
        if self.sentence_head is not None:
            labels = features["next_sentence_labels"][:, 0]
            sentence_losses = cross_entropy(outputs["sentence_logits"], labels)
            sums[self.sentence_objective] = ops.sum(sentence_losses)
        return sums


class MaskedLM(Objective):
    """Masked language model: BERT's baseline and, with sentence order, ALBERT.

    The total is masked LM + sentence loss, each a mean (Devlin et al., 2019; Lan et
    al., 2019, sec. 3.1).
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
        encoded = self._encoder(
            {**features, "input_ids": features["masked_input_ids"]}, training=training
        )
        outputs = {
            "masked_lm_logits": self.masked_lm_head(
                encoded["sequence_output"],
                features["masked_lm_positions"],
                self._encoder.embeddings.word_embeddings,
            )
        }
        if self.sentence_head is not None:
            outputs["sentence_logits"] = self.sentence_head(encoded["pooled_output"])
        return outputs


class ReplacedTokenDetection(Objective):
    """ELECTRA: a generator fills the masks, a discriminator finds what it filled.

    Clark et al. (2020), sec. 3.1. A sampled token that equals the original counts as
    original. Losses: generator masked LM (weight 1) and a sigmoid cross-entropy over
    all real tokens, [CLS] and [SEP] included (weight 50). A sentence objective, if
    there is one, is predicted from the discriminator, which reads corrupted text.
    """

    def __init__(self, config, dtype=None, name="replaced_token_detection"):
        super().__init__(config, dtype=dtype, name=name)
        model, objective = config.model, config.objective
        generator_config = config_lib.generator_config(config)
        self.loss_terms["masked_lm"] = LossTerm(objective.generator_weight, 1e-6)
        self.loss_terms["replaced_token"] = LossTerm(
            objective.discriminator_weight, 1e-6
        )
        if self.sentence_head is not None:
            self.loss_terms[self.sentence_objective] = LossTerm()

        embeddings = Embeddings(model, dtype=dtype)
        self.discriminator = Encoder(
            model, embeddings, dtype=dtype, name="discriminator"
        )
        if objective.weight_tying == "all":
            self.generator = self.discriminator
        else:
            tied = objective.weight_tying == "embeddings"
            self.generator = Encoder(
                generator_config,
                embeddings if tied else None,
                dtype=dtype,
                name="generator",
            )
        self.masked_lm_head = heads.MaskedLMHead(
            generator_config, generator_config.embedding_size, dtype=dtype
        )
        self.masked_lm_head.build()
        self.replaced_token_head = heads.ReplacedTokenHead(model, dtype=dtype)
        self.replaced_token_head.build()
        self.gumbel_seeds = None
        if objective.sampling == "gumbel":
            self.gumbel_seeds = keras.random.SeedGenerator(config.seed)
        self.built = True

    @property
    def encoder(self):
        return self.discriminator

    def call(self, features, training=False):
        dropout = dropout_for(features, training)
        generated = self.generator(
            {**features, "input_ids": features["masked_input_ids"]}, dropout=dropout
        )
        logits = self.masked_lm_head(
            generated["sequence_output"],
            features["masked_lm_positions"],
            self.generator.embeddings.word_embeddings,
        )
        sampled_ids = self._sample(ops.stop_gradient(logits), features)
        corrupted_ids, replaced = corrupt(features, sampled_ids)

        encoded = self.discriminator(
            {**features, "input_ids": corrupted_ids}, dropout=dropout
        )
        outputs = {
            "masked_lm_logits": logits,
            "sampled_ids": sampled_ids,
            "corrupted_input_ids": corrupted_ids,
            "replaced_labels": replaced,
            "replaced_logits": self.replaced_token_head(encoded["sequence_output"]),
        }
        if self.sentence_head is not None:
            outputs["sentence_logits"] = self.sentence_head(encoded["pooled_output"])
        return outputs

    def _sample(self, logits, features):
        if "sampled_ids" in features:  # given from outside, for comparisons
            return features["sampled_ids"]
        logits = logits / self.config.objective.temperature
        if self.gumbel_seeds is not None:
            return heads.sample_gumbel(logits, self.gumbel_seeds)
        uniform = features.get("sampling_uniform")
        if uniform is None:
            uniform = keras.random.uniform(ops.shape(logits)[:-1])
        return heads.sample_categorical(logits, uniform)

    def loss_weights(self, features):
        weights = super().loss_weights(features)
        weights["replaced_token"] = ops.sum(ops.cast(features["input_mask"], "float32"))
        return weights

    def _loss_sums(self, features, outputs):
        sums = super()._loss_sums(features, outputs)
        token_losses = binary_cross_entropy(
            outputs["replaced_logits"], outputs["replaced_labels"]
        )
        mask = ops.cast(features["input_mask"], "float32")
        sums["replaced_token"] = ops.sum(token_losses * mask)
        return sums

    def _evaluation(self, features, outputs):
        kept = ("replaced_logits", "replaced_labels")
        results = {name: outputs[name] for name in kept}
        return results | super()._evaluation(features, outputs)


def corrupt(features, sampled_ids):
    """Puts the generator's samples into the text (Clark et al., 2020, sec. 3.1).

    Samples go into every chosen slot, those that the generator saw unmasked too.

    Returns:
        corrupted_input_ids int32 [B, S]; labels int32 [B, S], 1 where a token was
        replaced by a different one.
    """
    corrupted_ids, written = heads.scatter_ids(
        features["input_ids"],
        features["masked_lm_positions"],
        sampled_ids,
        features["masked_lm_weights"],
    )
    differs = ops.cast(corrupted_ids != features["input_ids"], "int32")
    return corrupted_ids, written * differs


def cross_entropy(logits, ids):
    """-log softmax(logits)[ids]: logits float32 [..., V], ids int [...] -> [...]."""
    true_logits = ops.take_along_axis(logits, ids[..., None], axis=-1)[..., 0]
    return ops.logsumexp(logits, axis=-1) - true_logits


def binary_cross_entropy(logits, labels):
    """Sigmoid cross-entropy of logits float32 against labels 0/1, elementwise."""
    labels = ops.cast(labels, "float32")
    return ops.relu(logits) - logits * labels + ops.log1p(ops.exp(-ops.abs(logits)))


def _equal(predicted, expected):
    return ops.cast(ops.cast(predicted, "int32") == expected, "float32")


def build_objective(config, dtype=None):
    """The objective that a PretrainConfig describes, built, with fresh weights."""
    classes = {
        "replaced_token_detection": ReplacedTokenDetection,
        "masked_lm": MaskedLM,
    }
    return classes[config.objective.name](config, dtype=dtype)
