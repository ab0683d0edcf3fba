"""The report's plots: scores of the rows, scores against FLOPs, learning curves."""

from tf_pretrain import plotting

# Held-out scores that get a curve, in this order; at most three of those that a table
# has.
_CURVES = (
    "replaced_token_auc",
    "masked_lm_accuracy",
    "sentence_order_accuracy",
    "next_sentence_accuracy",
)
# What the axes say for our scores and for the papers' columns.
_LABELS = {
    "glue": "mean of the GLUE tasks, dev x 100",
    "glue_dev_avg": "mean of the GLUE tasks, dev x 100",
    "average": "mean of the tasks, dev x 100",
    "avg": "mean of the paper's tasks, dev x 100",
    **{
        f"squad{version}{split}_{score}": f"SQuAD {name}, dev {words}"
        for version, name in (("11", "1.1"), ("20", "2.0"))
        for split in ("", "_dev")
        for score, words in (("f1", "F1"), ("em", "exact match"))
    },
    "intrinsic_mlm": "masked-LM accuracy x 100",
    "intrinsic_nsp": "next-sentence accuracy x 100",
    "intrinsic_sop": "sentence-order accuracy x 100",
    "intrinsic masked LM": "masked-LM accuracy x 100",
    "intrinsic next_sentence": "next-sentence accuracy x 100",
    "intrinsic sentence_order": "sentence-order accuracy x 100",
    "held-out masked_lm_loss": "masked-LM loss on held-out text, nats",
    "held-out masked_lm_accuracy": "masked-LM accuracy on held-out text x 100",
    "held-out replaced_token_auc": "replaced-token AUC on held-out text x 100",
    "held-out sentence_order_accuracy": "sentence-order accuracy, held out x 100",
    "held-out next_sentence_accuracy": "next-sentence accuracy, held out x 100",
}
# A family has one color in all plots; its other rows have other lines.
_FAMILIES = {"ELECTRA": "C0", "BERT": "C1", "ALBERT": "C2"}
_OTHER_COLORS = ("C3", "C4", "C5", "C6", "C8", "C9", "C7")
_LINES = ("-", "--", ":", "-.")


def label(score: str) -> str:
    """The title of an axis; a score without one, such as a task, is its own."""
    return _LABELS.get(score, score)


def styles(names: list[str]) -> dict[str, dict]:
    """{row name: color and line}; the first word of a name may be a family's."""
    found, others = {}, iter(_OTHER_COLORS * len(names))
    for name in names:
        family = name.replace(",", " ").split()[0]
        color = _FAMILIES.get(family) or next(others)
        earlier = sum(style["color"] == color for style in found.values())
        found[name] = {"color": color, "ls": _LINES[earlier % len(_LINES)]}
    return found


def plot_scores(results, metric: str, path) -> None:
    """Our medians with lowest and highest, row by row; the paper's values beside."""
    rows = [row for row in results.rows if results.summary(row, metric)][::-1]
    printed = [results.printed(row, metric) for row in rows]
    has_paper = any(value is not None for value in printed)
    size = (4.4, 1.2 + 0.34 * len(rows))
    with plotting.saved(path, size, columns=1 + has_paper) as (_, axes):
        for y, row in enumerate(rows):
            summary = results.summary(row, metric)
            axes[0].plot([summary.low, summary.high], [y, y], color="tab:blue", lw=2)
            axes[0].plot(summary.median, y, "o", color="tab:blue")
        axes[0].set_title("ours: median, lowest, highest", fontsize=10)
        axes[0].set_xlabel(label(metric), fontsize=9)
        if has_paper:
            for y, value in enumerate(printed):
                if value is not None:
                    axes[1].plot(value, y, "D", color="tab:orange")
            axes[1].set_title("the paper's", fontsize=10)
            axes[1].set_xlabel(label(results.table.metrics[metric]), fontsize=9)
        for axis in axes:
            axis.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
            axis.set_ylim(-0.6, len(rows) - 0.4)


def spans_compute(results) -> bool:
    """Whether the rows' FLOPs differ enough to draw something against them."""
    flops = [results.first(r).flops for r in results.rows if not r.is_unpretrained]
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
            point = float(results.first(row).flops), summary
            lines.setdefault(row.name.partition(",")[0], []).append(point)
    with plotting.saved(path, (5.6, 3.8)) as (_, (axes,)):
        looks = styles(list(lines))
        for name, points in lines.items():
            points.sort(key=lambda point: point[0])
            flops, summaries = zip(*points, strict=True)
            medians = [s.median for s in summaries]
            below = [s.median - s.low for s in summaries]
            above = [s.high - s.median for s in summaries]
            look = looks[name] | {"marker": "o", "capsize": 3, "label": name}
            axes.errorbar(flops, medians, [below, above], **look)
        start = next((row for row in results.rows if row.is_unpretrained), None)
        if start is not None and results.summary(start, metric):
            median = results.summary(start, metric).median
            axes.axhline(median, color="black", ls=":", lw=1, label=start.name)
        axes.set_xscale("log")
        _set_scales(axes, sorted({flops for p in lines.values() for flops, _ in p}))
        axes.set_xlabel("training FLOPs")
        axes.set_ylabel(label(metric), fontsize=9)
        axes.legend(fontsize=8)


def _set_scales(axes, scales):
    """A tick at each scale, except where labels would touch."""
    apart = max(1.2, (scales[-1] / scales[0]) ** 0.15)
    marks = scales[:1]
    for scale in scales:
        if scale > apart * marks[-1]:
            marks.append(scale)
    axes.set_xticks(marks, [_power(x) for x in marks], fontsize=8)
    axes.minorticks_off()


def _power(x):
    mantissa, _, exponent = f"{x:.1e}".partition("e")
    return rf"${mantissa}\cdot10^{{{int(exponent)}}}$"


def plot_curves(results, path) -> bool:
    """Held-out scores over training FLOPs, the first seed of each row.

    Returns:
        Whether there was anything to draw.
    """
    rows = [row for row in results.rows if not row.is_unpretrained]
    series = {row.name: results.first(row) for row in rows}
    names = [n for n in _CURVES if any(n in r.curves for r in series.values())][:3]
    if not names:
        return False
    costs = [record.flops for record in series.values()]
    looks = styles(list(series))
    with plotting.saved(path, (5.2, 3.6), columns=len(names)) as (figure, axes):
        for axis, name in zip(axes, names, strict=True):
            for row, record in series.items():
                if name in record.curves:
                    flops = record.flops / record.pretrain.step
                    steps, values = zip(*record.curves[name], strict=True)
                    steps = [float(step * flops) for step in steps]
                    axis.plot(steps, values, label=row, lw=1.2, **looks[row])
            if max(costs) > 8 * min(costs):
                # On a linear axis the smaller runs would be a line at its edge.
                axis.set_xscale("log")
            axis.set_xlabel("training FLOPs")
            axis.set_title(
                label(f"held-out {name}").removesuffix(" x 100"), fontsize=10
            )
        # One legend for all panels, beside them, because it would hide curves inside.
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
    return True
