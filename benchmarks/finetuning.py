"""Fine-tuning on 10,000 sentences of SST-2, and serving, beside transformers."""

import contextlib

import numpy as np

from benchmarks import comparison, corpus
from benchmarks.comparison import Row
from benchmarks.worker import Contestant

_SENTENCES, _BATCH_SIZE = 10_000, 32
# At batch 1 TensorFlow loses more in handing over small operations than it gains from a
# second thread (8.4 ms against 5.9); PyTorch gains (11.1 against 7.8).
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1"}


def finetune(settings):
    """Steady rate over an epoch: what is compiled once is not counted."""
    texts, labels, source = _sentences(settings)
    arguments = {
        "folder": settings.folder,
        "texts": texts,
        "labels": labels,
        "batch_size": _BATCH_SIZE,
    }
    peers = {"max_length": ("padded to 128", 5.0, 4), "longest": ("dynamic", 1.5, 25)}
    with contextlib.ExitStack() as stack:
        Contestant("benchmarks.corpus:prepare", _prepare(settings)).close()
        ours = stack.enter_context(Contestant("benchmarks.ours:finetuning", arguments))
        runs = {"ours": ours.run}
        for padding, (_, _, steps) in peers.items():
            peer = stack.enter_context(
                Contestant(
                    "benchmarks.torch_peers:finetuning",
                    arguments | {"padding": padding},
                )
            )
            runs[padding] = lambda peer=peer, steps=steps: peer.run(steps=steps)
        results = comparison.interleave(runs, settings.rounds)
    rates = {n: comparison.median(r, "sentences_per_s") for n, r in results.items()}
    return [
        Row(
            "fine-tuning, SST-2",
            rates["ours"],
            f"HF eager, {name}",
            rates[padding],
            "sentences/s",
            target,
            note=f"{len(texts)} sentences of {source}, batch {_BATCH_SIZE}",
        )
        for padding, (name, target, _) in peers.items()
    ]


def serve(settings):
    """One text of 32 pieces, special tokens included, from string to probabilities."""
    Contestant("benchmarks.corpus:prepare", _prepare(settings)).close()
    arguments = {"folder": settings.folder, "text": corpus.text_of(settings.folder, 32)}
    with (
        Contestant("benchmarks.ours:serving", arguments, _ONE_THREAD) as ours,
        Contestant("benchmarks.torch_peers:serving", arguments) as peer,
    ):
        results = comparison.interleave(
            {"ours": lambda: ours.run(calls=50), "peer": lambda: peer.run(calls=50)},
            settings.rounds,
        )
    return [
        Row(
            "serving, batch 1, 32 pieces",
            1000 * comparison.median(results["ours"], "seconds"),
            "HF tokenizer + torch eager",
            1000 * comparison.median(results["peer"], "seconds"),
            "ms",
            0.7,
            is_rate=False,
            note=f"{results['peer'][0]['pieces']} pieces by the peer's count; ours with"
            " one thread, the peer with all: what serves each best",
        )
    ]


def _prepare(settings):
    return {"folder": settings.folder, "inputs": settings.inputs, "model": "electra"}


def _sentences(settings):
    """Texts, labels and where they are from."""
    if settings.data_dir is not None:
        from tf_pretrain.tasks import glue

        train = glue.load("SST-2", settings.data_dir).splits["train"]
        return train.texts_a[:_SENTENCES], train.labels[:_SENTENCES].tolist(), "SST-2"
    lengths = _sst2_like_lengths()
    words = corpus.words(settings.inputs, int(lengths.sum()))
    ends = np.cumsum(lengths)
    texts = [
        " ".join(words[end - length : end])
        for end, length in zip(ends, lengths, strict=True)
    ]
    return texts, [i % 2 for i in range(_SENTENCES)], "the text, cut to SST-2's lengths"


def _sst2_like_lengths():
    """Words: log-normal with SST-2's quartiles (4, 7, 13 words; at most 52)."""
    rng = np.random.default_rng(0)
    return np.clip(rng.lognormal(np.log(7), 0.87, _SENTENCES), 1, 52).astype(int)
