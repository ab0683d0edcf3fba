"""Text to records with two workers: rate, and memory against the size of the text."""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks import comparison
from benchmarks.comparison import Row
from benchmarks.worker import Contestant

_RATE_MB = 40  # ten chunks: the workers and their queue are full
_MEMORY_MB = 10 * _RATE_MB
_PEER_MB = 4  # a loop in Python is slow, and as fast on little text
_CONFIGS = {
    "electra": ("configs/electra_small.py", []),
    "albert": (
        "configs/albert.py:base_v2",
        ["--config.data.max_seq_length=128", "--config.data.dupe_factor=1"],
    ),
}
# MB/s of google-research/electra 8a46635 (2 processes) and albert b772393 (1, it has no
# other way), Python 3.11, TensorFlow 2.21; import of TensorFlow taken off.
_ORIGINALS = {"electra": 0.67, "albert": 0.12}
_ELSEWHERE = (
    "the original's rate is a constant, measured once on two cores of another AMD EPYC "
    "(float32 products ran at 110 GFLOP/s there); both without start-up"
)


def electra(settings):
    """Rate of ELECTRA's records beside two single-threaded Python tokenizers."""
    results = _measure(settings, "electra")
    item, rate = "records, ELECTRA", _net_rate(results)
    rows = [_against_original(item, rate, "electra", 15)]
    with Contestant(
        "benchmarks.python_builder:electra_records",
        {
            "vocabulary": str(Path(settings.folder, "wordpiece", "vocab.txt")),
            "text": str(repeated_text(settings, _PEER_MB)),
            "processes": 2,
        },
    ) as peer:
        rates = [peer.run() for _ in range(settings.rounds)]
    name = "WordPiece in Python, 2 processes, here"
    slow = comparison.median(rates, "mb_per_s")
    note = "the Python loop is ours; it leaves out what takes the original no time"
    return [*rows, Row(item, rate, name, slow, "MB/s", None, note=note)]


def albert(settings):
    """Rate of ALBERT's records, masks included."""
    rate = _net_rate(_measure(settings, "albert"))
    return [_against_original("records, ALBERT", rate, "albert", 20)]


def memory(settings):
    """Peak of all processes on ten times the text, built once."""
    peaks = _measure(settings, "electra")
    large = build(settings, "electra", repeated_text(settings, _MEMORY_MB))
    return [
        Row(
            "records, peak memory",
            large["memory"] / 1e9,
            f"on {_RATE_MB} MB instead of {_MEMORY_MB}",
            comparison.median(peaks["text"], "memory") / 1e9,
            "GB",
            1.1,
            is_rate=False,
            note="all processes, shared pages counted once (PSS)",
        )
    ]


def _against_original(item, rate, model, target):
    name = "the original builder (measured elsewhere)"
    return Row(item, rate, name, _ORIGINALS[model], "MB/s", target, note=_ELSEWHERE)


_measured = {}  # by model, so that rate and memory come from the same builds


def _measure(settings, model):
    if model not in _measured:
        Contestant(
            "benchmarks.corpus:prepare",
            {"folder": settings.folder, "inputs": settings.inputs, "model": model},
        ).close()
        sizes = {"start": 0.001, "text": _RATE_MB}
        texts = {name: repeated_text(settings, mb) for name, mb in sizes.items()}
        runs = {
            name: lambda path=path: build(settings, model, path)
            for name, path in texts.items()
        }
        _measured[model] = comparison.interleave(runs, settings.rounds)
    return _measured[model]


def _net_rate(results):
    seconds = {name: comparison.median(r, "seconds") for name, r in results.items()}
    return _RATE_MB / (seconds["text"] - seconds["start"])


def repeated_text(settings, megabytes):
    """A file of so much of the text, from the start again as often as needed."""
    from tf_pretrain.data import text

    path = Path(settings.folder, f"text-{megabytes:g}.txt")
    if path.exists():
        return path
    left = megabytes * 1e6
    with open(path.with_suffix(".part"), "wb") as file:
        while left > 0:
            for document in text.iter_documents(settings.inputs):
                for line in [*document, ""]:
                    left -= file.write(f"{line}\n".encode())
                if left <= 0:
                    break
    path.with_suffix(".part").rename(path)
    return path


def build(settings, model, path):
    """One build by the command; wall seconds and peak bytes of its processes."""
    config, flags = _CONFIGS[model]
    tokenizer = {"electra": "wordpiece", "albert": "sentencepiece"}[model]
    output = tempfile.mkdtemp()
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tf_pretrain.build_records"),
            *(f"--input={path}", f"--output={output}", f"--config={config}"),
            f"--vocab={Path(settings.folder, tokenizer)}",
            "--num_workers=2",
            *flags,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    watch = _MemoryWatch(process.pid)
    watch.start()
    code = process.wait()
    seconds = time.perf_counter() - began
    watch.join()
    shutil.rmtree(output)
    if code:
        raise RuntimeError(f"tf_pretrain.build_records ended with code {code}")
    return {"seconds": seconds, "memory": watch.peak}


class _MemoryWatch(threading.Thread):
    """Samples the memory of a process and its descendants until it ends."""

    def __init__(self, pid, interval=0.2):
        super().__init__(daemon=True)
        self._pid, self._interval = pid, interval
        self.peak = 0

    def run(self):
        while (memory := sum(map(_memory, _tree(self._pid)))) > 0:
            self.peak = max(self.peak, memory)
            time.sleep(self._interval)


def _tree(pid):
    """The process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid] + [p for child in children for p in _tree(int(child))]


def _memory(pid):
    """Bytes of a process, shared pages divided among those that share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
