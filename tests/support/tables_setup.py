"""Small text, a small task and small sizes, for tests that run cells of tables."""

from support.corpus import write_corpus
from tf_pretrain.tables.cells.record import PretrainRecord, Record, TaskRecord
from tf_pretrain.tables.cells.setup import Setup

SHRUNKEN = {
    "model.vocab_size": "120",
    "model.embedding_size": "8",
    "model.hidden_size": "16",
    "model.num_hidden_layers": "2",
    "model.num_attention_heads": "2",
    "model.intermediate_size": "32",
    "data.max_seq_length": "24",
    "data.max_predictions_per_seq": "4",
    "data.heldout_fraction": "0.1",
    "data.shard_size_mb": "1",
    "train.num_steps": "8",
    "train.batch_size": "4",
    "train.eval_steps": "2",
    "train.jit_compile": "false",
}


def make_setup(tmp_path) -> Setup:
    """Invented text, a task of two words and settings of a few steps."""
    task = tmp_path / "words"
    task.mkdir()
    for split in ("train", "dev"):
        rows = "sentence\tlabel\n" + "good\tp\nbad\tn\n" * 6
        (task / f"{split}.tsv").write_text(rows)
    (task / "test.tsv").write_text("sentence\ngood\nbad\n")
    return Setup(
        workdir=str(tmp_path / "workdir"),
        inputs=str(write_corpus(tmp_path / "text.txt", documents=60)),
        tasks=(str(task),),
        finetune={"num_steps": "3", "max_seq_length": "16"},
        command="the command",
    )


def make_record(key, tasks, origin, *, pretrain=None, **values) -> Record:
    """A finished cell with invented results.

    Args:
        tasks: {TASK-KEY: fields of TaskRecord that matter}; likewise `pretrain`.
        origin: Command, commit and cores of all parts, where they give no others.
    """
    pretrain_fields = {
        "step": 1900,
        "seconds": 300,
        "tokens_per_s": 9000.0,
        "parameters": 2_500_000,
        "encoder_parameters": 2_300_000,
        "weights_sha256": "0" * 64,
        "eval": {},
    }
    task_fields = {
        "metric": "accuracy",
        "median": 0.5,
        "min": 0.5,
        "max": 0.5,
        "medians": {},
        "examples": {},
        "notes": [],
        "seconds": 60,
        "steps": 3,
        "num_trials": 1,
        "finetune": {},
    }
    fields = {
        "seed": 0,
        "config": {},
        "inputs": "text.txt",
        "vocab": None,
        "backend": "tensorflow",
        "flops": 2e14,
        "electra_flops": 5e14,
        "memory_bytes": 2**30,
        "curves": {},
    }
    return Record(
        key=key,
        pretrain=PretrainRecord(**pretrain_fields | origin | (pretrain or {})),
        tasks={
            name: TaskRecord(**task_fields | origin | task)
            for name, task in tasks.items()
        },
        **fields | values,
    )
