"""Pretraining steps beside transformers on PyTorch and the machine's matrix rate."""

import contextlib

from benchmarks import comparison, corpus
from benchmarks.comparison import Row
from benchmarks.worker import Contestant

_MATRIX_STEPS = 10  # products of 2048^3 a round, about half a second


def electra(settings):
    """ELECTRA-Small, batch 16 x 128, dropout 0.1."""
    peers = {
        ("as shipped, eager", 1.6): {"head": "all"},
        ("as shipped, torch.compile", 1.6): {"head": "all", "compiled": True},
        ("gathered head, eager", 1.15): {"head": "gathered"},
    }
    if not settings.quick:
        peers["gathered head, torch.compile", 1.15] = {
            "head": "gathered",
            "compiled": True,
        }
    peers = {
        key: ("benchmarks.torch_peers:electra_step", arguments)
        for key, arguments in peers.items()
    }
    return _compare(settings, "ELECTRA-Small step", "electra", peers, 0.65, steps=3)


def albert(settings):
    """ALBERT-base, batch 8 x 128, dropout 0."""
    peers = {("AlbertForPreTraining, eager", 1.3): {}}
    if not settings.quick:
        peers["AlbertForPreTraining, torch.compile", 1.3] = {"compiled": True}
    peers = {
        key: ("benchmarks.torch_peers:albert_step", arguments)
        for key, arguments in peers.items()
    }
    return _compare(settings, "ALBERT-base step", "albert", peers, 0.9, steps=2)


def _compare(settings, item, model, peers, matrix_target, steps):
    """Rows of one model: tokens/s against each peer, FLOP/s against the machine's."""
    from tf_pretrain.models.flops import matmul_flops

    with contextlib.ExitStack() as stack:

        def start(target, **arguments):
            return stack.enter_context(Contestant(target, arguments))

        start(
            "benchmarks.corpus:prepare",
            folder=settings.folder,
            inputs=settings.inputs,
            model=model,
        ).close()
        ours = start(
            "benchmarks.ours:pretraining_step", folder=settings.folder, model=model
        )
        runs = {"ours": lambda: ours.run(steps=steps)}
        for (name, _), (target, arguments) in peers.items():
            peer = start(target, folder=settings.folder, **arguments)
            runs[name] = lambda peer=peer: peer.run(steps=steps)
        for library in ("ours", "torch_peers"):
            matrix = start(f"benchmarks.{library}:matrix_rate")
            runs[f"{library} matrix"] = lambda m=matrix: m.run(steps=_MATRIX_STEPS)
        results = comparison.interleave(runs, settings.rounds)

    def tokens_per_s(name):
        return comparison.median(results[name], "tokens_per_s")

    rows = [
        Row(item, tokens_per_s("ours"), f"HF {name}", tokens_per_s(name), "tok/s", aim)
        for name, aim in peers
    ]
    flops = matmul_flops(corpus.CONFIGS[model]())
    rate = flops / comparison.median(results["ours"], "seconds")
    in_tensorflow, in_torch = (
        comparison.median(results[f"{library} matrix"], "rate")
        for library in ("ours", "torch_peers")
    )
    note = (
        f"float32 products of 2048 x 2048: {in_tensorflow / 1e9:.0f} GFLOP/s in "
        f"TensorFlow, {in_torch / 1e9:.0f} in PyTorch; the larger counts"
    )
    best = max(in_tensorflow, in_torch) / 1e9
    rows.append(
        Row(
            item,
            rate / 1e9,
            "matrix product",
            best,
            "GFLOP/s",
            matrix_target,
            note=note,
        )
    )
    return rows
