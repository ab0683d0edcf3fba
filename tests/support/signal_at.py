"""Runs a program that signals itself: signal_at.py SIGNAL STEP PROGRAM ...

The signal, a number, is sent at the end of a pretraining step, before a checkpoint of
that step would be written.
"""

import os
import runpy
import sys

from tf_pretrain.training import callbacks


def main():
    number, step = int(sys.argv[1]), int(sys.argv[2])
    del sys.argv[:3]
    log = callbacks.Progress.on_train_batch_end

    def log_and_signal(self, batch, logs=None):
        log(self, batch, logs)
        if self.start_step + batch + 1 == step:
            os.kill(os.getpid(), number)

    callbacks.Progress.on_train_batch_end = log_and_signal
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
