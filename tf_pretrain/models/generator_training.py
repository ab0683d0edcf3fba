"""Two other ways to train ELECTRA's generator: in a first stage, or adversarially.

Clark et al. (2020): sec. 3.2 and Figure 3, right (`TwoStage`), and the appendix
"Adversarial Training" (`AdversarialGenerator`). Neither is in the released code.
"Chosen here" marks what the paper leaves open.
"""

import keras
from keras import ops

from tf_pretrain.errors import ConfigError
from tf_pretrain.models.encoder import dropout_for
from tf_pretrain.models.losses import LossTerm, binary_cross_entropy, cross_entropy
from tf_pretrain.models.objectives import ReplacedTokenDetection


class AdversarialGenerator(ReplacedTokenDetection):
    """ELECTRA whose generator learns to maximise the discriminator's loss.

    Appendix "Adversarial Training": REINFORCE with one sample for each slot. We assume
    that the discriminator's loss at a slot depends only on the sample of that slot. So
    this loss is the reward of the sample: R = -log p(the right answer). The generator
    minimises the mean over the slots of

        -log p_G(sample) (R - b),   b = -log sigmoid(w h_G + bias),

    where h_G are its final states (loss "generator_reward"). The baseline b is trained
    to match the reward (loss "baseline"): a cross-entropy of sigmoid(w h_G + bias)
    against exp(-R), the probability that the discriminator gave to the right answer.
    There is no maximum-likelihood loss.

    Chosen here: the reward does not contain the discriminator's weight of 50. The
    weight of "generator_reward" is `generator_weight`, that of "baseline" is 1. The
    baseline does not train the generator's encoder. log p_G is taken at the sampling
    temperature.
    """

    def __init__(self, config, dtype=None, name="adversarial_generator"):
        super().__init__(config, dtype=dtype, name=name)
        del self.loss_terms["masked_lm"]
        coefficient = config.objective.generator_weight
        self.loss_terms["generator_reward"] = LossTerm(coefficient, 1e-6)
        self.loss_terms["baseline"] = LossTerm(epsilon=1e-6)
        self.baseline = keras.layers.Dense(1, dtype=dtype, name="baseline")
        self.baseline.build((None, None, self.generator.config.hidden_size))

    def call(self, features, training=False):
        outputs = super().call(features, training=training)
        baseline = self.baseline(ops.stop_gradient(outputs["generator_output"]))
        baseline = ops.cast(ops.squeeze(baseline, axis=-1), "float32")
        return outputs | {"baseline_logits": baseline}

    def loss_weights(self, features):
        weights = super().loss_weights(features)
        slots = weights["masked_lm"]
        return weights | {"generator_reward": slots, "baseline": slots}

    def _loss_sums(self, features, outputs):
        sums = super()._loss_sums(features, outputs)
        slots = features["masked_lm_weights"]
        rewards = binary_cross_entropy(
            outputs["replaced_logits"], outputs["replaced_labels"]
        )
        rewards = ops.take_along_axis(rewards, features["masked_lm_positions"], axis=1)
        rewards = ops.stop_gradient(rewards)
        logits = outputs["baseline_logits"]
        advantages = ops.stop_gradient(rewards - ops.softplus(-logits))
        surprisal = cross_entropy(
            outputs["generator_logits"] / self.token_generator.temperature,
            outputs["sampled_ids"],
        )
        matched = binary_cross_entropy(logits, ops.exp(-rewards))
        return sums | {
            "generator_reward": ops.sum(surprisal * advantages * slots),
            "baseline": ops.sum(matched * slots),
        }


class TwoStage(ReplacedTokenDetection):
    """ELECTRA with its two networks trained one after the other (sec. 3.2).

    Steps 0 to `generator_steps` - 1 train the generator with its masked-LM loss. Then
    the generator's weights are copied to the discriminator's encoder. The remaining
    steps train the discriminator and its heads while the generator is frozen. Both
    networks have the same size and share no weights.

    The stage depends only on the step. The trainer calls `begin_step` before every
    step, which freezes the generator and copies its weights. Outside training both
    networks are trainable.

    Chosen here: one learning-rate schedule for the whole run, and new optimizer
    moments for the discriminator.
    """

    def __init__(self, config, dtype=None, name="two_stage"):
        super().__init__(config, dtype=dtype, name=name)
        self.generator_steps = config.objective.generator_steps
        self.stage = None  # "generator" or "discriminator" during training
        self._terms_of_both = dict(self.loss_terms)

    def begin_step(self, step):
        super().begin_step(step)
        if keras.backend.backend() != "tensorflow":
            raise ConfigError(
                "objective.generator_training 'two_stage' needs the TensorFlow "
                f"backend, not {keras.backend.backend()}"
            )
        if step == self.generator_steps:
            self.copy_generator()
        stage = "generator" if step < self.generator_steps else "discriminator"
        if stage == self.stage:
            return False
        self.stage = stage
        trains_generator = stage == "generator"
        self.loss_terms = {
            name: term
            for name, term in self._terms_of_both.items()
            if (name == "masked_lm") == trains_generator
        }
        self._set_trainable(trains_generator, not trains_generator)
        return True

    def end_training(self):
        self.stage = None
        self.loss_terms = dict(self._terms_of_both)
        self._set_trainable(True, True)

    def _set_trainable(self, generator, discriminator):
        self.token_generator.trainable = generator
        for layer in (self.discriminator, self.replaced_token_head, self.sentence_head):
            if layer is not None:
                layer.trainable = discriminator

    def copy_generator(self):
        """Copies the generator's weights to the discriminator's encoder.

        A pooler keeps its initial weights, because the generator has none.
        """
        targets = {v.path: v for v in self.discriminator.weights}
        for variable in self.generator.weights:
            own = variable.path.removeprefix("generator/")
            targets[f"discriminator/{own}"].assign(variable)

    def call(self, features, training=False):
        if training and self.stage == "generator":
            dropout = dropout_for(features, training)
            return self.token_generator(features, dropout=dropout)
        return super().call(features, training=training)

    def _loss_sums(self, features, outputs):
        if "replaced_logits" in outputs:
            return super()._loss_sums(features, outputs)
        logits = outputs["generator_logits"]
        return {"masked_lm": self._masked_lm_sum(features, logits)}
