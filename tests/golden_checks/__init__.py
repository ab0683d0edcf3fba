"""Checks against numbers computed by the original programs, one module a topic.

`tests/test_golden.py` runs them. Sizes, seeds and settings are read from the files of
the set, so the same checks serve another set of the same layout.
"""
