"""One training step from the checkpoints, with their optimizer slots."""

import numpy as np
import pytest

from tf_pretrain.training.optimizers import LAMB, AdamW
from tf_pretrain.training.schedules import AlbertSchedule, ElectraSchedule
from tf_pretrain.training.trainer import Trainer

from .files import read_json
from .originals import (
    ALBERT_SETS,
    ELECTRA_SETS,
    compare_gradients,
    forward_pass,
    original_name,
    read_checkpoint,
)

FILES = ("*/train_step.json", "*/variables.json", "*/model.ckpt-*")
SETS = ELECTRA_SETS + ALBERT_SETS
# The original programs' loss names -> ours.
LOSS_NAMES = {
    "mlm_loss": "masked_lm",
    "disc_loss": "replaced_token",
    "sop_loss": "sentence_order",
}


@pytest.mark.parametrize("name", SETS)
def test_every_variable_of_the_checkpoint_is_ours(name, comparison):
    """Names and shapes, slots included; nothing is left over."""
    check = comparison("checkpoints")
    pretrained = read_checkpoint(name)
    shapes = {"global_step": []}
    for path, weight in pretrained.weights.items():
        original, is_transposed = original_name(path, pretrained.config)
        shape = list(weight.T.shape if is_transposed else weight.shape)
        for suffix in ("", "/adam_m", "/adam_v"):
            shapes[original + suffix] = shape
    check.equal("names and shapes", shapes, dict(read_json(f"{name}/variables.json")))
    step = read_json(f"{name}/train_step.json")["global_step_before"]
    check.equal("global step", pretrained.step, step)
    assert not pretrained.unused and not pretrained.missing()


def schedule_of(settings):
    args = settings["learning_rate"], settings["num_train_steps"]
    warmup_steps = settings["warmup_steps"]
    if "poly_power" in settings:
        power, start = settings["poly_power"], settings["start_warmup_step"]
        return AlbertSchedule(*args, warmup_steps, power, start)
    return ElectraSchedule(*args, warmup_steps, settings["lr_decay_power"])


def optimizer_of(settings):
    optimizer = {"lamb": LAMB, "adamw": AdamW}[settings.get("name", "adamw")]
    return optimizer(
        schedule_of(settings),
        weight_decay=settings["weight_decay_rate"],
        beta_1=settings["beta_1"],
        beta_2=settings["beta_2"],
        epsilon=settings["epsilon"],
        clip_norm=settings["clip_norm"],
    )


def trainer_of(pretrained, settings):
    """A Trainer at the checkpoint's step, with its moments."""
    trainer = Trainer(pretrained.build())
    trainer.compile(optimizer=optimizer_of(settings))
    optimizer = trainer.optimizer
    optimizer.iterations.assign(pretrained.step)
    for variable in trainer.network.trainable_variables:
        index = optimizer._get_variable_index(variable)
        optimizer._m[index].assign(pretrained.moments["m"][variable.path])
        optimizer._v[index].assign(pretrained.moments["v"][variable.path])
    return trainer


@pytest.mark.parametrize("name", SETS)
def test_train_step(name, comparison):
    """Gradients, rate, clip, new weights and slots, and the losses after the step.

    The original ALBERT clips by a norm up to 0.15 % below that of its own gradients
    (why is not known: neither the gradients of the word table taken apart by use nor
    a variable left out explain it), so the clip is set to what it was in the original
    and the norm is compared with that of the set's gradients.
    """
    check = comparison(f"train step, {'ELECTRA' if name in ELECTRA_SETS else 'ALBERT'}")
    expected = read_json(f"{name}/train_step.json")
    pretrained = read_checkpoint(name)
    trainer = trainer_of(pretrained, expected["optimizer"])
    network, optimizer = trainer.network, trainer.optimizer
    variables = network.trainable_variables
    named = {v.path: original_name(v.path, pretrained.config) for v in variables}

    def laid_out(values):
        """{original's name: array as the original lays it out}"""
        arrays = [np.asarray(value) for value in values]
        return {
            original: array.T if is_transposed else array
            for (original, is_transposed), array in zip(
                named.values(), arrays, strict=True
            )
        }

    features, _ = forward_pass(name)
    weights = network.loss_weights(features)
    shares = {
        key: term.coefficient / term.divisor(weights[key])
        for key, term in network.loss_terms.items()
    }
    gradients, _ = trainer._gradients(features, shares)
    norms = [figures["l2"] for figures in expected["gradients"].values()]
    global_norm = np.sqrt(np.sum(np.square(norms)))
    compare_gradients(check, laid_out(gradients), expected["gradients"], global_norm)
    stored_norm = expected["gradient_global_norm"]
    check.relative("gradients: stored global norm", global_norm, stored_norm, 1e-2)

    rate = expected["learning_rate_used"]
    check.relative("learning rate", optimizer.learning_rate, rate, 1e-6)
    before = laid_out(variables)
    optimizer.clip_norm *= float(global_norm / stored_norm)
    norm, _ = optimizer.clip_and_apply(gradients, variables)
    check.relative("gradients: global norm", norm, global_norm, 1e-5)
    check.equal("global step", optimizer.iterations, expected["global_step_after"])

    after = laid_out(variables)
    assert after.keys() == expected["after_step"].keys()
    for original, value in after.items():
        figures = expected["after_step"][original]
        first = np.ravel(value)[: len(figures["first"])]
        check.close("new weights: first values", first, figures["first"], 1e-6)
        change = np.linalg.norm(value - before[original])
        unit = {"scale": rate * np.sqrt(value.size), "unit": "of rate x sqrt(size)"}
        check.close("new weights: change", change, figures["delta_l2"], 1e-3, **unit)
        total = value.sum(dtype="float64")
        check.close("new weights: sum", total, figures["sum"], 1e-3, **unit)
    slots = {
        f"{original}/adam_{kind}": value
        for kind, values in (("m", optimizer._m), ("v", optimizer._v))
        for original, value in laid_out(
            values[optimizer._get_variable_index(v)] for v in variables
        ).items()
    }
    for slot, first in expected["slots_after_step_first8"].items():
        got, scale = np.ravel(slots[slot])[: len(first)], np.abs(first).max()
        # The fused AdamW keeps a v that is 1.3e-5 too small, and makes good for it.
        check.close(f"slots: {slot[-1]}", got, first, 2e-5, scale, "of the largest")

    losses = network.losses(features)
    for key, loss in expected["losses_after_step"].items():
        if key == "total_loss":
            got = network.total_loss(losses)
        else:
            total, weight = losses[LOSS_NAMES[key]]
            got = total / network.loss_terms[LOSS_NAMES[key]].divisor(weight)
        check.relative("losses after the step", got, loss, 1e-5)
