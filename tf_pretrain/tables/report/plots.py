"""The report's plots: scores of the rows, scores against FLOPs, learning curves."""

from pathlib import Path

from tf_pretrain.tables.report import trends

# Held-out scores worth a curve, in this order; the first three that a table has.
_CURVES = (
    "replaced_token_auc",
    "masked_lm_accuracy",
    "sentence_order_accuracy",
    "next_sentence_accuracy",
)


def plot_scores(results, metric: str, path) -> None:
    """Our medians with lowest and highest, row by row; the paper's values beside."""
    rows = [row for row in results.rows if results.summary(row, metric)][::-1]
    printed = [results.printed(row, metric) for row in rows]
    has_paper = any(value is not None for value in printed)
    figure, axes = _subplots(1 + has_paper, (4.4, 1.2 + 0.34 * len(rows)))
    positions = range(len(rows))
    for y, row in zip(positions, rows, strict=True):
        summary = results.summary(row, metric)
        axes[0].plot([summary.low, summary.high], [y, y], color="tab:blue", lw=2)
        axes[0].plot(summary.median, y, "o", color="tab:blue")
    axes[0].set_title("ours: median, lowest, highest", fontsize=10)
    if has_paper:
        for y, value in zip(positions, printed, strict=True):
            if value is not None:
                axes[1].plot(value, y, "D", color="tab:orange")
        axes[1].set_title("the paper's", fontsize=10)
        axes[1].set_xlabel(results.table.metrics[metric])
    for axis in axes:
        axis.set_yticks(positions, [row.name for row in rows], fontsize=8)
        axis.set_ylim(-0.6, len(rows) - 0.4)
    axes[0].set_xlabel(metric)
    _save(figure, axes, path)


def spans_compute(results) -> bool:
    """Whether the rows' FLOPs differ enough to draw something against them."""
    flops = [
        results.cells[row.name][0][0]["flops"]
        for row in results.rows
        if not row.is_unpretrained
    ]
    return len(flops) > 1 and max(flops) > 1.5 * min(flops)


def plot_by_compute(results, metric: str, path) -> None:
    """A score against training FLOPs (Clark et al., 2020, Figure 2).

    Rows of the same name up to a comma are one line.
    """
    lines = {}
    for row in results.rows:
        summary = results.summary(row, metric)
        if summary is not None and not row.is_unpretrained:
            # A float: NumPy has no integers as large as the papers' runs.
            flops = float(results.cells[row.name][0][0]["flops"])
            lines.setdefault(row.name.partition(",")[0], []).append((flops, summary))
    figure, axes = _subplots(1, (5.6, 3.8))
    for name, points in lines.items():
        points.sort(key=lambda point: point[0])
        medians = [summary.median for _, summary in points]
        errors = [
            [s.median - s.low for _, s in points],
            [s.high - s.median for _, s in points],
        ]
        axes[0].errorbar(
            [flops for flops, _ in points],
            medians,
            errors,
            marker="o",
            capsize=3,
            label=name,
        )
    start = next((row for row in results.rows if row.is_unpretrained), None)
    if start is not None and results.summary(start, metric):
        median = results.summary(start, metric).median
        axes[0].axhline(median, color="black", ls=":", lw=1, label=start.name)
    axes[0].set_xscale("log")
    scales = sorted({flops for points in lines.values() for flops, _ in points})
    _set_scales(axes[0], scales)
    axes[0].set_xlabel("training FLOPs")
    axes[0].set_ylabel(metric)
    axes[0].legend(fontsize=8)
    _save(figure, axes, path)


def plot_trend(points, text: str, path) -> None:
    """A difference of two rows over scales (see `trends`), the paper's beside it."""
    of_compute = trends.is_of_compute(points)
    scales = [float(p.flops if of_compute else p.parameters) for p in points]
    medians = [p.difference.median for p in points]
    figure, axes = _subplots(1, (5.6, 3.6))
    errors = [
        [p.difference.median - p.difference.low for p in points],
        [p.difference.high - p.difference.median for p in points],
    ]
    label = "ours: median, lowest, highest"
    axes[0].errorbar(scales, medians, errors, marker="o", capsize=3, label=label)
    printed = [(x, p.printed) for x, p in zip(scales, points, strict=True)]
    printed = [(x, value) for x, value in printed if value is not None]
    if printed:
        label = "the paper's, at its own scale"
        axes[0].plot(*zip(*printed, strict=True), "D", color="tab:orange", label=label)
    axes[0].axhline(0, color="black", lw=0.8)
    axes[0].set_xscale("log")
    _set_scales(axes[0], scales)
    axes[0].set_xlabel("training FLOPs" if of_compute else "encoder parameters")
    axes[0].set_ylabel(text)
    axes[0].legend(fontsize=8)
    _save(figure, axes, path)


def _set_scales(axis, scales):
    """A mark at each scale, but at one of those whose labels would touch."""
    apart = max(1.2, (scales[-1] / scales[0]) ** 0.15)
    marks = scales[:1]
    for scale in scales:
        if scale > apart * marks[-1]:
            marks.append(scale)
    axis.set_xticks(marks, [_power(x) for x in marks], fontsize=8)
    axis.minorticks_off()


def _power(x):
    mantissa, _, exponent = f"{x:.1e}".partition("e")
    return rf"${mantissa}\cdot10^{{{int(exponent)}}}$"


def plot_curves(results, path) -> bool:
    """Held-out scores over training FLOPs, the first seed of each row.

    Returns:
        Whether there was anything to draw.
    """
    series = {
        row.name: results.cells[row.name][0][0]
        for row in results.rows
        if not row.is_unpretrained
    }
    names = [n for n in _CURVES if any(n in cell["curves"] for cell in series.values())]
    if not names:
        return False
    names = names[:3]
    costs = [float(cell["flops"]) for cell in series.values()]
    # On one linear axis the smaller runs would be a line on its edge.
    is_wide = max(costs) > 8 * min(costs)
    figure, axes = _subplots(len(names), (5.2, 3.6))
    for axis, name in zip(axes, names, strict=True):
        for number, (row, cell) in enumerate(series.items()):
            if name in cell["curves"]:
                flops = cell["flops"] / cell["pretrain"]["step"]
                steps, values = zip(*cell["curves"][name], strict=True)
                axis.plot(
                    [float(s * flops) for s in steps],
                    values,
                    f"C{number % 10}",
                    label=row,
                    lw=1.2,
                )
        if is_wide:
            axis.set_xscale("log")
        axis.set_xlabel("training FLOPs")
        axis.set_title(f"held-out {name.replace('_', ' ')}", fontsize=10)
    # One for all panels, beside them: it would hide curves inside.
    lines = {line.get_label(): line for axis in axes for line in axis.get_lines()}
    lines = {row: lines[row] for row in series if row in lines}
    figure.legend(
        lines.values(),
        lines,
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        title="first seed of each row",
        title_fontsize=8,
        fontsize=8,
    )
    _save(figure, axes, path)
    return True


def _subplots(columns, size):
    import matplotlib

    matplotlib.use("Agg")  # no display needed
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        1, columns, figsize=(size[0] * columns, size[1]), squeeze=False
    )
    return figure, list(axes[0])


def _save(figure, axes, path):
    from matplotlib import pyplot as plt

    for axis in axes:
        axis.grid(alpha=0.3)
    figure.tight_layout()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
