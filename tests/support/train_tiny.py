"""Trains a tiny model in a process of its own: train_tiny.py RECORDS WORKDIR STRATEGY.

For tests of replicas and workers, which must not share TensorFlow's runtime.
"""

import sys

from support.cpu_devices import use_two_cpu_devices
from support.tiny import one_layer_config, with_dropout
from tf_pretrain.runs.data import Sources
from tf_pretrain.runs.pretrain import pretrain

NUM_STEPS = 20


def run(records, workdir, strategy, name="replaced_token_detection"):
    config = one_layer_config(
        name,
        model={"vocab_size": 120},
        data={"max_seq_length": 24, "max_predictions_per_seq": 5},
        train={
            "num_steps": NUM_STEPS,
            "learning_rate": 1e-3,  # 0.01 makes rounding grow to a visible size
            "log_every": 1,
            "checkpoint_every": 5,
            "eval_steps": 1,
            "strategy": strategy,
        },
    )
    sources = Sources(records=f"{records}/train-*.tfrecord")
    return pretrain(with_dropout(config, rate=0.1), workdir, sources)


if __name__ == "__main__":
    if sys.argv[3] == "mirrored":
        use_two_cpu_devices()
    run(*sys.argv[1:])
