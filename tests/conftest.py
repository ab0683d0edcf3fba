"""Two logical CPU devices for the tests of replicas, and the golden comparisons."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import pytest

from support.cpu_devices import use_two_cpu_devices

pytest.register_assert_rewrite("golden_checks")

from golden_checks.comparison import Comparison, report  # noqa: E402
from golden_checks.files import GOLDEN  # noqa: E402

_RECORD = "golden comparison"


def pytest_configure(config):
    use_two_cpu_devices()


def pytest_addoption(parser):
    parser.addoption(
        "--golden_report",
        action="store_true",
        help="print the largest error of each comparison with the originals",
    )


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
