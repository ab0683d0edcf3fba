"""Comparisons that keep a record: what, how close it had to be, how close it was."""

import keras
import numpy as np


class Comparison:
    """Compares values with the originals' and reports the largest error seen.

    Args:
        topic: Heading under which the report lists what is compared.
        record: Takes one JSON-serialisable list a comparison: topic, what, tolerance
            in words, largest error, number of values.
    """

    def __init__(self, topic, record):
        self.topic = topic
        self._record = record

    def close(self, what, got, expected, tolerance, scale=1.0, unit="absolute"):
        """Requires |got - expected| <= tolerance * scale, elementwise.

        Args:
            what: The kind of value, as the report names it.
            got, expected: Arrays of one shape.
            tolerance: Largest error, in units of `scale`.
            scale: Number, or array that broadcasts; 0 asks for equality.
            unit: `scale` in words.
        """
        got = np.asarray(keras.ops.convert_to_numpy(got), "float64")
        expected = np.asarray(expected, "float64")
        assert got.shape == expected.shape, (what, got.shape, expected.shape)
        difference = np.abs(got - expected)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.where(difference == 0, 0, difference / scale)
        largest = float(np.max(error, initial=0.0))
        self._add(what, f"{tolerance:g} {unit}", largest, got.size)
        assert np.isfinite(got).all(), f"{what}: not finite"
        assert largest <= tolerance, f"{what}: error {largest:.3g}, not {tolerance:g}"

    def relative(self, what, got, expected, tolerance):
        """Requires |got - expected| <= tolerance * |expected|."""
        self.close(what, got, expected, tolerance, np.abs(expected), "relative")

    def equal(self, what, got, expected):
        """Requires equal arrays (or lists of ids, rows of any length)."""
        same = np.array_equal(got, expected)
        self._add(what, "equal", 0.0 if same else 1.0, np.size(expected))
        assert same, f"{what}: {got} instead of {expected}"

    def _add(self, what, tolerance, error, count):
        self._record([self.topic, what, tolerance, error, count])


def report(records):
    """The comparisons of a run as lines of a Markdown table, one for each kind."""
    rows = {}
    for topic, what, tolerance, error, count in records:
        worst, number = rows.get((topic, what, tolerance), (0.0, 0))
        rows[topic, what, tolerance] = max(worst, error), number + count
    yield "| topic | what | tolerance | largest error | values |"
    yield "|---|---|---|---|---|"
    topics = list(dict.fromkeys(topic for topic, *_ in rows))
    for key in sorted(rows, key=lambda key: topics.index(key[0])):
        (topic, what, tolerance), (worst, number) = key, rows[key]
        seen = f"{worst:.1e}" if worst else "0"
        yield f"| {topic} | {what} | {tolerance} | {seen} | {number:,} |"
