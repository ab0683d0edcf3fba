"""The marker `unit` and the order of the files.

`pytest -m unit` is for the inner loop. It leaves out the files that train whole models
or take longer than a few seconds.
"""

from pathlib import PurePath

import pytest

# The slowest first: a file is run by one process, which should not begin it last.
NOT_UNIT = (
    "serving/test_served_tasks.py",
    "training/test_trainer.py",
    "tasks/test_text_classifier.py",
    "test_golden.py",
    "test_installed.py",
    "runs/test_backend_runs.py",
    "training/test_jax_step.py",
    "runs/test_pretrain.py",
    "tables/test_tables_runner.py",
    "training/test_every_config.py",
    "data/test_tokenization.py",
    "models/test_ablations.py",
    "runs/test_two_stage.py",
    "benchmarks/test_gpu_kit.py",
    "training/test_backends.py",
    "data/test_build_records.py",
    "faults/test_bad_records.py",
    "training/test_distribution.py",
    "runs/test_budget.py",
    "tasks/test_more_tasks.py",
    "models/test_classifier.py",
    "faults/test_numerics.py",
    "faults/test_kills.py",
    "tasks/test_text_classifier_data.py",
    "tasks/test_finetune.py",
    "data/test_numpy_batches.py",
    "tasks/test_run_finetuning.py",
    "interchange/test_convert.py",
    "training/test_keras_optimizers.py",
    "data/test_engines.py",
    "inspection/test_inspection.py",
    "faults/test_sigterm.py",
    "examples/test_plain_examples.py",
    "tasks/test_list_models.py",
    "interchange/test_huggingface.py",
    "serving/test_serving.py",
    "interchange/test_finetuned_heads.py",
    "interchange/test_huggingface_tokenizer.py",
    "faults/test_lost_worker.py",
    "interchange/test_keras_hub_presets.py",
    "faults/test_disk.py",
    "faults/test_clock.py",
    "faults/test_served_under_load.py",
    "data/test_vocabulary.py",
    "training/test_optimizers.py",
    "faults/test_security.py",
    "faults/test_bad_text.py",
    "training/test_checkpoints.py",
    "data/test_batches.py",
    "training/test_evaluation.py",
    "faults/test_importers.py",
    "data/test_examples.py",
    "serving/test_export.py",
    "test_commands.py",
    "interchange/test_combine.py",
    "serving/test_graph_alignment.py",
    "benchmarks/test_finetuning_parity.py",
    "test_figures.py",
    "data/test_builtin_docs.py",
    "interchange/test_tf1.py",
    "data/test_text.py",
    "models/test_encoder.py",
    "interchange/test_bert.py",
    "models/test_objectives.py",
    "benchmarks/test_benchmarks.py",
    "tables/test_tables.py",
    "training/test_rates.py",
    "interchange/test_from_bert.py",
)


def mark_and_sort(items):
    """Marks the tests that are units, and moves the slow files to the front."""
    for item in items:
        is_long = any(map(item.get_closest_marker, ("integration", "slow")))
        if _file(item) not in NOT_UNIT and not is_long:
            item.add_marker(pytest.mark.unit)
    places = {file: place for place, file in enumerate(NOT_UNIT)}
    items.sort(key=lambda item: places.get(_file(item), len(places)))


def _file(item):
    """Its path within the folder of the tests."""
    return PurePath(item.location[0]).as_posix().removeprefix("tests/")
