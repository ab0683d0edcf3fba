import json
import os
import pathlib

import keras
import numpy as np
import pytest

from tf_pretrain.config import TrainConfig
from tf_pretrain.training.schedules import (
    AlbertSchedule,
    ElectraSchedule,
    build_schedule,
)

GOLDEN = pathlib.Path(
    os.environ.get("TF_PRETRAIN_GOLDEN", pathlib.Path(__file__).parent / "golden")
)


def electra_schedule(args):
    proportion = args.get("warmup_proportion", 0.0)
    return ElectraSchedule(
        args["learning_rate"],
        args["num_train_steps"],
        warmup_steps=args.get("warmup_steps", proportion * args["num_train_steps"]),
        power=args.get("lr_decay_power", 1.0),
    )


def albert_schedule(args):
    return AlbertSchedule(
        args["init_lr"],
        args["num_train_steps"],
        args["num_warmup_steps"],
        args["poly_power"],
        args["start_warmup_step"],
    )


def golden_schedules():
    for family, build in (("electra", electra_schedule), ("albert", albert_schedule)):
        values = json.loads((GOLDEN / "optimizers" / f"{family}.json").read_text())
        for name, case in values["schedules"].items():
            yield pytest.param(build(case["args"]), case, id=f"{family}-{name}")


@pytest.mark.parametrize("schedule, case", list(golden_schedules()))
def test_schedule_equals_the_references(schedule, case):
    rates = [float(schedule(step)) for step in case["steps"]]
    np.testing.assert_allclose(rates, case["learning_rate"], rtol=1e-6)


def test_warmup_multiplies_the_decay_in_electra_and_precedes_it_in_albert():
    electra = ElectraSchedule(1.0, 100, warmup_steps=10)
    albert = AlbertSchedule(1.0, 100, warmup_steps=10)
    steps = np.arange(120)
    decay = np.maximum(1 - steps / 100, 0)
    np.testing.assert_allclose(
        [float(electra(t)) for t in steps],
        decay * np.minimum(steps / 10, 1),
        atol=1e-6,
    )
    np.testing.assert_allclose(
        [float(albert(t)) for t in steps],
        np.where(steps < 10, steps / 10, decay),
        atol=1e-6,
    )


@pytest.mark.parametrize("schedule", [ElectraSchedule, AlbertSchedule])
def test_without_warmup_the_first_step_has_the_full_rate(schedule):
    assert float(schedule(0.5, 10)(0)) == 0.5


@pytest.mark.parametrize("name", ["electra", "albert"])
def test_config_names_the_schedule_and_it_survives_serialisation(name):
    train = TrainConfig(schedule=name, learning_rate=0.01, num_steps=50, warmup_steps=5)
    schedule = build_schedule(train)
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    assert (
        type(restored) is {"electra": ElectraSchedule, "albert": AlbertSchedule}[name]
    )
    assert restored.get_config() == schedule.get_config()
    assert float(restored(25)) == float(schedule(25)) == pytest.approx(0.005)
