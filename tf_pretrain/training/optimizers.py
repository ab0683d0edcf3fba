"""AdamW and LAMB as the ELECTRA and ALBERT papers' code defines them.

They differ from Keras' own versions in three ways. The bias of the moments is not
corrected by default. The gradient is clipped by its norm *summed over replicas*, while
Keras clips each replica's part first. And the variables without weight decay are chosen
by path. With gradient g:

    m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g^2
    u  = m / (sqrt(v) + epsilon) + weight_decay w
    w <- w - rate u               LAMB: w <- w - rate (|w| / |u|) u
"""

import math
import re
import typing

import keras
import numpy as np
from keras import ops

from tf_pretrain.config import TrainConfig
from tf_pretrain.training.schedules import build_schedule

# These are searched in the variable's path: LayerNorm gains and offsets, and every
# bias. The original programs write `LayerNorm|layer_norm|bias`, but search the whole
# name.
_NO_DECAY = (r"(LayerNorm|layer_norm)\w*/\w+$", r"bias$")


class Update(typing.NamedTuple):
    """The report of one step of the optimizer.

    gradient_norm: float32 scalar, the global norm before clipping.
    is_finite: bool scalar, False if the step was skipped.
    """

    gradient_norm: object
    is_finite: object


class AdamFamily(keras.optimizers.Optimizer):
    """Base class of AdamW and LAMB. Variables and gradients are float32.

    Under `tf.distribute` each replica passes its own share of the gradient (its sum
    divided by the *global* weight). The shares are added, clipped and applied. If the
    global norm of a step is not finite, weights and moments do not change. The step
    still counts in `iterations`, so that step s always belongs to batch s.

    Args:
        learning_rate: Float or schedule.
        weight_decay: Coefficient of the decoupled decay.
        beta_1, beta_2: Decay rates of the moments.
        epsilon: Added to sqrt(v).
        bias_correction: Multiply m / (sqrt(v) + epsilon) in update number t by
            sqrt(1 - b2^t) / (1 - b1^t) (Kingma & Ba, 2015, end of sec. 2). Without this
            factor the first steps are too long, by up to 6.6 times (the twelfth step;
            the hundredth by 3.2 times). A warm-up of 10,000 steps hides this, and a
            short run does not (Zhang et al., 2021, sec. 4).
        moments_begin: Step at which the moments start, for the bias correction: in
            two-stage training the first step of the second stage.
        clip_norm: Largest global norm of the gradient; None for no clipping.
        learning_rate_multipliers: {path fragment: factor}, e.g. from
            `layerwise_multipliers`. Each variable must match exactly one fragment.
        has_pace: Whether the schedule may advance by more or less than one step at
            each update; see `set_pace`.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        weight_decay=0.01,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-6,
        bias_correction=False,
        moments_begin=0,
        clip_norm=1.0,
        learning_rate_multipliers=None,
        has_pace=False,
        name=None,
    ):
        super().__init__(learning_rate=learning_rate, name=name)
        if clip_norm is not None and not clip_norm > 0:
            raise ValueError(f"clip_norm is {clip_norm}; expected above 0, or None")
        self.weight_decay = weight_decay
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.bias_correction = bias_correction
        self.moments_begin = moments_begin
        self.clip_norm = clip_norm
        self.learning_rate_multipliers = learning_rate_multipliers
        self.has_pace = has_pace

    def build(self, variables):
        """Creates the moments. The paths decide about decay and learning rate.

        Raises:
            ValueError: If a variable matches no fragment of
                `learning_rate_multipliers`, or several.
        """
        if self.built:
            return
        super().build(variables)
        self._m, self._v = self.add_optimizer_variables(variables, ["m", "v"])
        self.skipped_steps = self.add_variable(
            shape=(),
            dtype="int32",
            aggregation="only_first_replica",
            name="skipped_steps",
        )
        if self.has_pace:
            self._pace = self.add_variable(
                shape=(),
                initializer="ones",
                aggregation="only_first_replica",
                name="pace",
            )
        if self.moments_begin:
            self._skipped_before = self.add_variable(
                shape=(),
                dtype="int32",
                aggregation="only_first_replica",
                name="skipped_before",
            )
        # True if the variable has no decay and no layer-wise adaptation
        self._is_plain = [
            any(re.search(pattern, v.path) for pattern in _NO_DECAY) for v in variables
        ]
        self._multipliers = [self._multiplier(v.path) for v in variables]

    def _multiplier(self, path):
        if self.learning_rate_multipliers is None:
            return 1.0
        # The leading slash lets "/embeddings/" match a path that begins with
        # "embeddings/".
        found = [f for f in self.learning_rate_multipliers if f in f"/{path}"]
        if len(found) != 1:
            raise ValueError(
                f"Variable {path} matches {found or 'none'} of the fragments "
                f"{list(self.learning_rate_multipliers)}; expected exactly one"
            )
        return self.learning_rate_multipliers[found[0]]

    @property
    def pace(self) -> float:
        """The number of steps by which one update advances the schedule."""
        return float(ops.convert_to_numpy(self._pace)) if self.has_pace else 1.0

    def set_pace(self, pace: float):
        """From now on, step t has the learning rate of the schedule's step pace * t."""
        self._pace.assign(pace)

    def _get_current_learning_rate(self):
        if not self.has_pace:
            return super()._get_current_learning_rate()
        step = ops.cast(self._iterations, "float32")
        return self._learning_rate(step * self._pace)

    def set_moments(self, variables, moments):
        """Sets m and v, for example to those of an original checkpoint.

        Args:
            variables: Variables that the optimizer was built with.
            moments: {"m": {path: array}, "v": {path: array}}.
        """
        for variable in variables:
            index = self._get_variable_index(variable)
            self._m[index].assign(moments["m"][variable.path])
            self._v[index].assign(moments["v"][variable.path])

    def apply(self, grads, trainable_variables=None):
        """Updates the variables, like `clip_and_apply`, but returns nothing."""
        self.clip_and_apply(grads, trainable_variables)

    def clip_and_apply(self, grads, trainable_variables=None) -> Update:
        """Sums the gradients over replicas, clips them, and updates the variables.

        Args:
            grads: One float32 gradient for each variable; None leaves that variable
                unchanged.
            trainable_variables: Variables that the optimizer was built with, by default
                all of them. If it was not built yet, it is built with these.
        """
        if trainable_variables is None:
            trainable_variables = self._trainable_variables
        variables = list(trainable_variables)
        self.build(variables)
        self._check_variables_are_known(variables)
        grads, variables = self._filter_empty_gradients(grads, variables)

        grads = _sum_over_replicas(grads)
        update, grads, *factors = self._clipped(grads)
        self._update(grads, variables, *factors)
        self._count(update)
        return update

    def apply_to_groups(self, grads, weights, moments, groups) -> tuple[Update, list]:
        """Like `clip_and_apply`, but as a pure function of stacked arrays (JAX).

        Hundreds of small variables would each cost an accelerator several tiny kernels.
        Only the counters are variables here.

        Args:
            grads: float32 arrays [n, ...], one for each group: the gradients of its
                variables.
            weights: The variables, stacked in the same way.
            moments: Pairs (m, v) of such arrays.
            groups: For each group (no decay?, multiplier of the learning rate), from
                `group_of`.

        Returns:
            The report of `clip_and_apply`, and the new (weight, m, v) of each group.
        """
        update, grads, rate, betas, correction = self._clipped(grads)
        new = [
            self._new_values(g, w, m, v, rate * multiplier, betas, correction, is_plain)
            for g, w, (m, v), (is_plain, multiplier) in zip(
                grads, weights, moments, groups, strict=True
            )
        ]
        self._count(update)
        return update, new

    def group_of(self, variable) -> tuple[bool, float]:
        """A key that is equal for variables that are updated in the same way."""
        index = self._get_variable_index(variable)
        return self._is_plain[index], self._multipliers[index]

    def moments_of(self, variable):
        """The optimizer's variables m and v for a variable."""
        index = self._get_variable_index(variable)
        return self._m[index], self._v[index]

    def _clipped(self, grads):
        """The report, clipped gradients, learning rate, betas and bias correction."""
        norm = ops.sqrt(ops.sum(ops.stack([ops.sum(ops.square(g)) for g in grads])))
        is_finite = ops.isfinite(norm)
        if self.clip_norm is not None:
            scale = self.clip_norm / ops.maximum(norm, self.clip_norm)
            grads = [g * scale for g in grads]
        # A step is skipped by setting the gradient to 0 (by selection, because 0 times
        # nan is nan), the decay of the moments to none and the learning rate to 0. A
        # branch for each variable would cost more.
        grads = [ops.where(is_finite, g, 0.0) for g in grads]
        rate = ops.where(is_finite, ops.cast(self.learning_rate, "float32"), 0.0)
        betas = [ops.where(is_finite, b, 1.0) for b in (self.beta_1, self.beta_2)]
        return Update(norm, is_finite), grads, rate, betas, self._correction()

    def _count(self, update):
        self.skipped_steps.assign_add(1 - ops.cast(update.is_finite, "int32"))
        self._iterations.assign_add(1)

    def _correction(self):
        """The factor that corrects the bias of both moments in this update."""
        if not self.bias_correction:
            return 1.0
        # Skipped steps do not change the moments, so they do not count.
        updates = ops.cast(self._iterations - self.skipped_steps + 1, "float32")
        if self.moments_begin:
            has_begun = self._iterations >= self.moments_begin
            skipped = ops.where(has_begun, self._skipped_before, self.skipped_steps)
            self._skipped_before.assign(skipped)
            earlier = ops.cast(self.moments_begin - skipped, "float32")
            updates = ops.where(has_begun, updates - earlier, updates)
        root = ops.sqrt(1.0 - ops.power(self.beta_2, updates))
        return root / (1.0 - ops.power(self.beta_1, updates))

    def _update(self, grads, variables, learning_rate, betas, correction):
        if keras.backend.backend() != "tensorflow":
            for gradient, variable in zip(grads, variables, strict=True):
                self.update_step(gradient, variable, learning_rate, betas, correction)
            return
        import tensorflow as tf

        def update_one(variable, gradient, rate, beta_1, beta_2, correction):
            self.update_step(gradient, variable, rate, (beta_1, beta_2), correction)

        def update_all(strategy, grads, variables, *scalars):
            for gradient, variable in zip(grads, variables, strict=True):
                strategy.extended.update(
                    variable, update_one, args=(gradient, *scalars), group=False
                )

        # The replica context's merge_call cannot be used, because XLA on several GPUs
        # does not support it.
        tf.__internal__.distribute.interim.maybe_merge_call(
            update_all,
            tf.distribute.get_strategy(),
            grads,
            [v.value if isinstance(v, keras.Variable) else v for v in variables],
            learning_rate,
            *betas,
            correction,
        )

    def update_step(self, gradient, variable, learning_rate, betas, correction):
        """Updates one variable and its moments with the formula of this module.

        Args:
            gradient: float32, of the variable's shape.
            variable: Keras variable, or one replica's tf.Variable.
            learning_rate: float32 scalar, before the variable's multiplier.
            betas: Factors of the old moments: `beta_1` and `beta_2`, or both 1 in a
                skipped step, where gradient and learning rate are 0.
            correction: Factor that corrects the bias of the moments.
        """
        index = self._get_variable_index(variable)
        weight, m, v = self._new_values(
            gradient,
            ops.convert_to_tensor(variable)[None],
            ops.convert_to_tensor(self._m[index])[None],
            ops.convert_to_tensor(self._v[index])[None],
            learning_rate * self._multipliers[index],
            betas,
            correction,
            self._is_plain[index],
        )
        self.assign(self._m[index], m[0])
        self.assign(self._v[index], v[0])
        self.assign(variable, weight[0])

    def _new_values(self, gradient, weight, m, v, rate, betas, correction, is_plain):
        """The formula at the top of this module for stacked variables [n, ...]."""
        beta_1, beta_2 = betas
        m = beta_1 * m + (1.0 - self.beta_1) * gradient
        v = beta_2 * v + (1.0 - self.beta_2) * ops.square(gradient)
        update = correction * m / (ops.sqrt(v) + self.epsilon)
        if not is_plain:
            update = update + self.weight_decay * weight
            rate = rate * self._trust_ratio(weight, update)
        return weight - rate * update, m, v

    def _trust_ratio(self, weight, update):
        return 1.0  # Adam has no layer-wise adaptation

    def get_config(self):
        base = super().get_config()
        multipliers = self.learning_rate_multipliers
        return {
            "name": base["name"],
            "learning_rate": base["learning_rate"],
            "weight_decay": self.weight_decay,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "bias_correction": self.bias_correction,
            "moments_begin": self.moments_begin,
            "clip_norm": self.clip_norm,
            "learning_rate_multipliers": multipliers and dict(multipliers),
            "has_pace": self.has_pace,
        }


