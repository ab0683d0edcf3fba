"""Small text, a small task and small sizes, for tests that run cells of tables."""

from support.corpus import write_corpus
from tf_pretrain.tables.cells import cell as cells

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


def make_setup(tmp_path) -> cells.Setup:
    """Invented text, a task of two words and settings of a few steps."""
    task = tmp_path / "words"
    task.mkdir()
    for split in ("train", "dev"):
        rows = "sentence\tlabel\n" + "good\tp\nbad\tn\n" * 6
        (task / f"{split}.tsv").write_text(rows)
    (task / "test.tsv").write_text("sentence\ngood\nbad\n")
    return cells.Setup(
        workdir=str(tmp_path / "workdir"),
        inputs=str(write_corpus(tmp_path / "text.txt", documents=60)),
        tasks=(str(task),),
        finetune={"num_steps": "3", "max_seq_length": "16"},
        command="the command",
    )
