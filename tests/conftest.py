"""How the suite runs: in how many processes, on which threads, without what."""

import os

# Before TensorFlow is imported, here and in the processes that tests start. Models this
# small run best on one thread, and compile for longer than they run.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

from pathlib import Path

import pytest

from support import marks

pytest.register_assert_rewrite("golden_checks")

from golden_checks.comparison import Comparison, report  # noqa: E402
from golden_checks.files import GOLDEN  # noqa: E402

_RECORD = "golden comparison"
_DRAWERS = ("tf_pretrain.runs.curves.plot", "tf_pretrain.tasks.plots.plot_trials")
_BYTES_A_PROCESS = 4 * 2**30
_MOST_PROCESSES = 8


def pytest_configure(config):
    if config.getoption("dist", "no") == "no":  # this process runs tests itself
        from support.cpu_devices import use_two_cpu_devices

        use_two_cpu_devices()


def pytest_xdist_auto_num_workers(config):
    """What `-n auto` means: as many processes as cores and memory allow.

    One file is run in this process, where a debugger works and nothing is imported
    twice.
    """
    paths = [argument.partition("::")[0] for argument in config.args]
    if len(paths) == 1 and Path(config.invocation_params.dir, paths[0]).is_file():
        return 0
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, memory // _BYTES_A_PROCESS, _MOST_PROCESSES))


def pytest_make_parametrize_id(val, argname):
    """Names bytes by the argument: an archive has its time in it.

    The processes must collect the same names.
    """
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items):
    marks.mark_and_sort(items)


def pytest_addoption(parser):
    parser.addoption(
        "--golden_report",
        action="store_true",
        help="print the largest error of each comparison with the originals",
    )


@pytest.fixture(autouse=True)
def runs_are_not_drawn(request, monkeypatch):
    """Draws the curves of a run only in tests that are marked `draws`.

    It would take longer than the steps of a tiny run. Runs that fixtures of a module
    make are drawn.
    """
    if not request.node.get_closest_marker("draws"):
        for name in _DRAWERS:
            monkeypatch.setattr(name, lambda *arguments: None)


@pytest.fixture(scope="module")
def traced_once():
    """For a module whose subject is not the trace: runs of one config share it."""
    from support import traced

    with traced.once():
        yield


@pytest.fixture(scope="session")
def golden():
    """Folder with numbers computed by the original programs."""
    return GOLDEN


@pytest.fixture
def comparison(record_property):
    """Makes a Comparison of a topic; what it finds is listed by --golden_report."""
    return lambda topic: Comparison(
        topic, lambda row: record_property(_RECORD, list(row))
    )


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("golden_report"):
        return
    records = [
        row
        for outcome in ("passed", "failed")
        for test in terminalreporter.stats.get(outcome, [])
        for name, row in test.user_properties
        if name == _RECORD and test.when == "call"
    ]
    terminalreporter.section("comparison with the originals")
    for line in report(records):
        terminalreporter.write_line(line)
