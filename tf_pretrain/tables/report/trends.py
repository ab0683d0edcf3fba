"""One comparison over several scales: does the difference grow with compute or size?"""

import dataclasses

import numpy as np

from tf_pretrain.tables.report.results import MIN_SEEDS, Summary, TableResults

_MAX_DOUBLINGS = 7  # of the largest scale: nobody believes a longer extrapolation


@dataclasses.dataclass(frozen=True)
class Point:
    """The comparison at one scale.

    Attributes:
        label: What the two rows have in common, say "1/2"; "" if nothing.
        flops: Of training, of the first row.
        parameters: Of the first row's encoder.
        difference: First row minus second, of runs with the same seed.
        printed: The paper's difference, if it prints both.
        at_floor: Whether neither row is better than without pretraining.
    """

    label: str
    flops: float
    parameters: int
    difference: Summary
    printed: float | None
    at_floor: bool


def points(results: TableResults, metric: str) -> list[Point]:
    """The comparison that the table's `trend` names, the smallest scale first."""
    if results.table.trend is None:
        return []
    rows = {row.name.partition(", ")[::2]: row for row in results.rows}
    first, second = results.table.trend
    floor = results.order(metric).floor
    found = [
        _point(results, metric, floor, label, row, rows[second, label])
        for (family, label), row in rows.items()
        if family == first and (second, label) in rows
    ]
    return in_order([point for point in found if point is not None])


def _point(results, metric, floor, label, *pair):
    """The difference of two rows; None if they have no seed in common."""
    a, b = (
        {cell["seed"]: s[metric] for cell, s in results.cells[row.name] if metric in s}
        for row in pair
    )
    differences = [a[seed] - b[seed] for seed in a if seed in b]
    if not differences:
        return None
    cell = results.cells[pair[0].name][0][0]
    printed = [results.printed(row, metric) for row in pair]
    return Point(
        label or "all",
        cell["flops"],
        cell["pretrain"]["encoder_parameters"],
        Summary.of(differences),
        None if None in printed else printed[0] - printed[1],
        all(row.name in floor for row in pair),
    )


def is_of_compute(points: list[Point]) -> bool:
    """Whether the scales differ in compute, not in size alone."""
    flops = [point.flops for point in points]
    return max(flops) > 1.5 * min(flops)


def in_order(points: list[Point]) -> list[Point]:
    """Sorted by compute or size."""
    if points and is_of_compute(points):
        return sorted(points, key=lambda point: point.flops)
    return sorted(points, key=lambda point: point.parameters)


def lines(points: list[Point]) -> list[str]:
    """What the trend is, for people; of points with MIN_SEEDS seeds or more."""
    few = [p.label for p in points if p.difference.spread is None]
    points = [p for p in points if p.difference.spread is not None]
    result = []
    if few:
        result.append(f"left out, of fewer than {MIN_SEEDS} seeds: {', '.join(few)}")
    if len(points) < 2:
        return result
    scales = [float(scale) for scale in _scales(points)]
    name = "compute" if is_of_compute(points) else "size"
    medians = [point.difference.median for point in points]
    slope, start = np.polyfit(np.log2(scales), medians, 1)
    result.append(f"least squares: {slope:+.2f} for each doubling of {name}")
    clear = [p.label for p in points if _is_clear(p.difference)]
    outside = ", ".join(clear) if clear else "none"
    result.append(f"further from zero than the spread at: {outside}")
    floor = [p.label for p in points if p.at_floor]
    if floor:
        result.append(
            f"neither is better than without pretraining at: {', '.join(floor)}"
        )
    largest = points[-1].difference
    if points[-1].at_floor:
        result.append("so the difference says nothing about larger scales")
        return result
    if _is_clear(largest):
        return result
    if slope * largest.median <= 0:
        result.append("the difference does not grow: no larger scale is suggested")
        return result
    goal = np.sign(largest.median) * largest.spread
    doublings = (goal - start) / slope - np.log2(scales[-1])
    if not 0 < doublings < _MAX_DOUBLINGS:
        result.append(
            "the points are too irregular, or the slope too flat, to say at what scale "
            f"it would exceed the spread ({largest.spread:.1f})"
        )
    else:
        unit = "FLOPs" if name == "compute" else "parameters"
        result.append(
            f"at that slope it would exceed the spread ({largest.spread:.1f}) at about "
            f"{scales[-1] * 2**doublings:.1e} {unit}; an extrapolation from "
            f"{len(points)} points"
        )
    return result


def _scales(points):
    if is_of_compute(points):
        return [point.flops for point in points]
    return [point.parameters for point in points]


def _is_clear(summary):
    return abs(summary.median) > summary.spread
