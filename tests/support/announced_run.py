"""A tiny run from text to results that says what it does, to be killed meanwhile.

It sends ("begin", PHASE) and ("end", PHASE) of the phases vocabulary, records, trace
(the first step), step, checkpoint and evaluation.
"""

import contextlib

from support.tiny import one_layer_config
from tf_pretrain.runs import data, pretrain
from tf_pretrain.runs import run as run_lib
from tf_pretrain.training import callbacks
from tf_pretrain.training.trainer import Trainer

CHECKPOINT_EVERY = 10


def run(connection, text, workdir, objective, num_steps):
    """Runs it; for a process of its own, for it changes functions of the package."""

    @contextlib.contextmanager
    def announced(phase):
        connection.send(("begin", phase))
        yield
        connection.send(("end", phase))

    def announce(owner, name, phase):
        setattr(owner, name, announced(phase)(getattr(owner, name)))

    announce(data.vocabulary, "prepare_tokenizer", "vocabulary")
    announce(data, "build_records", "records")
    announce(callbacks.checkpoints, "save", "checkpoint")
    announce(run_lib.Evaluator, "__call__", "evaluation")
    make_train_function = Trainer.make_train_function

    def make_announced(self, force=False):
        step, phases = make_train_function(self, force), iter(["trace"])

        def announced_step(iterator):
            with announced(next(phases, "step")):
                return step(iterator)

        self.train_function = announced_step
        return announced_step

    Trainer.make_train_function = make_announced
    is_albert = objective == "masked_lm"
    config = one_layer_config(
        objective,
        "sentence_order" if is_albert else "none",
        model={"vocab_size": 120, "hidden_dropout_prob": 0.1},
        data={
            "max_seq_length": 24,
            "heldout_fraction": 0.2,
            "shard_size_mb": 0.004,
            "masking": "static" if is_albert else "dynamic",
            "tokenizer": "sentencepiece" if is_albert else "wordpiece",
        },
        train={
            "num_steps": num_steps,
            "warmup_steps": 5,
            "checkpoint_every": CHECKPOINT_EVERY,
            "log_every": 1,
            "eval_steps": 1,
        },
    )
    sources = data.Sources(inputs=str(text), num_workers=1)
    pretrain.pretrain(config, workdir, sources)
