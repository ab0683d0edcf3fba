"""What the tests of the optimizers share."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from tf_pretrain.training.optimizers import AdamW


class AdamWInOps(AdamW):
    """AdamW as JAX and torch run it: without TensorFlow's fused op."""

    update_step = AdamW.__base__.update_step


def make_variable(path, value):
    *scopes, name = path.split("/")
    with contextlib.ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(keras.name_scope(scope))
        return keras.Variable(np.asarray(value, "float32"), name=name)


def compiled_step(optimizer, variables, jit_compile):
    @tf.function(jit_compile=jit_compile)
    def step(grads):
        return optimizer.clip_and_apply(grads, variables)

    return step
