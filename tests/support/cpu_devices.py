"""Logical CPU devices, for tests that run several replicas in one process."""

import tensorflow as tf


def use_two_cpu_devices():
    """Splits the CPU in two; must come before TensorFlow runs anything."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration() for _ in range(2)],
    )
