import keras
import numpy as np
import pytest

from tf_pretrain.config import TrainConfig
from tf_pretrain.training.schedules import (
    AlbertSchedule,
    ElectraSchedule,
    build_schedule,
)


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
    train = TrainConfig(schedule=name, learning_rate=0.01)
    schedule = build_schedule(train, num_steps=50, warmup_steps=5)
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    assert (
        type(restored) is {"electra": ElectraSchedule, "albert": AlbertSchedule}[name]
    )
    assert restored.get_config() == schedule.get_config()
    assert float(restored(25)) == float(schedule(25)) == pytest.approx(0.005)
