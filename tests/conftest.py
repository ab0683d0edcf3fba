"""Two logical CPU devices for the tests of replicas, and where golden numbers are."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import pytest
import tensorflow as tf


def use_two_cpu_devices():
    """Splits the CPU in two; must come before TensorFlow runs anything."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration() for _ in range(2)],
    )


def pytest_configure(config):
    use_two_cpu_devices()


@pytest.fixture(scope="session")
def golden():
    """Folder with numbers computed by the original programs."""
    default = Path(__file__).parent / "golden"
    return Path(os.environ.get("TF_PRETRAIN_GOLDEN", default))