@keras.saving.register_keras_serializable("tf_pretrain")
class AdamW(AdamFamily):
    """Adam of ELECTRA and BERT: decoupled weight decay, by default no bias correction.

    The arguments are those of its base class.
    """

    def update_step(self, gradient, variable, learning_rate, betas, correction):
        if keras.backend.backend() != "tensorflow":
            super().update_step(gradient, variable, learning_rate, betas, correction)
            return
        # One operation for each variable instead of a dozen: it halves the graph, and
        # with it the tracing time, of a deep model. With both powers of beta set to 0
        # the operation does not correct the bias. Applying the decay first gives the
        # same result, because u contains the old weight.
        import tensorflow as tf

        beta_1, beta_2 = betas
        index = self._get_variable_index(variable)
        rate = learning_rate * self._multipliers[index]
        if not self._is_plain[index]:
            variable.assign_sub((rate * self.weight_decay) * variable)
        # The operation computes 1 - beta_2 in float32, which for 0.999 is 1.3e-5
        # (relative) below 0.001. So its v is too small by that factor. Scaling the
        # learning rate and epsilon by its square root compensates for this.
        error = float(1.0 - np.float32(self.beta_2)) / (1.0 - self.beta_2)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._m[index].handle,
            v=self._v[index].handle,
            beta1_power=0.0,
            beta2_power=0.0,
            lr=rate * (correction * math.sqrt(error)),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=self.epsilon * math.sqrt(error),
            grad=gradient,
        )


