"""Callbacks that run between steps: progress, metrics, checkpoints."""

import contextlib
import json
import math
import signal
import threading
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops

from tf_pretrain import atomic_files
from tf_pretrain.training import checkpoints, event_files
from tf_pretrain.training.step import is_loss, step_logs


class Progress(keras.callbacks.Callback):
    """Prints a line every `log_every` steps and writes the same figures to files.

    `metrics.jsonl` and TensorBoard get losses and norms as means over the steps since
    the last line. `update_norm` and `learning_rate` are those of the last step.
    (`update_norm` needs a copy of the weights, so it is left out where JAX starts
    several steps at once.) `skipped_steps` counts from the start of the run.
    `tokens_per_s` is the mean since this process began, without padding. The rates do
    not include the first step, which traces and compiles, or the time of other
    callbacks after a line. Without a workdir (on a worker that is not the chief)
    nothing is printed or written.

    Args:
        workdir: Folder of `metrics.jsonl` and of TensorBoard's files, or None.
        start_step: The step at which this process starts.
        num_steps: Number of steps of the run; None while it is not known.
        log_every: Steps from one line to the next.

    Attributes:
        end: The step at which training pauses or ends. It is logged, too.
    """

    def __init__(self, workdir, start_step, num_steps, log_every):
        super().__init__()
        self.path = self._events = None
        self.start_step, self.num_steps = start_step, num_steps
        self.end = num_steps
        self.log_every = log_every
        self.timed_steps = self.timed_tokens = self.timed_seconds = 0
        # logs since the last line; tensors that are read only for the next line
        self._window = []
        self._before = []  # (variable, its value before the step) of a logged step
        self._is_first = True  # the step that compiles
        if workdir is not None:
            self.path = Path(workdir) / "metrics.jsonl"
            _drop_lines_after(self.path, start_step)
            self._events = event_files.EventFile(Path(workdir) / "tensorboard")

    def _is_logged(self, batch):
        step = self.start_step + batch + 1
        return self._is_first or step % self.log_every == 0 or step == self.end

    def on_train_batch_begin(self, batch, logs=None):
        if not self._window:
            self._window_began = time.perf_counter()
        is_single = self.model.steps_per_dispatch == 1
        if is_single and self._is_logged(batch) and self.path is not None:
            self.model.sync()
            weights = self.model.trainable_variables
            self._before = [(v, ops.copy(v.value)) for v in weights]

    def on_train_batch_end(self, batch, logs=None):
        step = self.start_step + batch + 1
        self._window.append(logs)
        if self._is_logged(batch):
            window = [step_logs(logs) for logs in self._window]  # waits for the device
            seconds = time.perf_counter() - self._window_began
            steps = sum(len(logs["tokens"]) for logs in window)
            if self._is_first:
                name = "first step" if steps == 1 else f"first {steps} steps"
                print(f"{name} compiled and run in {seconds:.1f} s", flush=True)
            else:
                self.timed_steps += steps
                self.timed_tokens += sum(float(logs["tokens"].sum()) for logs in window)
                self.timed_seconds += seconds
            self._log(step, window)
            self._window, self._before, self._is_first = [], [], False

    @property
    def tokens_per_s(self):
        return self.timed_tokens / self.timed_seconds if self.timed_seconds else 0.0

    @property
    def steps_per_s(self):
        return self.timed_steps / self.timed_seconds if self.timed_seconds else 0.0

    def _log(self, step, window):
        # Two-stage training has other losses from some step on.
        names = [n for n in window[-1] if n not in ("tokens", "skipped_steps")]
        figures = {}
        for name in names:
            values = np.concatenate([logs[name] for logs in window if name in logs])
            figures[name] = float(values.astype(np.float64).mean())
        figures["learning_rate"] = float(window[-1]["learning_rate"][-1])
        figures["tokens_per_s"] = self.tokens_per_s
        figures["skipped_steps"] = int(window[-1]["skipped_steps"][-1])
        if self.path is not None:
            if self._before:
                self.model.sync()
                moved = [v.value - old for v, old in self._before]
                squares = [ops.sum(ops.square(change)) for change in moved]
                figures["update_norm"] = float(ops.sqrt(sum(squares)))
            self._write({"step": step, **figures}, "train", figures)
            print(self._line(step, figures), flush=True)

    def _write(self, record, prefix, figures):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        scalars = {f"{prefix}/{name}": value for name, value in figures.items()}
        self._events.write(record["step"], scalars)

    def _line(self, step, figures):
        losses = "  ".join(
            f"{name} {value:.4f}" for name, value in figures.items() if is_loss(name)
        )
        if figures["skipped_steps"]:
            losses += f"  skipped {figures['skipped_steps']}"
        of_how_many = left = ""
        if self.num_steps is not None:
            of_how_many, left = f"/{self.num_steps}", "  ? left"
            if self.steps_per_s:
                seconds = (self.num_steps - step) / self.steps_per_s
                left = f"  {_duration(seconds)} left"
        return (
            f"step {step}{of_how_many}  {losses}  "
            f"lr {figures['learning_rate']:.2e}  grad {figures['gradient_norm']:.2f}  "
            f"{figures['tokens_per_s']:,.0f} tokens/s{left}"
        )

    def log_scores(self, step, scores):
        """Writes held-out scores beside the training figures."""
        if self.path is not None:
            self._write({"step": step, "eval": scores}, "eval", scores)


class Checkpoint(keras.callbacks.Callback):
    """Saves every `train.checkpoint_every` steps, after the last one and at SIGTERM.

    Nothing is saved after a step without a finite gradient, except the last step. So
    the checkpoints that a run may return to are good.

    Args:
        metadata: Called for the values to store.
        stop: From `watching_for_sigterm`. If it is set, the process exits with code 143
            once the checkpoint is written, so not before a good step.
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
        if not (is_last or math.isfinite(step_logs(logs)["gradient_norm"][-1])):
            return
        self.model.sync()
        checkpoints.save(
            self.folder, step, self.model, train.keep_checkpoints, self.metadata()
        )
        if is_stopped:
            print(f"SIGTERM: stopped after step {step}; the same command continues")
            raise SystemExit(128 + signal.SIGTERM)


@contextlib.contextmanager
def watching_for_sigterm():
    """Yields an event that SIGTERM sets instead of ending the process.

    A second SIGTERM ends the process at once. Outside of the main thread Python allows
    no signal handlers, so nothing sets the event there.
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
    """Calls `evaluate(step)` every `every` steps, except after the last one."""

    def __init__(self, evaluate, start_step, num_steps, every):
        super().__init__()
        self.evaluate, self.start_step = evaluate, start_step
        self.num_steps, self.every = num_steps, every

    def on_train_batch_end(self, batch, logs=None):
        step = self.start_step + batch + 1
        if step % self.every == 0 and step < self.num_steps:
            self.model.sync()
            self.evaluate(step)


def _drop_lines_after(path, step):
    """Removes what a stopped run logged after its last checkpoint.

    If there is no checkpoint (step 0), everything is removed, because the run starts
    again.
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
