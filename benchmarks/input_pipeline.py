"""How long the train step waits for its input."""

from benchmarks import comparison
from benchmarks.comparison import Row
from benchmarks.worker import Contestant

_STEPS = 8


def wait_share(settings):
    """Waiting time as a share of the step, masks drawn on the fly."""
    arguments = {"folder": settings.folder, "model": "electra"}
    Contestant(
        "benchmarks.corpus:prepare", arguments | {"inputs": settings.inputs}
    ).close()
    with Contestant("benchmarks.ours:input_wait", arguments) as ours:
        ours.run(steps=2)
        results = [ours.run(steps=_STEPS) for _ in range(settings.rounds)]
    return [
        Row(
            "input wait, ELECTRA-Small",
            1000 * comparison.median(results, "wait"),
            "the whole step",
            1000 * comparison.median(results, "seconds"),
            "ms",
            0.02,
            is_rate=False,
        )
    ]
