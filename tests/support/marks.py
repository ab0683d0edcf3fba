"""The marker `unit` and the order of the files.

`pytest -m unit` is for the inner loop. It leaves out the files that train whole models
or start processes.
"""

from pathlib import PurePath

import pytest

# The slowest first: a file is run by one process, which should not begin it last.
NOT_UNIT = (
    "runs/test_pretrain.py",
    "training/test_trainer.py",
    "tables/test_tables_runner.py",
    "tasks/test_finetune.py",
    "runs/test_backend_runs.py",
    "training/test_jax_step.py",
    "benchmarks/test_gpu_kit.py",
    "faults/test_lost_worker.py",
    "training/test_distribution.py",
    "training/test_every_config.py",
    "faults/test_numerics.py",
    "faults/test_bad_records.py",
    "faults/test_disk.py",
    "models/test_ablations.py",
    "test_installed.py",
    "test_golden.py",
    "runs/test_budget.py",
    "training/test_backends.py",
    "data/test_build_records.py",
    "faults/test_kills.py",
    "tasks/test_run_finetuning.py",
    "interchange/test_convert.py",
    "runs/test_two_stage.py",
    "faults/test_sigterm.py",
    "faults/test_served_under_load.py",
    "tasks/test_text_classifier.py",
    "faults/test_clock.py",
    "faults/test_security.py",
    "serving/test_serving.py",
    "runs/test_kill.py",
)


def mark_and_sort(items):
    """Marks the tests that are units, and moves the slow files to the front."""
    for item in items:
        if _file(item) not in NOT_UNIT:
            item.add_marker(pytest.mark.unit)
    places = {file: place for place, file in enumerate(NOT_UNIT)}
    items.sort(key=lambda item: places.get(_file(item), len(places)))


def _file(item):
    """Its path within the folder of the tests."""
    return PurePath(item.location[0]).as_posix().removeprefix("tests/")
