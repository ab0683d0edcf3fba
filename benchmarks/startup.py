"""Process start to the end of the first training step, beside stock Keras `fit`.

python -m benchmarks.startup ours|keras FOLDER
"""

import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmarks import comparison, corpus
from benchmarks.comparison import Row
from benchmarks.worker import Contestant


def startup(settings):
    """Processes of each in turn; both compile with XLA, the default of both."""
    Contestant(
        "benchmarks.corpus:prepare",
        {"folder": settings.folder, "inputs": settings.inputs, "model": "electra"},
    ).close()
    runs = {
        side: lambda side=side: _start(side, settings.folder)
        for side in ("ours", "keras")
    }
    results = comparison.interleave(runs, settings.rounds)
    ours, keras = (comparison.median(results[s], "seconds") for s in runs)
    return [
        Row(
            "start to first step, ELECTRA-Small",
            ours,
            "stock Keras compile + fit",
            keras,
            "s",
            0.35,
            is_rate=False,
        )
    ]


def _start(side, folder):
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.startup", side, folder],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return {"seconds": time.perf_counter() - began}


def main(side, folder):
    import tensorflow as tf

    config = corpus.electra_config()
    batch = corpus.load_batches(folder, "electra")[0]
    dataset = tf.data.Dataset.from_tensors(batch)
    if side == "ours":
        from benchmarks.ours import build_trainer

        trainer = build_trainer(config, jit_compile=True)
    else:
        trainer = _stock_trainer(config)
    trainer.fit(dataset, steps_per_epoch=1, verbose=0)


def _stock_trainer(config):
    """The same network under Keras' own train step and optimizer."""
    import keras

    from tf_pretrain.models.building import build_objective

    class StockTrainer(keras.Model):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def call(self, features, training=False):
            losses = self.network.losses(features, training=training)
            self.add_loss(self.network.total_loss(losses))
            return next(iter(losses.values()))[0]

    trainer = StockTrainer(build_objective(config))
    trainer.compile(
        optimizer=keras.optimizers.AdamW(5e-4, weight_decay=0.01, global_clipnorm=1.0)
    )
    return trainer


if __name__ == "__main__":
    main(*sys.argv[1:])
