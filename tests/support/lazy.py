"""Large libraries, imported by the process whose test uses them and by no other."""

import pytest


class Library:
    """Stands for a module until a test reads something of it.

    Every process of the suite collects all test files, and would import it otherwise.
    Where it is not installed, the test is skipped.
    """

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        return getattr(pytest.importorskip(self._name), attribute)