@keras.saving.register_keras_serializable("tf_pretrain")
class LAMB(AdamFamily):
    """LAMB as in the released ALBERT code (You et al., 2019).

    The weight decay is a part of the update whose norm the trust ratio uses. The ratio
    is 1 if the weight or the update is all zero. The arguments are those of the base
    class.
    """

    def _trust_ratio(self, weight, update):
        axes = tuple(range(1, len(weight.shape)))  # of each of the stacked variables
        weight_norm, update_norm = (
            ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=True))
            for x in (weight, update)
        )
        is_defined = ops.logical_and(weight_norm > 0, update_norm > 0)
        # Divide by 1 where the ratio is undefined. Selecting after 0 / 0 would also
        # work, but triggers checks for nan.
        safe_norm = ops.where(is_defined, update_norm, 1.0)
        return ops.where(is_defined, weight_norm / safe_norm, 1.0)


def layerwise_multipliers(
    num_layers: int, decay: float, head: str = "task_specific/"
) -> dict[str, float]:
    """ELECTRA's layer-wise learning rates for fine-tuning, by path fragment.

    A variable at depth d gets decay^(num_layers + 2 - d). Embeddings and their
    projection are at depth 0, layer i at i + 1, and the head at num_layers + 2. Nothing
    is at num_layers + 1, because the original once had a pooler there. So even the top
    layer gets decay^2. The published scores were made with this.

    Args:
        num_layers: Layers of the encoder, which must not share parameters.
        decay: Factor from one depth to the one below, for example 0.8.
        head: Path fragment of the task heads' variables.
    """
    depths = {"/embeddings/": 0, "/embeddings_project/": 0, head: num_layers + 2}
    for i in range(num_layers):
        depths |= {f"/attention_{i}/": i + 1, f"/feed_forward_{i}/": i + 1}
    return {name: decay ** (num_layers + 2 - depth) for name, depth in depths.items()}


def build_optimizer(
    train: TrainConfig, learning_rate_multipliers=None, moments_begin=0
) -> AdamFamily:
    """Builds the optimizer and the schedule that `train` describes."""
    optimizer = {"adamw": AdamW, "lamb": LAMB}[train.optimizer]
    return optimizer(
        build_schedule(train),
        weight_decay=train.weight_decay,
        bias_correction=train.bias_correction,
        moments_begin=moments_begin,
        clip_norm=train.clip_norm,
        learning_rate_multipliers=learning_rate_multipliers,
        has_pace=train.budget_minutes > 0,
    )


def _sum_over_replicas(grads):
    """Dense gradients, summed over the replicas of the current strategy."""
    if keras.backend.backend() != "tensorflow":
        return grads
    import tensorflow as tf

    # embeddings have IndexedSlices as gradients
    grads = [tf.convert_to_tensor(g) for g in grads]
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return grads
    return context.all_reduce(tf.distribute.ReduceOp.SUM, grads)
