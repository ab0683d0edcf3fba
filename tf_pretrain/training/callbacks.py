"""What happens between steps: progress, metrics, checkpoints."""

import contextlib
import json
import math
import signal
import threading
import time
from pathlib import Path

import keras
import tensorflow as tf

from tf_pretrain.data import atomic_files
from tf_pretrain.training import checkpoints

# Figures that have a place of their own in a line, or none.
_NOT_LOSSES = ("tokens_per_s", "gradient_norm", "update_norm", "skipped_steps")


class Progress(keras.callbacks.Callback):
    """Prints a line every `log_every` steps and writes the same figures to files.

    `metrics.jsonl` and TensorBoard get losses and norms as means over the steps since
    the last line; `update_norm` and `learning_rate` are the last step's (how far it
    moved the weights takes a copy of them before it), `skipped_steps` counts from the
    start, and `tokens_per_s` is the mean since this process began.
    Tokens are real ones, padding not counted. Rates leave out the first step, which
    traces and compiles, and what other callbacks do after a line. Without a workdir
    (a worker that is not the chief) nothing is printed or written.
    """

    def __init__(self, workdir, start_step, num_steps, log_every):
        super().__init__()
        self.path = self._writer = None
        self.start_step, self.num_steps = start_step, num_steps
        self.log_every = log_every
        self.timed_steps = self.timed_tokens = self.timed_seconds = 0
        self._window = []  # logs since the last line; tensors, read only there
        self._before = []  # (variable, its value before the step) of a logged step
        if workdir is not None:
            self.path = Path(workdir) / "metrics.jsonl"
            _drop_lines_after(self.path, start_step)
            self._writer = tf.summary.create_file_writer(
                str(Path(workdir) / "tensorboard")
            )

    def _is_logged(self, batch):
        step = self.start_step + batch + 1
        return batch == 0 or step % self.log_every == 0 or step == self.num_steps

    def on_train_batch_begin(self, batch, logs=None):
        if not self._window:
            self._window_began = time.perf_counter()
        if self._is_logged(batch) and self.path is not None:
            weights = self.model.trainable_variables
            self._before = [(v, tf.identity(v.value)) for v in weights]

    def on_train_batch_end(self, batch, logs=None):
        step = self.start_step + batch + 1
        self._window.append(logs)
        is_first = batch == 0
        if self._is_logged(batch):
            tokens = sum(float(logs["tokens"]) for logs in self._window)  # waits
            seconds = time.perf_counter() - self._window_began
            if is_first:
                print(f"first step compiled and run in {seconds:.1f} s", flush=True)
            else:
                self.timed_steps += len(self._window)
                self.timed_tokens += tokens
                self.timed_seconds += seconds
            self._log(step)
            self._window, self._before = [], []

    @property
    def tokens_per_s(self):
        return self.timed_tokens / self.timed_seconds if self.timed_seconds else 0.0

    @property
    def steps_per_s(self):
        return self.timed_steps / self.timed_seconds if self.timed_seconds else 0.0

    def _log(self, step):
        # A training of several stages has other losses from some step on.
        names = [name for name in self._window[-1] if name != "tokens"]
        figures = {}
        for name in names:
            values = [float(logs[name]) for logs in self._window if name in logs]
            figures[name] = sum(values) / len(values)
        figures["learning_rate"] = float(self._window[-1]["learning_rate"])
        figures["tokens_per_s"] = self.tokens_per_s
        figures["skipped_steps"] = int(self.model.optimizer.skipped_steps.numpy())
        if self.path is not None:
            moved = [v.value - old for v, old in self._before]
            figures["update_norm"] = float(tf.linalg.global_norm(moved))
            self._write({"step": step, **figures}, "train", figures)
            print(self._line(step, figures), flush=True)

    def _write(self, record, prefix, figures):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        with self._writer.as_default():
            for name, value in figures.items():
                tf.summary.scalar(f"{prefix}/{name}", value, step=record["step"])
        self._writer.flush()

    def _line(self, step, figures):
        left = "?"
        if self.steps_per_s:
            left = _duration((self.num_steps - step) / self.steps_per_s)
        losses = "  ".join(
            f"{name} {value:.4f}"
            for name, value in figures.items()
            if name not in _NOT_LOSSES and not name.endswith("_rate")
        )
        if figures["skipped_steps"]:
            losses += f"  skipped {figures['skipped_steps']}"
        return (
            f"step {step}/{self.num_steps}  {losses}  "
            f"lr {figures['learning_rate']:.2e}  grad {figures['gradient_norm']:.2f}  "
            f"{figures['tokens_per_s']:,.0f} tokens/s  {left} left"
        )

    def log_scores(self, step, scores):
        """Writes held-out scores beside the training figures."""
        if self.path is not None:
            self._write({"step": step, "eval": scores}, "eval", scores)


class Checkpoint(keras.callbacks.Callback):
    """Saves every `train.checkpoint_every` steps, after the last one and at SIGTERM.

    Not after a step without a finite gradient, but for the last one: what is kept to
    go back to should be good.

    Args:
        metadata: Called for the values to store.
        stop: From `watching_for_sigterm`: if set, the process exits with 143 once the
            checkpoint is written, so not before a good step.
    """

    def __init__(self, folder, start_step, train, metadata, stop):
        super().__init__()
        self.folder, self.start_step, self.train = folder, start_step, train
        self.metadata, self.stop = metadata, stop

    def on_train_batch_end(self, batch, logs=None):
        step, train = self.start_step + batch + 1, self.train
        is_last, is_stopped = step == train.num_steps, self.stop.is_set()
        if not (step % train.checkpoint_every == 0 or is_last or is_stopped):
            return
        if not (is_last or math.isfinite(float(logs["gradient_norm"]))):
            return
        checkpoints.save(
            self.folder, step, self.model, train.keep_checkpoints, self.metadata()
        )
        if is_stopped:
            print(f"SIGTERM: stopped after step {step}; the same command continues")
            raise SystemExit(128 + signal.SIGTERM)


@contextlib.contextmanager
def watching_for_sigterm():
    """Yields an event that SIGTERM sets instead of ending the process.

    A second SIGTERM ends it at once. Outside of the main thread, where Python allows
    no handlers, nothing sets the event.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number, frame):
        stop.set()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    previous = signal.signal(signal.SIGTERM, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, previous)


class PeriodicEvaluation(keras.callbacks.Callback):
    """Calls `evaluate(step)` with the checkpoints, so that curves show learning."""

    def __init__(self, evaluate, start_step, train):
        super().__init__()
        self.evaluate, self.start_step, self.train = evaluate, start_step, train

    def on_train_batch_end(self, batch, logs=None):
        step, train = self.start_step + batch + 1, self.train
        if step % train.checkpoint_every == 0 and step < train.num_steps:
            self.evaluate(step)


def _drop_lines_after(path, step):
    """Forgets what a stopped run logged beyond its last checkpoint.

    Without one, at step 0, that is everything: the run begins anew.
    """
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if 0 < step >= json.loads(line)["step"]:
                kept.append(line + "\n")
        except (json.JSONDecodeError, KeyError):
            print(f"dropping a damaged line of {path}", flush=True)
    with atomic_files.replacing(path) as temporary:
        temporary.write_text("".join(kept), encoding="utf-8")


def _duration(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    )
